"""The bootstrap from a cohort to estimates: its draws, its intervals, and what it refuses."""

import numpy as np
import polars as pl
import pytest

from analyses import Bootstrap, Cox, Firth, ModelBased, Question
from analyses.grading import replicate_seed
from cohort import CaseCohort, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import QuestionError, UnsupportedError

ASKED = Question(exposure="arm", adjustments={"crude": [], "age": ["age"]})


def people(persons=300, seed=2):
    draws = np.random.default_rng(seed)
    arm = draws.integers(0, 2, persons)
    age = draws.normal(60, 8, persons)
    entry = np.floor(draws.uniform(0, 40, persons))
    died = np.ceil(draws.exponential(60 / np.exp(0.6 * arm + 0.03 * (age - 60)))) + entry
    left = entry + np.ceil(draws.uniform(5, 80, persons))
    return pl.DataFrame(
        {
            "id": [f"{number:04d}" for number in range(persons)],
            "entry": entry, "exit": np.minimum(died, left), "dead": (died <= left).astype(int),
            "arm": arm, "age": age, "family": np.arange(persons) // 3,
        }
    )  # fmt: skip


def cohort_of(frame, **more):
    return from_frame(
        frame,
        person="id",
        follow_up=FollowUp(
            TimeScale("time", unit="days"), entry="entry", exit="exit", event="dead", happened=1,
            label="death",
        ),
        variables=[
            Categorical("arm", levels={0: "control", 1: "treated"}, reference=0),
            Continuous("age", unit="years"),
        ],
        **more,
    )  # fmt: skip


def by_hand(frame, unit, replicates, seed, adjusted):
    """Log hazard ratios of frames in which drawn rows stand as persons of their own."""
    units = frame[unit].unique().sort()
    found = []
    for replicate in range(replicates):
        draws = np.random.default_rng(replicate_seed(seed, "bootstrap", "", replicate))
        chosen = units[draws.integers(0, len(units), len(units)).tolist()]
        drawn = pl.DataFrame({unit: chosen}).join(frame, on=unit, how="left")
        again = cohort_of(drawn.with_columns(id=pl.int_range(len(drawn)).cast(str)))
        found.append(Cox().estimate(again, ASKED).of("arm", adjustment=adjusted).log_estimate)
    return np.array(found)


@pytest.mark.parametrize("unit", ["id", "family"])
def test_the_draws_and_both_intervals(unit):
    frame = people(120)
    cohort = cohort_of(frame, cluster=None if unit == "id" else unit)
    for interval in ("percentile", "normal"):
        got = Bootstrap(Cox(), replicates=41, seed=3, interval=interval).estimate(cohort, ASKED)
        for adjustment in ("crude", "age"):
            found = by_hand(frame, unit, 41, 3, adjustment)
            row = got.of("arm", adjustment=adjustment)
            assert row.std_error == pytest.approx(found.std(ddof=1), rel=1e-9)
            if interval == "percentile":
                # (B + 1) p = 1.05 and 40.95: 5 % of the way from an ordered estimate to the next.
                ordered = np.sort(found)
                limits = 0.95 * ordered[0] + 0.05 * ordered[1], ordered[-2:] @ [0.05, 0.95]
            else:
                reach = 1.959963984540054 * found.std(ddof=1)
                limits = row.log_estimate - reach, row.log_estimate + reach
            assert np.log([row.conf_low, row.conf_high]) == pytest.approx(limits, abs=1e-9)


def test_the_estimate_is_that_of_everybody():
    cohort = cohort_of(people())
    whole, got = Cox().estimate(cohort, ASKED), Bootstrap(Cox(), 50).estimate(cohort, ASKED)
    same = ["estimate", "log_estimate", "persons", "events", "ties", "adjustment"]
    assert got.frame.select(same).equals(whole.frame.select(same))
    assert set(got.frame["variance"]) == {"bootstrap"}
    assert "50 bootstrap resamples of each person with all its records (seed 1)" in got.method


def test_as_large_as_the_robust_standard_error():
    """Resampling persons estimates what Lin and Wei's variance does (Efron and Tibshirani 1993).

    400 replicates have a standard error of 1 / sqrt(2 x 400) = 3.5 % in it; four of these.
    """
    cohort = cohort_of(people(900, seed=5), cluster="family")
    robust, got = Cox().estimate(cohort, ASKED), Bootstrap(Cox(), 400).estimate(cohort, ASKED)
    ratio = got.frame["std_error"] / robust.frame["std_error"]
    assert ratio.to_list() == pytest.approx([1.0, 1.0], abs=0.14)


def test_the_same_bits_for_any_number_of_workers():
    cohort = cohort_of(people(80))
    one = Bootstrap(Cox(), 60, workers=1).estimate(cohort, ASKED)
    two = Bootstrap(Cox(), 60, workers=2).estimate(cohort, ASKED)
    assert one.frame.equals(two.frame)
    assert not one.frame.equals(Bootstrap(Cox(), 60, seed=2).estimate(cohort, ASKED).frame)


