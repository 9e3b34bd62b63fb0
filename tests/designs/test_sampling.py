"""Drawing samples from a full cohort, and the limits in which a sample is the cohort."""

import numpy as np
import polars as pl
import pytest

from analyses import (
    BorganII,
    Conditional,
    Cox,
    LinYing,
    Prentice,
    Question,
    Robust,
    Samuelsen,
    SelfPrentice,
    TwoPhase,
)
from cohort import Binary, CaseCohort, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.case_cohort import share_drawn
from cohort.errors import DesignError, UnsupportedError
from cohort.sampling import draw_case_cohort, draw_nested_case_control, with_inclusion

YEARS = TimeScale("age", unit="years")
QUESTION = Question(exposure="x", adjustments={"z": ["z"]})


def cohort_of(n=400, seed=3, cluster=None):
    """A cohort with late entry and no two exits alike."""
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(size=n) < 0.4, rng.normal(size=n)
    entry = rng.uniform(50, 60, n)
    time = rng.exponential(20 / np.exp(0.7 * x + 0.3 * z))
    stop = rng.uniform(2, 12, n)
    frame = pl.DataFrame(
        {
            "woman": [f"w{i}" for i in range(n)],
            "entry": entry,
            "exit": entry + np.minimum(time, stop),
            "ill": time <= stop,
            "x": x,
            "z": z,
            "clinic": np.where(z > 0, "north", "south"),
            "family": np.arange(n) // 2,
        }
    )
    return from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(YEARS, entry="entry", exit="exit", event="ill"),
        variables=[Binary("x"), Continuous("z"), Categorical("clinic", reference="north")],
        cluster=cluster,
    )


def test_subcohort_of_everyone_is_the_full_cohort():
    """Subcohort = cohort: coefficients of the full cohort, and its variance (no phase 2)."""
    cohort = cohort_of()
    full = Cox().estimate(cohort, QUESTION)
    drawn = draw_case_cohort(cohort, size=cohort.persons, seed=1)
    for weighting in (Prentice(), SelfPrentice(), LinYing()):
        sampled = Cox(weighting=weighting).estimate(drawn, QUESTION)
        assert full.log_estimate == pytest.approx(sampled.log_estimate, rel=1e-9)
        assert full.std_error == pytest.approx(sampled.std_error, rel=1e-9)


def test_all_controls_is_the_full_cohort():
    """Every person at risk as a control: the sampled sets are the risk sets."""
    cohort = cohort_of()
    full = Cox().estimate(cohort, QUESTION)
    drawn = draw_nested_case_control(cohort, controls=cohort.persons, seed=1)
    conditional = Cox(weighting=Conditional()).estimate(drawn, QUESTION)
    assert full.log_estimate == pytest.approx(conditional.log_estimate, rel=1e-9)
    assert full.std_error == pytest.approx(conditional.std_error, rel=1e-9)
    at_risk_ever = Cox(weighting=Samuelsen()).estimate(drawn, QUESTION)
    assert full.log_estimate == pytest.approx(at_risk_ever.log_estimate, rel=1e-9)
    robust = Cox(variance=Robust()).estimate(cohort, QUESTION)
    assert robust.std_error == pytest.approx(at_risk_ever.std_error, rel=1e-9)


def test_a_seed_decides_the_sample():
    cohort = cohort_of()
    one = draw_case_cohort(cohort, size=50, seed=7)
    assert one.fingerprint() == draw_case_cohort(cohort, size=50, seed=7).fingerprint()
    assert one.fingerprint() != draw_case_cohort(cohort, size=50, seed=8).fingerprint()


def test_the_share_drawn_survives_a_restriction():
    """N of the restricted cohort is unknown, but the share drawn is not."""
    drawn = draw_case_cohort(cohort_of(), size=100, seed=1)
    restricted = drawn.restrict("z > 0", "half of them")
    assert 0.25 == pytest.approx(share_drawn(restricted.design))
    estimates = Cox(weighting=LinYing()).estimate(restricted, QUESTION)
    assert np.isfinite(estimates.std_error)


def test_stratified_sizes_and_shares():
    cohort = cohort_of()
    sizes = {"north": 40, "south": 60}
    drawn = draw_case_cohort(cohort, size=sizes, stratum="clinic", seed=1)
    persons = cohort.frame.group_by("clinic").len().rows()
    expected = {level: sizes[level] / count for level, count in persons}
    assert expected == pytest.approx(share_drawn(drawn.design))
    assert np.isfinite(Cox(weighting=BorganII()).estimate(drawn, QUESTION).std_error)


def test_samuelsen_probabilities_by_hand():
    """1 - product over risk sets she was in of (1 - m / (n - 1)); Samuelsen (1997), section 2."""
    frame = pl.DataFrame(
        {"woman": list("abcde"), "exit": [1.0, 2.0, 3.0, 4.0, 5.0], "ill": [1, 0, 1, 0, 0]}
    )
    cohort = from_frame(frame, person="woman", follow_up=FollowUp(YEARS, exit="exit", event="ill"))
    drawn = draw_nested_case_control(cohort, controls=1, seed=2)
    # At 1: a fails, 4 others at risk; at 3: c fails, 2 others (d, e).
    by_hand = {"a": 1.0, "b": 1 / 4, "c": 1.0, "d": 1 - 3 / 4 / 2, "e": 1 - 3 / 4 / 2}
    for woman, probability in drawn.frame.select("woman", "_inclusion").rows():
        assert by_hand[woman] == pytest.approx(probability, rel=1e-14)
    again = with_inclusion(drawn)
    assert drawn.frame["_inclusion"].to_list() == pytest.approx(again.frame["_inclusion"].to_list())


