"""Designs drawn from a world: who is in them, how many, from how many."""

import numpy as np
import polars as pl
import pytest

from cohort.errors import DesignError, StudyError
from synthetic.cohorts import cohort_of, simulate_world
from synthetic.document.reading import read_world
from tests.synthetic.documents import changed, world

DESIGNS = {
    "simple": {"kind": "case-cohort", "outcome": "breast", "subcohort": 300},
    "stratified": {
        "kind": "case-cohort", "outcome": "breast", "subcohort": 301, "strata": "education",
    },
    "nested": {"kind": "nested case-control", "outcome": "breast", "controls": 2},
    "incident": {"kind": "case-control", "outcome": "breast", "controls": 100, "cases": 60},
    "prevalent": {
        "kind": "case-control", "outcome": "thyroid", "controls": 50, "years_before": 5.0,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def simulated():
    document = changed("danish_women", ("births.years", [1930, 1945]))
    document["designs"] = DESIGNS
    return simulate_world(world(document), persons=25_000, seed=4)


def test_case_cohort(simulated):
    """300 drawn, every case in, and the size of the cohort they stand for."""
    drawn = simulated.designs["simple"]
    everyone = cohort_of(simulated, "breast")
    assert drawn["subcohort"].sum() == DESIGNS["simple"]["subcohort"]
    assert drawn["case"].sum() == (everyone.frame["_event"] == 1).sum()
    assert drawn["cohort_size"].unique().to_list() == [len(everyone.frame)]
    assert drawn.filter(~pl.col("subcohort"))["case"].all()


def test_stratified_case_cohort(simulated):
    """301 over three levels are 101, 100 and 100; sizes by stratum sum to the cohort."""
    drawn = simulated.designs["stratified"]
    inside = drawn.filter("subcohort").group_by("stratum").len().sort("stratum")["len"].to_list()
    assert sorted(inside) == [100, 100, 101]
    sizes = drawn.group_by("stratum").agg(pl.col("cohort_size").first())["cohort_size"].sum()
    assert sizes == len(cohort_of(simulated, "breast").frame)


def test_nested_case_control(simulated):
    """Controls are at risk at the age of their case: entered before, not yet out."""
    drawn = simulated.designs["nested"]
    everyone = cohort_of(simulated, "breast").frame
    times = everyone.select(pl.col("person").cast(pl.Int64), "entry_time", "exit_time")
    both = drawn.join(times, on="person")
    ages = both.filter("case").select("matched_set", age="exit_time")
    controls = both.filter(~pl.col("case")).join(ages, on="matched_set")
    assert (controls["entry_time"] < controls["age"]).all()
    assert (controls["exit_time"] >= controls["age"]).all()
    assert (drawn.group_by("matched_set").len()["len"] == 3).all()
    first = drawn.filter("case").row(0, named=True)
    age = ages.filter(pl.col("matched_set") == first["matched_set"])["age"].item()
    at_risk = ((times["entry_time"] < age) & (times["exit_time"] >= age)).sum()
    assert at_risk == first["at_risk"]


def test_case_control(simulated):
    drawn = simulated.designs["incident"]
    assert drawn["case"].sum() == DESIGNS["incident"]["cases"]
    assert len(drawn) == 160
    events = (cohort_of(simulated, "breast").frame["_event"] == 1).sum()
    assert 60 / events == pytest.approx(drawn.filter("case")["sampling_fraction"][0])


def test_prevalent_cases_were_diagnosed_in_the_years_before(simulated):
    drawn = simulated.designs["prevalent"]
    entry = simulated.observed["enrolment"].select("person", "entry")
    diagnosed = simulated.observed["events"].filter(pl.col("event").cast(pl.String) == "thyroid")
    both = drawn.join(entry, on="person").join(diagnosed, on="person", how="left")
    years = (both["entry"] - both["date"]).dt.total_days() / 365.25
    case = both["case"]
    assert years.filter(case).is_between(0, 5).all()
    assert not (years.filter(~case) >= 0).any()


def test_designs_become_cohorts(simulated):
    for name, told in DESIGNS.items():
        if name != "prevalent":
            drawn = cohort_of(simulated, told["outcome"], design=name)
            assert np.isin(
                drawn.frame["person"], simulated.designs[name]["person"].cast(pl.String)
            ).all()


def test_adding_a_design_changes_no_other(simulated):
    alone = simulate_world(simulated.world, persons=25_000, seed=4, designs=["nested"])
    assert alone.designs["nested"].equals(simulated.designs["nested"])
    assert list(alone.designs) == ["nested"]


def test_a_world_too_small_is_refused():
    with pytest.raises(DesignError, match="the design needs 89 cases, the world has"):
        simulate_world(read_world("dch2012"), persons=3000, seed=1)
    small = simulate_world(read_world("dch2012"), persons=3000, seed=1, designs=())
    assert not small.designs
    with pytest.raises(StudyError, match=r"'brest'.*'breast'"):
        simulate_world(read_world("dch2012"), persons=3000, seed=1, designs=["brest"])
    with pytest.raises(StudyError, match="no design 'breast'"):
        cohort_of(small, "breast", design="breast")
