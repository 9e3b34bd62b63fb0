"""Case-cohort analyses of R's nwtco: survival::cch, and weighted coxph with expanded records."""

import numpy as np
import polars as pl
import pytest

from analyses import (
    BorganI,
    BorganII,
    Cox,
    LinYing,
    Prentice,
    Question,
    Robust,
    SelfPrentice,
    TwoPhase,
)
from cohort import CaseCohort, FollowUp, from_frame
from tests.reference.cohorts import DAYS, factor, numeric
from tests.reference.fits import fitted
from tests.reference.oracle import agree, data, load

CERTIFIES = {
    "cch_nwtco_all_methods": {},
    "casecohort_weighted_coxph_nwtco": {
        "*.n": "R's records are doubled for cases; ours are not",
        "self_prentice_offset_minus100.loglik*": "R's holds an offset of -100; the rise agrees",
    },
    "twophase_survey_nwtco": {
        "*vcov*": "survey's two-phase variance has other finite-sample factors (0.05 % here)",
        "calibrated_stage*": "weights calibrated to the cohort are not built",
        "rel_strata.weights*": "the inverse of the share drawn, compared through the estimates",
    },
}
NAMES = ["stage 2", "stage 3", "stage 4", "histol 2", "age"]
QUESTION = Question(exposure="age", adjustments={"model": ["stage", "histol"]})
METHODS = {
    "Prentice": (Prentice(), None),
    "SelfPrentice": (SelfPrentice(), None),
    "LinYing": (LinYing(), None),
    "LinYing_robust": (LinYing(), TwoPhase("robust")),
    "I.Borgan": (BorganI(), None),
    "II.Borgan": (BorganII(), None),
}


def wilms(*, whole=False):
    """The sampled children, or the whole cohort from which a door takes them; age in years."""
    table = data("nwtco").with_columns(pl.col("age") / 12)
    sampled = pl.col("in.subcohort") | (pl.col("rel") == 1)
    return table if whole else table.filter(sampled)


def cohort_by(design, table):
    return from_frame(
        table,
        person="seqno",
        follow_up=FollowUp(DAYS, exit="edrel", event="rel"),
        design=design,
        variables=[factor("stage", (1, 2, 3, 4)), factor("histol", (1, 2)), *numeric("age")],
    )


@pytest.mark.parametrize(
    ("name", "weighting", "stratum"),
    [("rel_strata", LinYing(), None), ("instit_rel_strata", BorganII(), "instit")],
)
def test_weights_by_case_and_stratum_are_those_of_a_survey(name, weighting, stratum):
    """survey::svycoxph over non-cases weighted to the cohort is Lin-Ying's or Borgan's II."""
    record = load("twophase_survey_nwtco")
    design = CaseCohort("in.subcohort", stratum=stratum)
    fit = Cox(weighting=weighting).estimate(cohort_by(design, wilms(whole=True)), QUESTION).fits[0]
    order = [fit.names.index(one) for one in NAMES]
    theirs = np.array([float(value) for value in record[name]["coef"].value.values()])
    agree(fit.beta[order], theirs, record.rtol, fit.std_error[order])


@pytest.mark.parametrize("whole", [False, True], ids=["the sample", "the whole cohort"])
def test_every_weighting(whole):
    record = load("cch_nwtco_all_methods")
    table = wilms(whole=whole)
    sizes = {1: 3622, 2: 406}
    for method, (weighting, variance) in METHODS.items():
        stored = record[method]
        stratified = "stratum_sizes" in stored
        size = None if whole else sizes if stratified else 4028
        stratum = "instit" if stratified else None
        design = CaseCohort("in.subcohort", cohort_size=size, stratum=stratum)
        cohort = cohort_by(design, table)
        assert cohort.persons == record["n"].number()
        if stratified:
            assert list(cohort.design.cohort_size.values()) == [
                stored["stratum_sizes"][k].number() for k in ("FH", "UH")
            ]
        agree_method(Cox(weighting=weighting, variance=variance), cohort, stored, record.rtol)
    record.finish(CERTIFIES[record.name])


