"""Matched sets and inclusion weights against R's survival 3.5-3 on real data."""

import numpy as np
import polars as pl
import pytest

from analyses import (
    Conditional,
    ConditionalLogistic,
    Cox,
    Logistic,
    Question,
    Samuelsen,
)
from cohort import (
    Binary,
    CaseControl,
    Categorical,
    Continuous,
    FollowUp,
    NestedCaseControl,
    TimeScale,
    from_frame,
)
from cohort.sampling import with_inclusion
from tests.published.reference import TESTS, same, stored

DATA = TESTS / "reference" / "data"
DAYS = TimeScale("time since diagnosis", unit="days")
AGE = TimeScale("age", unit="years")


def check_fit(fit, expected, order, rtol):
    """Coefficients, standard errors and log-likelihoods; ``order``: our names by theirs."""
    for theirs, ours in order.items():
        place = fit.names.index(ours)
        se = expected["se"][theirs]
        same(expected["coef"][theirs], fit.beta[place], rtol, scale=se, what=theirs)
        same(se, fit.std_error[place], rtol, what=f"se of {theirs}")
    if "loglik" in expected:
        same(expected["loglik"][0], fit.log_likelihood_at_zero, rtol, what="loglik at 0")
        same(expected["loglik"][1], fit.log_likelihood, rtol, what="loglik")


@pytest.fixture
def wilms():
    frame = pl.read_csv(DATA / "nwtco_ncc.csv")
    return from_frame(
        frame,
        person="id",
        follow_up=FollowUp(DAYS, exit="edrel", event="rel"),
        design=NestedCaseControl("set", case="case", at_risk="n_at_risk"),
        variables=[
            Categorical("stage", levels=(1, 2, 3, 4), reference=1),
            Continuous("histol"),
            Continuous("age"),
            Categorical("study"),
        ],
    )


WILMS = {
    "factor(stage)2": "stage 2",
    "factor(stage)3": "stage 3",
    "factor(stage)4": "stage 4",
    "histol": "histol",
    "age": "age",
}
QUESTION = Question(exposure="histol", adjustments={"full": ["stage", "age"]})


def test_conditional_likelihood_is_clogit(wilms):
    expected, rtol = stored("ncc_samuelsen_nwtco")
    estimates = Cox(weighting=Conditional()).estimate(wilms, QUESTION)
    check_fit(estimates.fit("full"), expected["clogit"], WILMS, rtol)
    assert 571 == estimates.frame["events"][0]
    assert 1487 == estimates.frame["persons"][0]


def test_inclusion_weights_and_robust_variance(wilms):
    expected, rtol = stored("ncc_samuelsen_nwtco")
    weighted = with_inclusion(wilms, matching=["study"])
    once = weighted.frame.unique("_person", keep="first")
    weights = 1.0 / once["_inclusion"].to_numpy()
    same(expected["weights"]["sum"], float(weights.sum()), rtol)
    same(expected["weights"]["sumsq"], float((weights**2).sum()), rtol)
    same(expected["weights"]["max"], float(weights.max()), rtol)
    fit = Cox(weighting=Samuelsen()).estimate(weighted, QUESTION).fit("full")
    robust = dict(expected["samuelsen_ipw_robust"])
    robust["se"] = robust["robust_se"]
    check_fit(fit, robust, WILMS, rtol)


def infert(design):
    frame = pl.read_csv(DATA / "infert.csv", null_values=[""]).with_row_index("woman")
    return from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(AGE, exit="age", event="case"),
        design=design,
        variables=[
            Continuous("spontaneous"),
            Continuous("induced"),
            Continuous("parity"),
            Continuous("years", column="age"),
            Categorical("education", levels=("0-5yrs", "6-11yrs", "12+ yrs"), reference="0-5yrs"),
        ],
    )


@pytest.mark.parametrize("ties", ["exact", "efron", "breslow"])
def test_matched_sets_with_one_case(ties):
    expected, rtol = stored("clogit_infert")
    question = Question(exposure="spontaneous", adjustments={"a": ["induced"]})
    estimates = ConditionalLogistic(ties).estimate(infert(CaseControl("stratum")), question)
    theirs = expected[ties]
    if ties == "exact":
        table = theirs["coef_table"]["columns"]
        place = table["term"].index("spontaneous")
        same(table["exp_coef"][place], estimates.estimate, rtol)
        same(table["exp_lower"][place], estimates.conf_low, rtol)
        same(table["exp_upper"][place], estimates.conf_high, rtol)
        same(theirs["lr_test"]["test"], estimates.fits[0].likelihood_ratio_test.statistic, rtol)
        same(theirs["score_test"]["test"], estimates.fits[0].score_test.statistic, rtol)
    else:
        check_fit(
            estimates.fits[0], theirs, {"spontaneous": "spontaneous", "induced": "induced"}, rtol
        )


def test_a_matching_factor_is_aliased():
    expected, rtol = stored("clogit_infert")
    theirs = expected["matching_factor_aliased"]["fit"]
    cohort = infert(CaseControl("stratum"))
    question = Question(exposure="spontaneous", adjustments={"a": ["parity"]})
    estimates = ConditionalLogistic().estimate(cohort, question)
    same(theirs["coef"]["spontaneous"], estimates.log_estimate, rtol)
    same(theirs["se"]["spontaneous"], estimates.std_error, rtol)
    parity = Question(exposure="parity", adjustments={"a": ["spontaneous"]})
    row = ConditionalLogistic().estimate(cohort, parity).frame
    assert row["estimate"][0] is None
    assert "aliased" in row["note"][0]