def rare(persons, exposed):
    first = pl.int_range(persons) < exposed
    dead = pl.when(first).then(1).otherwise("dead")
    return people(persons).with_columns(arm=first.cast(int), dead=dead)


def test_resamples_without_an_estimate_are_counted():
    """A level that one person has is in about 1 - (1 - 1/n)^n = 64 % of resamples.

    Where it is not, its column is constant but, about everybody's mean, not 0: what rounding leaves
    of its information must not pass for some.
    """
    frame = rare(60, 1)
    got = Bootstrap(Cox(), 100).estimate(cohort_of(frame), Question(exposure="arm"))
    estimable = []
    for replicate in range(100):
        draws = np.random.default_rng(replicate_seed(1, "bootstrap", "", replicate))
        drawn = frame[draws.integers(0, 60, 60)]
        again = cohort_of(drawn.with_columns(id=pl.int_range(60).cast(str)))
        estimable += Cox().estimate(again, Question(exposure="arm")).frame["log_estimate"].to_list()
    found = np.array([one for one in estimable if one is not None])
    assert 50 <= found.size <= 78  # 64 +- 3 sqrt(100 x 0.64 x 0.36)
    told = f"{100 - found.size} of 100 resamples have no estimate and are left out"
    assert got.frame["note"].to_list() == [told]
    assert got.std_error == pytest.approx(found.std(ddof=1), rel=1e-9)


def test_too_few_resamples_with_an_estimate():
    got = Bootstrap(Cox(), 39).estimate(cohort_of(rare(60, 1)), Question(exposure="arm"))
    assert got.frame["note"][0].endswith("left out; no standard error: too few resamples remain")
    assert got.frame.select("estimate", "std_error", "conf_low", "p_value").row(0) == (None,) * 4


def test_two_clusters_may_be_drawn_alike():
    """Of two clusters, half of all resamples are the two again."""
    cohort = cohort_of(people(90).with_columns(family=pl.int_range(90) % 2), cluster="family")
    notes = [
        Bootstrap(Cox(), 2, seed=seed, interval="normal").estimate(cohort, ASKED).frame["note"][0]
        for seed in range(8)
    ]
    alike = [note.endswith("no standard error: the resamples are all alike") for note in notes]
    assert 0 < sum(alike) < 8


def test_a_person_without_a_cluster_is_not_drawn():
    lacking = people(90).with_columns(
        family=pl.when(pl.int_range(90) < 84).then("family"),
    )
    asked = Question(exposure="arm", missing="complete case")
    boot = Bootstrap(Cox(), 50)
    got = boot.estimate(cohort_of(lacking, cluster="family"), asked)
    want = boot.estimate(cohort_of(lacking[:84], cluster="family"), asked)
    assert got.std_error == want.std_error


def test_weights_are_said_to_be_kept():
    cohort = cohort_of(people(90).with_columns(weight=pl.col("arm") + 1.5), weight="weight")
    assert "(seed 1, weights as given)" in Bootstrap(Cox(), 39).estimate(cohort, ASKED).method


@pytest.mark.parametrize(
    ("made", "error", "told"),
    [
        (lambda: Bootstrap(Cox(ties="exact")), UnsupportedError, "maximum likelihood"),
        (lambda: Bootstrap(Cox(inference=Firth())), UnsupportedError, "maximum likelihood"),
        (lambda: Bootstrap(Cox(variance=ModelBased())), UnsupportedError, "leave inference= and"),
        (lambda: Bootstrap(Cox(), 38), QuestionError, "expected at least 39 for percentile limits"),
        (lambda: Bootstrap(Cox(), 99.5), QuestionError, "replicates = 99.5: expected"),
        (lambda: Bootstrap(Cox(), 1, interval="normal"), QuestionError, "expected at least 2"),
        (lambda: Bootstrap(Cox(), interval="bca"), QuestionError, "'percentile' or 'normal'"),
        (lambda: Bootstrap(Cox(), workers=0), QuestionError, "expected at least 1, or -1"),
        (lambda: Bootstrap(Question(exposure="arm")), QuestionError, "built for Cox"),
    ],
)
def test_refused(made, error, told):
    with pytest.raises(error, match=told):
        made()


def test_sampled_designs_are_refused():
    frame = people().with_columns(drawn=pl.int_range(300) % 2 == 0)
    frame = frame.filter(pl.col("drawn") | (pl.col("dead") == 1))
    cohort = cohort_of(frame, design=CaseCohort("drawn", 300))
    with pytest.raises(UnsupportedError, match="built for a full cohort"):
        Bootstrap(Cox()).estimate(cohort, ASKED)
