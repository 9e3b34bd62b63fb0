"""An effect among people of whom nobody has the event has no estimate: only non-cases tell of it.

The level's own coefficient runs to minus infinity; with its people out of the risk sets, nothing
is left to say what an exposure does among them (R prints the number where its search stopped).
"""

import numpy as np
import polars as pl
import pytest

from analyses import Bootstrap, ConditionalLogistic, Cox, Question
from cohort import (
    Binary,
    CaseControl,
    Categorical,
    Continuous,
    FollowUp,
    TimeScale,
    from_frame,
)
from tests.streaming.parts import streamed


def people(seed, groups=2, n=240):
    """Nobody of the last group has the event."""
    draws = np.random.default_rng(seed)
    z, x = draws.integers(0, groups, n), draws.normal(size=n)
    died = np.ceil(draws.exponential(np.exp(-0.5 * x) * 5.0) * 100) / 100
    left = draws.uniform(1, 9, n)
    event = (died <= left) & (z < groups - 1)
    return pl.DataFrame(
        {
            "id": np.arange(n), "years": np.minimum(died, left), "event": event.astype(int),
            "x": x, "among": np.where(z == groups - 1, x, 0.0), "z": z, "family": np.arange(n) // 4,
        }
    )  # fmt: skip


def cohort_of(frame, cluster=None, groups=2):
    return from_frame(
        frame,
        person="id",
        follow_up=FollowUp(TimeScale("time", unit="years"), exit="years", event="event"),
        variables=[
            Continuous("x"),
            Continuous("among"),
            Categorical("z", levels=tuple(range(groups)), reference=0),
        ],
        cluster=cluster,
    )


WITHIN = Question(exposure="x", modifiers=("z",))


@pytest.mark.parametrize("cluster", [None, "family"])
@pytest.mark.parametrize("groups", [2, 3])
@pytest.mark.parametrize("estimator", [Cox(), Bootstrap(Cox(), 60, workers=1)], ids=str)
def test_within_a_level_that_nobody_with_the_event_has(estimator, cluster, groups):
    frame = people(groups, groups)
    rows = estimator.estimate(cohort_of(frame, cluster, groups), WITHIN).frame
    rows = rows.filter(pl.col("modifier_level").is_not_null())
    assert rows["estimate"].is_null().to_list() == [False] * (groups - 1) + [True]
    assert (
        rows[["conf_low", "conf_high", "std_error", "p_value"]][-1].null_count().row(0) == (1,) * 4
    )
    assert "nobody of whom it tells has the event" in rows["note"][-1]
    alone = frame.filter(pl.col("z") == 0)
    expected = Cox().estimate(cohort_of(alone, cluster, groups), Question(exposure="x")).frame
    if groups == 2 and isinstance(estimator, Cox):
        assert rows["estimate"][0] == pytest.approx(expected["estimate"][0], rel=1e-6)
        assert rows["std_error"][0] == pytest.approx(expected["std_error"][0], rel=1e-6)


@pytest.mark.parametrize("cluster", [None, "family"])
def test_an_exposure_that_varies_among_them_alone(cluster):
    question = Question(exposure="among", adjustments={"by group": ["z", "x"]})
    row = Cox().estimate(cohort_of(people(3), cluster), question).frame.row(0, named=True)
    assert row["estimate"] is None
    assert "nobody of whom it tells has the event" in row["note"]


def test_streamed(tmp_path):
    found = streamed(Cox(), cohort_of(people(4), "family"), WITHIN, tmp_path).frame
    within = found.filter(pl.col("modifier_level").is_not_null())
    assert within["estimate"].is_null().to_list() == [False, True]
    assert "nobody of whom it tells has the event" in within["note"][-1]


def test_within_matched_sets():
    frame = people(5).with_columns(case=pl.col("event"), set=pl.int_range(240) // 4)
    study = from_frame(
        frame.filter(pl.col("case").sum().over("set") > 0),
        person="id",
        follow_up=FollowUp(TimeScale("none", unit="years"), exit="years", event="case"),
        design=CaseControl(matched_set="set"),
        variables=[Continuous("x"), Binary("z")],
    )
    rows = ConditionalLogistic(ties="breslow").estimate(study, WITHIN).frame
    rows = rows.filter(pl.col("modifier_level").is_not_null())
    assert rows["estimate"].is_null().to_list() == [False, True]
    assert "the likelihood is monotone in 'z'" in rows["note"][0]


@pytest.mark.parametrize("cluster", [None, "family"])
def test_nobody_of_the_reference_level(cluster):
    """Both rows use the reference level's column; with the other level as reference, one stands."""
    frame = people(7)
    swapped = frame.with_columns(z=1 - pl.col("z"))
    rows = Cox().estimate(cohort_of(swapped, cluster), WITHIN).frame
    rows = rows.filter(pl.col("modifier_level").is_not_null())
    assert rows["estimate"].is_null().all()
    assert "a reference level that has events" in rows["note"][1]
    other = Cox().estimate(cohort_of(frame, cluster), WITHIN).frame
    other = other.filter(pl.col("modifier_level").is_not_null())
    assert other["estimate"].is_null().to_list() == [False, True]
