"""Pooling against R's metafor 3.8-1.

Numbers: `meta_bcg` (13 BCG trials) and `meta_loghr_pignon` (65 trials), tolerance of each file,
on estimate, standard error, both limits and everything else that the files hold, but for EB, which
the file shows to be equal to PM.
"""

import math

import pytest

from analyses.pooling.mantel_haenszel import (
    breslow_day_test,
    cochran_mantel_haenszel_test,
    homogeneity_test,
    mantel_haenszel_odds_ratio,
    mantel_haenszel_risk_ratio,
    peto_estimate,
)
from analyses.pooling.meta_regression import meta_regression, subgroup_pools
from analyses.pooling.pool import (
    METHODS,
    heterogeneity_limits,
    leave_one_out,
    pool,
    prediction_interval,
)
from analyses.pooling.small_study import begg_test, egger_test, trim_and_fill
from analyses.pooling.study_estimate import from_o_minus_e, from_table
from analyses.pooling.two_by_two import TwoByTwo, odds_ratio, risk_ratio
from tests.published.reference import rows, same, stored

BCG, RTOL = stored("meta_bcg")
PIGNON, PIGNON_RTOL = stored("meta_loghr_pignon")
TRIALS = rows("dat_bcg")
TABLES = [TwoByTwo(*(int(row[key]) for key in ("tpos", "tneg", "cpos", "cneg"))) for row in TRIALS]
RATIOS = [from_table(row["trial"], risk_ratio(t)) for row, t in zip(TRIALS, TABLES, strict=True)]
ABLAT = [float(row["ablat"]) for row in TRIALS]
CHEMO = rows("dat_pignon2000")
HAZARDS = [
    from_o_minus_e(row["id"], "hazard ratio", float(row["OmE"]), float(row["V"])) for row in CHEMO
]


def same_pool(expected, got, rtol):
    pairs = {
        "b": got.value,
        "se": got.std_error,
        "ci_lb": math.log(got.conf_low),
        "ci_ub": math.log(got.conf_high),
        "z_or_t": got.statistic,
        "p": got.p_value,
        "tau2": got.heterogeneity.tau2,
        "se_tau2": got.heterogeneity.tau2_std_error,
        "QE": got.heterogeneity.q,
        "QEp": got.heterogeneity.p_value,
        "I2": got.heterogeneity.i2,
        "H2": got.heterogeneity.h2,
        "loglik_ML": got.heterogeneity.log_likelihood,
        "loglik_REML": got.heterogeneity.restricted_log_likelihood,
    }
    assert set(pairs) == set(expected)
    for name, value in pairs.items():
        same(expected[name], value, rtol, what=name)


def test_log_risk_ratios_of_the_trials():
    """`escalc("RR")`: values and variances from the counts."""
    for expected, variance, got in zip(BCG["yi"], BCG["vi"], RATIOS, strict=True):
        same(expected, got.value, RTOL, scale=math.sqrt(variance))
        same(variance, got.variance, RTOL)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_equals_metafor(method):
    """FE, DL, HE, HS, SJ, PM, ML, REML."""
    same_pool(BCG[method], pool(RATIOS, method=method), RTOL)


def test_knapp_hartung_equals_metafor():
    """`test = "knha"` with REML: t limits with 12 degrees of freedom."""
    got = pool(RATIOS, method="REML", limits="knapp-hartung")
    same_pool(BCG["knapp_hartung"], got, RTOL)
    assert 12 == got.df


def test_prediction_interval_equals_metafor():
    """`predict(rma)` of metafor 3.8 uses normal quantiles."""
    pooled = pool(RATIOS, method="REML")
    low, high = prediction_interval(pooled, quantile="normal")
    expected = BCG["predict_REML"]
    got = (pooled.estimate, pooled.conf_low, pooled.conf_high, low, high)
    for name, value in zip(("pred", "ci_lb", "ci_ub", "pi_lb", "pi_ub"), got, strict=True):
        same(expected[name], value, RTOL, what=name)