def agree_method(cox, cohort, stored, rtol):
    """Coefficients, covariance, and the interval in the estimates, which follow from both."""
    one = fitted(cox, cohort, QUESTION, NAMES)
    theirs = stored["var"].matrix()
    se = np.sqrt(np.diag(theirs))
    agree(one.fit.beta[one.order], stored["coef"], rtol, se)
    ours = one.fit.covariance[np.ix_(one.order, one.order)]
    agree(ours, theirs, rtol, np.outer(se, se))
    agree(np.sqrt(np.diag(ours)), se, rtol)
    if "naive_var" in stored:  # What R calls so is the two-phase variance with model phase one.
        plain = fitted(Cox(weighting=cox.weighting), cohort, QUESTION, NAMES)
        naive = plain.fit.covariance[np.ix_(plain.order, plain.order)]
        agree(naive, stored["naive_var"].matrix(), rtol, np.outer(se, se))
    row = one.rows.row(0, named=True)
    assert row["variance"] == "two-phase"
    beta = stored["coef"].array()[-1]
    z = 1.959963984540054
    limits = {"estimate": beta, "conf_low": beta - z * se[-1], "conf_high": beta + z * se[-1]}
    for key, log_limit in limits.items():
        agree(np.log(row[key]), log_limit, rtol, se[-1], what=f"{stored.name} {key}")


def test_self_prentice_and_inverse_probability_with_robust_variance():
    record = load("casecohort_weighted_coxph_nwtco")
    cohort = cohort_by(CaseCohort("in.subcohort", cohort_size=4028), wilms())
    stored = record["self_prentice_offset_minus100"]
    one = fitted(Cox(weighting=SelfPrentice(), variance=Robust()), cohort, QUESTION, NAMES)
    agree_robust(one, stored, record.rtol)
    stored = record["borgan2_like_ipw_robust"]
    one = fitted(Cox(weighting=LinYing(), variance=Robust()), cohort, QUESTION, NAMES)
    agree_robust(one, stored, record.rtol)
    barlow(record)
    weights = one.fit.given.risk_weight
    agree(weights.max(), record["weights"]["ipw_noncase"], 1e-14)
    agree(weights.min(), 1.0, 1e-14)
    record.finish(CERTIFIES[record.name])


def barlow(record):
    """Barlow's weights change when a case fails: a weighted cohort with two records for each.

    Barlow (1994), Biometrics 50:1064-1072; the thousandth of a day is R's own.
    """
    table = wilms()
    share = 4028 / table["in.subcohort"].sum()
    agree(share, record["weights"]["barlow"], 1e-14)
    before = pl.when(pl.col("rel") == 1).then(pl.col("edrel") - 0.001).otherwise(pl.col("edrel"))
    waiting = table.filter("in.subcohort").with_columns(
        pl.lit(0.0).alias("from"), before.alias("to"), pl.lit(0).alias("fails"),
        pl.lit(share).alias("weight"),
    )  # fmt: skip
    failing = table.filter(pl.col("rel") == 1).with_columns(
        (pl.col("edrel") - 0.001).alias("from"), pl.col("edrel").cast(pl.Float64).alias("to"),
        pl.lit(1).alias("fails"), pl.lit(1.0).alias("weight"),
    )  # fmt: skip
    cohort = from_frame(
        pl.concat([waiting, failing]),
        person="seqno",
        follow_up=FollowUp(DAYS, entry="from", exit="to", event="fails"),
        variables=[factor("stage", (1, 2, 3, 4)), factor("histol", (1, 2)), *numeric("age")],
        weight="weight",
    )
    one = fitted(Cox(ties="breslow"), cohort, QUESTION, NAMES)
    stored = record["barlow_weighted_robust"]
    agree_robust(one, stored, record.rtol)
    agree(one.fit.log_likelihood, stored["loglik"].array()[1], record.rtol)


def agree_robust(one, stored, rtol):
    fit, order = one.fit, one.order
    se = stored["robust_se"].array()
    agree(fit.beta[order], stored["coef"], rtol, se)
    agree(np.sqrt(np.diag(fit.model_covariance))[order], stored["se"], rtol)
    agree(fit.std_error[order], se, rtol)
    ours = fit.covariance[np.ix_(order, order)]
    agree(ours, stored["vcov"].matrix(), rtol, np.outer(se, se))
    agree(fit.score_test.statistic, stored["score_test"], rtol)
    assert fit.given.event.sum() == stored["nevent"].number()
    assert one.rows["dropped"][0] == stored["n_dropped_missing"].number()
    agree(
        fit.log_likelihood - fit.log_likelihood_at_zero, np.diff(stored["loglik"].array())[0], rtol
    )
