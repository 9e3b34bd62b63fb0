"""Studies between sites in memory, and the same records pooled in one stratified fit."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from analyses import Cox, Estimates, Question
from analyses.federated.coordinator import Federated, Round, coordinate, opening_message
from analyses.federated.driver import federate
from analyses.federated.site import answer
from analyses.study.parts import Asked, Study
from analyses.study.sources import FileSource
from cohort import Categorical, Cohort, FollowUp, FullCohort, TimeScale, from_frame
from tests.reference.cohorts import factor, numeric
from tests.reference.oracle import data

VERSION = "0.0.test"
DAYS = TimeScale("time since entry", "days")
SAME = 1e-9
"""Of a standard error: what the sites' sums may differ from the pooled fit by."""


def study(
    follow_up: FollowUp,
    variables: list,
    question: Question,
    cox: Cox | None = None,
    *,
    design=FullCohort(),  # noqa: B008
    **facts: str,
) -> Study:
    """A study document with one question; facts : person, weight, offset, cluster."""
    source = FileSource("people.csv", **({"person": "row"} | facts))
    return Study(
        "A study", "Does it?", source, follow_up=follow_up, design=design,
        variables=tuple(variables), questions=(Asked(question),), estimators=(cox or Cox(),),
    )  # fmt: skip


def cohort_of(plan: Study, frame: pl.DataFrame, more: tuple = ()) -> Cohort:
    source = plan.source
    cohort = from_frame(
        frame,
        person=source.person,
        follow_up=plan.follow_up,
        design=plan.design,
        variables=[*plan.variables, *more],
        weight=source.weight,
        offset=source.offset,
        cluster=source.cluster,
    )
    for one in plan.exclusions:
        cohort = cohort.restrict(one.keep, one.reason)
    return cohort


def sites_of(plan: Study, frame: pl.DataFrame, site: str = "site") -> dict:
    """The cohort of each site, by its name."""
    return {
        f"site {name}": {None: cohort_of(plan, part)}
        for (name,), part in frame.partition_by(site, as_dict=True, maintain_order=True).items()
    }


def between(plan: Study, frame: pl.DataFrame, site: str = "site") -> Federated:
    return federate(plan, sites_of(plan, frame, site), version=VERSION)


def pooled(plan: Study, frame: pl.DataFrame, site: str = "site") -> list[Estimates]:
    """All records in one cohort, each site a stratum."""
    levels = tuple(frame[site].unique().sort().to_list())
    strata = Categorical("the site", column=site, levels=levels, reference=levels[0])
    cohort = cohort_of(plan, frame, (strata,))
    return [
        cox.estimate(cohort, replace(one.question, strata=(*one.question.strata, "the site")))
        for one in plan.questions
        for cox in plan.estimators
    ]


def agree(plan: Study, frame: pl.DataFrame, site: str = "site") -> Federated:
    """Every row of the exchange is that of the pooled fit."""
    found = between(plan, frame, site)
    for ours, theirs in zip(found.estimates, pooled(plan, frame, site), strict=True):
        agree_frames(ours.frame, theirs.frame)
    return found


def agree_frames(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    same = [
        "outcome", "exposure", "variable", "contrast", "modifier_level", "adjustment", "measure",
        "conf_level", "variance", "ties", "persons", "events", "dropped", "converged",
    ]  # fmt: skip
    assert theirs.select(same).equals(ours.select(same), null_equal=True)
    assert theirs["person_time"].to_list() == pytest.approx(ours["person_time"].to_list())
    for one, two in zip(theirs.iter_rows(named=True), ours.iter_rows(named=True), strict=True):
        if one["estimate"] is None:
            assert two["estimate"] is None
            assert two["note"]
            continue
        se = one["std_error"]
        assert one["std_error"] == pytest.approx(two["std_error"], rel=SAME)
        assert one["log_estimate"] == pytest.approx(two["log_estimate"], abs=SAME * se)
        for limit in ("conf_low", "conf_high"):
            assert np.log(one[limit]) == pytest.approx(np.log(two[limit]), abs=3 * SAME * se)


def lung_sites() -> pl.DataFrame:
    """R's lung, its institutions grouped into four sites as in the stored analysis."""
    known = data("lung").filter(pl.col("inst").is_not_null() & pl.col("ph.karno").is_not_null())
    band = np.digitize(known["inst"].to_numpy(), [0, 3, 7, 12], right=True)
    return known.with_columns(pl.Series("site", band), pl.int_range(pl.len()).alias("row"))


def lung_study(question: Question, cox: Cox | None = None, more: tuple = (), **facts: str) -> Study:
    follow_up = FollowUp(DAYS, exit="time", event="status", happened=2, label="death")
    variables = [*numeric("age", "sex", "ph.karno"), *more]
    return study(follow_up, variables, question, cox, **facts)


def exchange(plan: Study, sites: dict, rounds: int = 1) -> list[Round]:
    """The first rounds of an exchange, round 0 first, for tests that spoil them."""
    message = opening_message(plan, tuple(sites), VERSION)
    held: list[Round] = []
    for _ in range(rounds):
        answers = tuple(
            answer(plan, cohorts, message, site=name, version=VERSION)
            for name, cohorts in sites.items()
        )
        held.append(Round(message, answers))
        message = coordinate(plan, held, VERSION)
    return held


def wilms(site):
    """R's nwtco; the sites are the two studies, or the two kinds of institution."""
    table = data("nwtco").with_columns(pl.col("age") / 12, pl.col(site).alias("site"))
    sampled = pl.col("in.subcohort") | (pl.col("rel") == 1)
    return table, table.filter(sampled)


def wilms_study(design, cox):
    return study(
        FollowUp(DAYS, exit="edrel", event="rel"),
        [factor("stage", (1, 2, 3, 4)), factor("histol", (1, 2)), *numeric("age")],
        Question(exposure="age", adjustments={"model": ["stage", "histol"]}),
        cox,
        design=design,
        person="seqno",
    )