def test_prediction_interval_by_t():
    """By hand: t quantile with 11 degrees of freedom, 2.200985 (any table)."""
    pooled = pool(RATIOS, method="REML")
    reach = 2.200985 * math.sqrt(pooled.std_error**2 + pooled.heterogeneity.tau2)
    low, high = prediction_interval(pooled)
    assert pooled.value - reach == pytest.approx(math.log(low), abs=1e-6)
    assert pooled.value + reach == pytest.approx(math.log(high), abs=1e-6)


def test_q_profile_limits_equal_metafor():
    """`confint(rma)`: tau2, I2 and H2."""
    got = heterogeneity_limits(RATIOS)
    table = dict(zip(BCG["Qprofile_ci"]["rownames"], BCG["Qprofile_ci"]["data"], strict=True))
    for name, pair in (("tau^2", got.tau2), ("I^2(%)", got.i2), ("H^2", got.h2)):
        same(table[name][1], pair[0], RTOL, what=name)
        same(table[name][2], pair[1], RTOL, what=name)


def test_meta_regression_equals_metafor():
    """`mods = ~ablat`: coefficients, limits, tests, residual heterogeneity."""
    got = meta_regression(RATIOS, {"ablat": ABLAT}, method="REML")
    expected = BCG["meta_regression_ablat"]
    for place, one in enumerate(got.coefficients):
        pairs = {
            "b": one.value,
            "se": one.std_error,
            "ci_lb": one.conf_low,
            "ci_ub": one.conf_high,
            "z_or_t": one.statistic,
            "p": one.p_value,
        }
        for name, value in pairs.items():
            same(expected[name][place], value, RTOL, what=f"{one.term} {name}")
    rest = got.heterogeneity
    for name, value in (
        ("tau2", rest.tau2),
        ("se_tau2", rest.tau2_std_error),
        ("QE", rest.q),
        ("QEp", rest.p_value),
        ("I2", rest.i2),
        ("H2", rest.h2),
        ("loglik_ML", rest.log_likelihood),
        ("loglik_REML", rest.restricted_log_likelihood),
    ):
        same(expected[name], value, RTOL, what=name)


def test_mantel_haenszel_equals_metafor():
    """`rma.mh`: RR and OR with Q, the CMH test with correction, Tarone's test."""
    ratio = mantel_haenszel_risk_ratio(TABLES)
    same(BCG["MH_RR"]["b"]["intrcpt"], ratio.log_estimate, RTOL)
    same(BCG["MH_RR"]["se"], ratio.std_error, RTOL)
    same(BCG["MH_RR"]["QE"], homogeneity_test(RATIOS, ratio.log_estimate).statistic, RTOL)
    odds = [from_table(str(place), odds_ratio(table)) for place, table in enumerate(TABLES)]
    common = mantel_haenszel_odds_ratio(TABLES)
    same(BCG["MH_OR"]["b"]["intrcpt"], common.log_estimate, RTOL)
    same(BCG["MH_OR"]["se"], common.std_error, RTOL)
    same(BCG["MH_OR"]["QE"], homogeneity_test(odds, common.log_estimate).statistic, RTOL)
    cmh = cochran_mantel_haenszel_test(TABLES, continuity_correction=True)
    same(BCG["MH_OR"]["CMH"], cmh.statistic, RTOL)
    same(BCG["MH_OR"]["tarone"], breslow_day_test(TABLES).statistic, RTOL)


def test_peto_equals_metafor():
    """`rma.peto`."""
    studies = [peto_estimate(str(place), table) for place, table in enumerate(TABLES)]
    got = pool(studies, method="FE")
    same(BCG["peto"]["b"]["intrcpt"], got.value, RTOL)
    same(BCG["peto"]["se"], got.std_error, RTOL)
    same(BCG["peto"]["QE"], got.heterogeneity.q, RTOL)


