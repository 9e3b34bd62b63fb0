"""Curves of counted kinds of records are those of the records, one by one."""

import numpy as np
import polars as pl
import pytest

from analyses import KaplanMeier, Question
from analyses.curves.cumulative_incidence import CumulativeIncidence
from analyses.curves.records import each_once
from cohort import Binary, FollowUp, TimeScale, from_frame

ASKED = Question(exposure="exposed")


def people(*, late: bool, n: int = 400) -> pl.DataFrame:
    draws = np.random.default_rng(5)
    entry = np.floor(draws.uniform(0, 30, n)) if late else np.full(n, 0.0)
    return pl.DataFrame(
        {
            "person": np.arange(n),
            "entry": entry,
            "exit": entry + np.ceil(draws.exponential(20, n)),
            "event": draws.integers(0, 3, n),
            "exposed": draws.integers(0, 2, n) == 1,
        }
    )


def cohort(frame: pl.DataFrame, *, late: bool):
    return from_frame(
        frame,
        person="person",
        follow_up=FollowUp(
            TimeScale("time", unit="days"),
            entry="entry" if late else None,
            exit="exit",
            event="event",
            happened=1,
            competing={2: "other"},
        ),
        variables=[Binary("exposed")],
    )


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("by", ["exposure", None])
@pytest.mark.parametrize("estimator", [KaplanMeier, CumulativeIncidence])
def test_days_and_the_same_times_in_quarters(estimator, by, late) -> None:
    """Times in days take the table; the same times plus 1/2 cannot, and take the sorted way."""
    frame = people(late=late)
    moved = frame.with_columns(pl.col("entry") + (0.5 if late else 0.0), pl.col("exit") + 0.5)
    one = estimator(by=by).estimate(cohort(frame, late=late), ASKED).frame
    two = estimator(by=by).estimate(cohort(moved, late=late), ASKED).frame
    assert np.array_equal(one["time"] + 0.5, two["time"])
    for name in ("at_risk", "events", "estimate", "std_error", "conf_low", "conf_high"):
        assert one[name].is_null().equals(two[name].is_null())
        np.testing.assert_allclose(
            two[name].fill_null(0), one[name].fill_null(0), rtol=1e-11, atol=1e-13, err_msg=name
        )


@pytest.mark.parametrize(
    ("unit", "once"),
    [([0, 1, 2], True), ([2, 0, 1], True), ([0, 0, 1], False), ([1, 0, 1], False), ([], True)],
)
def test_each_once(unit, once) -> None:
    assert once == each_once(np.array(unit, dtype=np.int64))
