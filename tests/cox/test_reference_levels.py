"""A comparison is with the level it names, or it is not made."""

import numpy as np
import polars as pl
import pytest

from analyses import Cox, Logistic, Profile, Question
from cohort import CaseControl, Categorical, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import SchemaError

DAYS = TimeScale("time", unit="days")
LEVELS = ("a", "b", "c")


def cohort_of(frame, reference, **facts):
    return from_frame(
        frame,
        person="person",
        follow_up=FollowUp(DAYS, exit="exit", event="ill"),
        variables=[
            Categorical("group", levels=LEVELS, reference=reference),
            Categorical("clinic", reference=0),
            Continuous("z"),
        ],
        **facts,
    )


def table(seed=1):
    rng = np.random.default_rng(seed)
    n = 200
    return pl.DataFrame(
        {
            "person": range(n),
            "exit": np.ceil(rng.exponential(30, n)),
            "ill": rng.uniform(size=n) < 0.5,
            "group": rng.choice(["b", "c"], n),
            "clinic": rng.integers(0, 2, n),
            "z": rng.normal(size=n),
        }
    )


def test_a_reference_level_that_nobody_has_is_refused():
    """Or "b vs a" would print what is really "b vs c"."""
    with pytest.raises(SchemaError, match="has the reference level of 'group', 'a'"):
        Cox().estimate(cohort_of(table(), "a"), Question(exposure="group"))


@pytest.mark.parametrize("estimator", [Cox(), Cox(inference=Profile())])
def test_a_reference_level_at_risk_at_no_event_compares_nothing(estimator):
    """Persons of level "a" all leave before the first event: no risk set holds them."""
    early = pl.DataFrame(
        {
            "person": range(1000, 1020),
            "exit": [0.5] * 20,
            "ill": [False] * 20,
            "group": ["a"] * 20,
            "clinic": [0] * 20,
            "z": [0.0] * 20,
        }
    )
    whole = pl.concat([table(), early], how="vertical_relaxed")
    rows = estimator.estimate(cohort_of(whole, "a"), Question(exposure="group")).frame
    assert rows["estimate"].to_list() == [None, None]
    assert any("compared with nobody" in note for note in rows["note"])


def test_a_level_never_seen_leaves_the_others_alone():
    rows = Cox().estimate(cohort_of(table(), "b"), Question(exposure="group")).frame
    seen, unseen = (rows.filter(pl.col("contrast") == f"{level} vs b") for level in ("c", "a"))
    assert seen["estimate"][0] is not None
    assert unseen["estimate"][0] is None


def test_aliased_confounders_leave_the_exposure_alone():
    frame = table().with_columns((pl.col("clinic") * 2).alias("twice"))
    cohort = from_frame(
        frame,
        person="person",
        follow_up=FollowUp(DAYS, exit="exit", event="ill"),
        variables=[
            Continuous("z"),
            Continuous("twice"),
            Categorical("clinic", reference=0),
        ],
    )
    once = Cox().estimate(cohort, Question(exposure="z", adjustments={"a": ["clinic"]}))
    both = Cox().estimate(cohort, Question(exposure="z", adjustments={"a": ["clinic", "twice"]}))
    assert once.log_estimate == pytest.approx(both.log_estimate, rel=1e-10)


def test_odds_ratios_too():
    frame = table().with_columns(pl.lit("b").alias("group"))
    frame = frame.with_columns(
        pl.when(pl.col("clinic") == 1).then(pl.lit("a")).otherwise("group").alias("group")
    )
    cohort = cohort_of(frame, "b", design=CaseControl())
    question = Question(exposure="group", adjustments={"clinic": ["clinic"]})
    rows = Logistic().estimate(cohort, question).frame
    assert rows.filter(pl.col("contrast") == "a vs b")["estimate"][0] is None