def test_unmatched_logistic_regression():
    expected, rtol = stored("clogit_infert")
    table = expected["unmatched_glm"]["coef_table"]["columns"]
    place = table["term"].index("spontaneous")
    question = Question(
        exposure="spontaneous", adjustments={"a": ["years", "parity", "education", "induced"]}
    )
    estimates = Logistic().estimate(infert(CaseControl()), question)
    se = table["se"][place]
    same(table["coef"][place], estimates.log_estimate, rtol, scale=se)
    same(se, estimates.std_error, rtol)
    same(table["exp_lower"][place], estimates.conf_low, rtol)
    same(table["exp_upper"][place], estimates.conf_high, rtol)


def endometrial():
    frame = pl.read_csv(DATA / "bdendo.csv", null_values=[""]).with_row_index("woman")
    return from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(AGE, exit="age", event="d"),
        design=CaseControl("set"),
        variables=[
            *(Binary(name, yes="Yes") for name in ("gall", "hyp", "est", "ob")),
            Categorical("dur", levels=(0, 1, 2, 3, 4), reference=0),
        ],
    )


def test_one_to_four_matching():
    expected, rtol = stored("clogit_bdendo_missing")
    question = Question(exposure="gall", adjustments={"a": ["hyp", "est"]})
    estimates = ConditionalLogistic().estimate(endometrial(), question)
    theirs = expected["complete_covariates"]["coef_table"]["columns"]
    place = theirs["term"].index("gallYes")
    same(theirs["coef"][place], estimates.log_estimate, rtol, scale=theirs["se"][place])
    same(theirs["se"][place], estimates.std_error, rtol)
    same(theirs["exp_upper"][place], estimates.conf_high, rtol)


def test_missing_covariates_break_sets():
    expected, rtol = stored("clogit_bdendo_missing")
    theirs = expected["missing"]
    question = Question(exposure="dur", adjustments={"ob": ["ob"]}, missing="complete case")
    estimates = ConditionalLogistic().estimate(endometrial(), question)
    names = {"obYes": "ob", **{f"dur{level}": f"dur {level}" for level in range(1, 5)}}
    check_fit(estimates.fits[0], theirs, names, rtol)
    assert theirs["n_dropped_missing"] == estimates.frame["dropped"][0]


def test_effect_modifier_in_matched_sets():
    expected, rtol = stored("clogit_bdendo_missing")
    coef = expected["interaction"]["coef"]
    question = Question(exposure="gall", modifiers=("est",))
    rows = (
        ConditionalLogistic()
        .estimate(endometrial(), question)
        .frame.filter(pl.col("modifier_level").is_not_null())
    )
    same(coef["gallYes"], rows["log_estimate"][0], rtol)
    same(coef["gallYes"] + coef["gallYes:estYes"], rows["log_estimate"][1], rtol * 10)


def test_exact_ties_on_lung():
    expected, rtol = stored("cox_lung_exact")
    frame = pl.read_csv(DATA / "lung.csv", null_values=[""]).with_row_index("person")
    cohort = from_frame(
        frame,
        person="person",
        follow_up=FollowUp(DAYS, exit="time", event="status", happened=2),
        variables=[
            Continuous("age"), Continuous("sex"), Continuous("ph.ecog"), Continuous("wt.loss"),
        ],
    )  # fmt: skip
    question = Question(
        exposure="wt.loss",
        adjustments={"a": ["age", "sex", "ph.ecog"]},
        missing="complete case",
    )
    estimates = Cox(ties="exact").estimate(cohort, question)
    fit = estimates.fit("a")
    table = expected["coef_table"]["columns"]
    theirs = {
        "coef": dict(zip(table["term"], table["coef"], strict=True)),
        "se": dict(zip(table["term"], table["se"], strict=True)),
        "loglik": [expected["loglik_null"], expected["loglik_final"]],
    }
    check_fit(fit, theirs, {name: name for name in table["term"]}, rtol)
    same(table["exp_lower"][3], estimates.conf_low, rtol)
    same(table["exp_upper"][3], estimates.conf_high, rtol)
    same(expected["lr_test"]["test"], fit.likelihood_ratio_test.statistic, rtol)
    same(expected["score_test"]["test"], fit.score_test.statistic, rtol)


def test_one_to_one_matching_is_mcnemar():
    """McNemar (1947): exp(beta) = b / c; the score test is his, without correction."""
    b, c, both, neither = 13, 5, 7, 9
    pairs = [(1, 0)] * b + [(0, 1)] * c + [(1, 1)] * both + [(0, 0)] * neither
    frame = pl.DataFrame(
        {
            "woman": range(2 * len(pairs)),
            "pair": np.repeat(np.arange(len(pairs)), 2),
            "age": 50.0,
            "case": [1, 0] * len(pairs),
            "exposed": [value for pair in pairs for value in pair],
        }
    )
    cohort = from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(AGE, exit="age", event="case"),
        design=CaseControl("pair"),
        variables=[Binary("exposed")],
    )
    estimates = ConditionalLogistic().estimate(cohort, Question(exposure="exposed"))
    assert b / c == pytest.approx(estimates.estimate, rel=1e-12)
    assert np.sqrt(1 / b + 1 / c) == pytest.approx(estimates.std_error, rel=1e-12)
    mcnemar = (b - c) ** 2 / (b + c)
    assert mcnemar == pytest.approx(estimates.fits[0].score_test.statistic, rel=1e-12)
