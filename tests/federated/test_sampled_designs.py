"""Case-cohorts and nested case-control samples between sites, and the same sample pooled."""

from dataclasses import replace

import polars as pl
import pytest

from analyses import (
    BorganI,
    BorganII,
    Conditional,
    Cox,
    LinYing,
    ModelBased,
    Prentice,
    Question,
    Robust,
    Samuelsen,
    SelfPrentice,
    TwoPhase,
)
from analyses.study.parts import Asked
from cohort import (
    Binary,
    CaseCohort,
    Categorical,
    FollowUp,
    NestedCaseControl,
    TimeScale,
    from_frame,
    with_inclusion,
)
from tests.federated.exchanges import DAYS, agree, study, wilms, wilms_study
from tests.reference.cohorts import factor, numeric
from tests.reference.oracle import data


@pytest.mark.parametrize(
    ("weighting", "variance"),
    [
        (Prentice(), None),
        (Prentice(), Robust()),
        (SelfPrentice(), None),
        (SelfPrentice(), Robust()),
        (LinYing(), None),
        (LinYing(), TwoPhase("robust")),
        (LinYing(), Robust()),
    ],
    ids=repr,
)
def test_a_case_cohort_that_was_drawn_from_all_sites_together(weighting, variance):
    whole, sampled = wilms("study")
    cox = Cox(weighting=weighting, variance=variance)
    told = agree(wilms_study(CaseCohort("in.subcohort", cohort_size=4028), cox), sampled)
    counted = agree(wilms_study(CaseCohort("in.subcohort"), cox), whole)
    beta = told.estimates[0].log_estimate
    assert beta == pytest.approx(counted.estimates[0].log_estimate, rel=1e-12)


@pytest.mark.parametrize("site", ["study", "instit"])
@pytest.mark.parametrize(
    ("weighting", "variance"),
    [
        (BorganI(), None),
        (BorganII(), None),
        (BorganII(), TwoPhase("robust")),
        (BorganI(), Robust()),
    ],
    ids=repr,
)
def test_a_stratified_case_cohort(weighting, variance, site):
    """Sampling strata that cross the sites (study), and sites that drew their own (instit)."""
    whole, sampled = wilms(site)
    cox = Cox(weighting=weighting, variance=variance)
    sizes = {1: 3622, 2: 406}
    design = CaseCohort("in.subcohort", cohort_size=sizes, stratum="instit")
    agree(wilms_study(design, cox), sampled)
    agree(wilms_study(CaseCohort("in.subcohort", stratum="instit"), cox), whole)


@pytest.mark.parametrize("weighting", [BorganI(), BorganII()], ids=repr)
def test_a_site_that_drew_nobody_in_a_sampling_stratum(weighting):
    """Its cases there are compared by what the other site drew."""
    _, sampled = wilms("study")
    sizes = {1: 3622, 2: 406}
    there = (pl.col("site") == 4) & (pl.col("instit") == 2)
    table = sampled.filter(~there | (pl.col("rel") == 1)).with_columns(
        (pl.col("in.subcohort") & ~there).alias("in.subcohort")
    )
    design = CaseCohort("in.subcohort", cohort_size=sizes, stratum="instit")
    agree(wilms_study(design, Cox(weighting=weighting)), table)


def test_a_case_cohort_with_incomplete_records():
    """Those left out of a model leave the drawn share as it was, and reach fewer of the cohort."""
    _, sampled = wilms("study")
    gone = pl.when(pl.col("seqno") % 7 == 0).then(None).otherwise(pl.col("age"))
    for weighting in (LinYing(), SelfPrentice(), Prentice()):
        plan = wilms_study(CaseCohort("in.subcohort", cohort_size=4028), Cox(weighting=weighting))
        question = replace(plan.questions[0].question, missing="complete case")
        plan = replace(plan, questions=(Asked(question),))
        agree(plan, sampled.with_columns(gone.alias("age")))


@pytest.mark.parametrize("variance", [ModelBased(), Robust()], ids=repr)
def test_matched_sets_of_a_nested_case_control_sample(variance):
    """R's bdendo: 63 matched sets; each set belongs to one site."""
    table = data("bdendo").with_columns(
        (pl.col("set") % 2).alias("site"), pl.int_range(pl.len()).alias("row"),
        pl.lit(1.0).alias("time"),
    )  # fmt: skip
    plan = study(
        FollowUp(TimeScale("age", "years"), exit="time", event="d"),
        [Binary("est", yes="Yes"), Binary("gall", yes="Yes")],
        Question(exposure="est", adjustments={"crude": [], "gall": ["gall"]}),
        Cox(weighting=Conditional(), variance=variance),
        design=NestedCaseControl(matched_set="set"),
    )
    agree(plan, table)


def drawn_controls() -> pl.DataFrame:
    """R's nwtco with 2 controls a case, matched on study, and the chance of ever being drawn."""
    table = data("nwtco_ncc")
    cohort = from_frame(
        table,
        person="id",
        follow_up=FollowUp(DAYS, exit="edrel", event="rel"),
        design=NestedCaseControl("set", case="case", at_risk="n_at_risk"),
        variables=[Categorical("study")],
    )
    chance = with_inclusion(cohort, matching=["study"]).frame["_inclusion"]
    return table.with_columns(chance.alias("chance"))


@pytest.mark.parametrize(
    ("weighting", "variance"),
    [(Conditional(), None), (Conditional(), Robust()), (Samuelsen(), None)],
    ids=repr,
)
def test_a_nested_case_control_sample_by_study(weighting, variance):
    plan = study(
        FollowUp(DAYS, exit="edrel", event="rel"),
        [factor("stage", (1, 2, 3, 4)), *numeric("histol", "age")],
        Question(exposure="histol", adjustments={"full": ["stage", "age"]}),
        Cox(weighting=weighting, variance=variance),
        design=NestedCaseControl("set", case="case", inclusion="chance"),
        person="id",
    )
    found = agree(plan, drawn_controls(), "study").estimates[0].frame
    assert 571 == found["events"][0]
    assert 1487 == found["persons"][0]