def test_controls_are_matched_and_at_risk():
    cohort = cohort_of()
    drawn = draw_nested_case_control(cohort, controls=3, matching=["clinic"], seed=5)
    sets = drawn.frame.group_by("_set").agg(
        pl.col("clinic").n_unique().alias("clinics"),
        pl.col("_case").sum().alias("cases"),
        pl.col("_exit").filter(pl.col("_case")).first().alias("when"),
        pl.col("_entry").max().alias("latest_entry"),
        pl.col("_exit").min().alias("first_exit"),
        pl.len().alias("members"),
    )
    assert {1} == set(sets["clinics"])
    assert {1} == set(sets["cases"])
    assert (sets["latest_entry"] < sets["when"]).all()
    assert (sets["first_exit"] >= sets["when"]).all()
    assert sets["members"].max() == 4
    assert cohort.events == drawn.events


@pytest.mark.parametrize(
    ("estimator", "story"),
    [
        (Cox(), "must name its weighting"),
        (Cox(weighting=BorganII()), "does not fit a case-cohort"),
        (Cox(weighting=Conditional()), "does not fit a case-cohort"),
        (Cox(weighting=Prentice(), variance=TwoPhase("robust")), "not built for Prentice"),
    ],
)
def test_unsupported_cells_raise(estimator, story):
    drawn = draw_case_cohort(cohort_of(), size=100, seed=1)
    with pytest.raises(UnsupportedError, match=story):
        estimator.estimate(drawn, QUESTION)


def test_bad_draws_are_refused():
    cohort = cohort_of(50)
    with pytest.raises(DesignError, match=r"500 persons cannot be drawn from the 50"):
        draw_case_cohort(cohort, size=500, seed=1)
    with pytest.raises(DesignError, match="at least 1"):
        draw_nested_case_control(cohort, controls=0, seed=1)
    drawn = draw_case_cohort(cohort, size=20, seed=1)
    with pytest.raises(DesignError, match="already"):
        draw_case_cohort(drawn, size=10, seed=1)
    with pytest.raises(DesignError, match="number at risk"):
        with_inclusion(cohort)


def test_cohort_size_must_be_known_for_a_two_phase_variance():
    drawn = draw_case_cohort(cohort_of(), size=100, seed=1)
    frame = drawn.frame.select("woman", "entry", "exit", "ill", "x", "z", "_subcohort").rename(
        {"_subcohort": "drawn"}
    )
    bare = from_frame(
        frame,
        person="woman",
        follow_up=FollowUp(YEARS, entry="entry", exit="exit", event="ill"),
        variables=[Binary("x"), Continuous("z")],
        design=CaseCohort("drawn"),
    )
    with pytest.raises(DesignError, match="how large the cohort was"):
        Cox(weighting=Prentice()).estimate(bare, QUESTION)
    robust = Cox(weighting=Prentice(), variance=Robust()).estimate(bare, QUESTION)
    assert np.isfinite(robust.std_error)


def test_several_records_a_woman_change_nothing():
    """Splitting the follow-up of a case-cohort: same estimate, same two-phase variance."""
    drawn = draw_case_cohort(cohort_of(), size=100, seed=1)
    frame = drawn.frame.select("woman", "entry", "exit", "ill", "x", "z", "_subcohort")
    middle = (pl.col("entry") + pl.col("exit")) / 2
    early = frame.with_columns(middle.alias("exit"), pl.lit(False).alias("ill"))
    late = frame.with_columns(middle.alias("entry"))
    for weighting in (Prentice(), SelfPrentice(), LinYing()):
        found = []
        for table in (frame, pl.concat([early, late])):
            cohort = from_frame(
                table.rename({"_subcohort": "drawn"}),
                person="woman",
                follow_up=FollowUp(YEARS, entry="entry", exit="exit", event="ill"),
                variables=[Binary("x"), Continuous("z")],
                design=CaseCohort("drawn", cohort_size=400),
            )
            estimates = Cox(weighting=weighting).estimate(cohort, QUESTION)
            found.append((estimates.log_estimate, estimates.std_error))
        assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.parametrize("weighting", [Prentice(), SelfPrentice(), LinYing()])
def test_two_outcomes_share_one_subcohort(weighting):
    """Each outcome's estimate is that of a case-cohort which took its own cases alone."""
    rng = np.random.default_rng(8)
    n = 500
    table = pl.DataFrame(
        {
            "woman": range(n),
            "exit": rng.exponential(10, n),
            "what": rng.choice([0, 1, 2], n, p=[0.7, 0.2, 0.1]),
            "x": rng.uniform(size=n) < 0.4,
            "z": rng.normal(size=n),
        }
    )

    def cohort(happened, competing):
        return from_frame(
            table,
            person="woman",
            follow_up=FollowUp(
                YEARS, exit="exit", event="what", happened=happened, competing=competing, censored=0
            ),
            variables=[Binary("x"), Continuous("z")],
        )

    shared = draw_case_cohort(cohort(1, {2: "colon"}), size=100, cases=("what", "colon"), seed=4)
    alone = draw_case_cohort(cohort(2, {1: "breast"}), size=100, seed=4)
    colon = Question(exposure="x", outcome="colon", adjustments={"z": ["z"]})
    ours = Cox(weighting=weighting).estimate(shared, colon)
    own = Cox(weighting=weighting).estimate(alone, QUESTION)
    assert own.log_estimate == pytest.approx(ours.log_estimate, rel=1e-10)
    assert own.std_error == pytest.approx(ours.std_error, rel=1e-10)
    assert own.frame["events"][0] == ours.frame["events"][0]