def test_small_study_methods_equal_metafor():
    """`regtest(model = "lm")`, `ranktest`, `trimfill`."""
    egger, begg = egger_test(RATIOS), begg_test(RATIOS)
    same(BCG["egger_lm"]["t"], egger.statistic, RTOL)
    same(BCG["egger_lm"]["p"], egger.p_value, RTOL)
    assert BCG["egger_lm"]["dfs"] == egger.df
    same(BCG["begg_rank"]["tau"], begg.statistic, RTOL)
    same(BCG["begg_rank"]["p"], begg.p_value, RTOL)
    trimmed = trim_and_fill(RATIOS, method="FE")
    assert BCG["trimfill"]["k0"] == trimmed.missing
    same(BCG["trimfill"]["b"], trimmed.filled.value, RTOL)
    same(BCG["trimfill"]["se"], trimmed.filled.std_error, RTOL)


def test_leave_one_out_equals_metafor():
    """`leave1out` with the fixed effect."""
    columns = BCG["leave_one_out_FE"]["columns"]
    for place, (study, got) in enumerate(leave_one_out(RATIOS, method="FE")):
        assert TRIALS[place]["trial"] == study
        same(columns["estimate"][place], got.value, RTOL)
        same(columns["se"][place], got.std_error, RTOL)
        same(columns["Q"][place], got.heterogeneity.q, RTOL)
        same(columns["I2"][place], got.heterogeneity.i2, RTOL)


def test_pignon_fixed_effect():
    """Peto one-step of 65 trials, and its closed form sum(O - E)/sum(V)."""
    got, expected = pool(HAZARDS, method="FE"), PIGNON["fixed"]
    same(expected["b"], got.value, PIGNON_RTOL)
    same(expected["se"], got.std_error, PIGNON_RTOL)
    same(expected["Q"], got.heterogeneity.q, PIGNON_RTOL)
    same(expected["hr"], got.estimate, PIGNON_RTOL)
    same(expected["lower"], got.conf_low, PIGNON_RTOL)
    same(expected["upper"], got.conf_high, PIGNON_RTOL)
    same(expected["check"][0], got.value, PIGNON_RTOL)
    same(expected["check"][1], got.std_error, PIGNON_RTOL)


def test_pignon_subgroups():
    """Each group of trials, and the test between groups (`mods = ~factor(grp)`)."""
    got = subgroup_pools(HAZARDS, [row["grp"] for row in CHEMO])
    for name, pooled in got.pools:
        expected = PIGNON["by_group"][f"grp{name}"]
        same(expected["b"], pooled.value, PIGNON_RTOL)
        same(expected["se"], pooled.std_error, PIGNON_RTOL)
        same(expected["Q"], pooled.heterogeneity.q, PIGNON_RTOL)
        assert expected["k"] == len(pooled.studies)
    same(PIGNON["subgroup_QM"]["QM"], got.difference.statistic, PIGNON_RTOL)
    same(PIGNON["subgroup_QM"]["p"], got.difference.p_value, PIGNON_RTOL)
    assert PIGNON["subgroup_QM"]["df"] == got.difference.df


def test_pignon_random_effects():
    """DerSimonian-Laird with its prediction interval (normal quantiles)."""
    got = pool(HAZARDS, method="DL")
    same(PIGNON["DL"]["b"], got.value, PIGNON_RTOL)
    same(PIGNON["DL"]["se"], got.std_error, PIGNON_RTOL)
    same(PIGNON["DL"]["tau2"], got.heterogeneity.tau2, PIGNON_RTOL)
    same(PIGNON["DL"]["I2"], got.heterogeneity.i2, PIGNON_RTOL)
    low, high = prediction_interval(got, quantile="normal")
    same(PIGNON["DL_prediction"]["pi_lb"], math.log(low), PIGNON_RTOL)
    same(PIGNON["DL_prediction"]["pi_ub"], math.log(high), PIGNON_RTOL)


def test_empirical_bayes_is_paule_mandel():
    """Why EB is not offered: the file's EB and PM agree to its tolerance."""
    for name, value in BCG["EB"].items():
        same(BCG["PM"][name], value, RTOL, what=name)
