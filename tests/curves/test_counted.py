"""Timelines counted by the day against those made by slots: the same to the last count."""

import numpy as np
import pytest

from analyses import parts
from analyses.curves import tally, timeline
from analyses.curves.records import CurveRecords


def records_of(seed, *, late, groups, fractions, causes=2, n=400):
    draws = np.random.default_rng(seed)
    entry = np.full(n, -np.inf)
    if late:
        entry = draws.integers(0, 30, n) - (draws.random(n) if fractions else 0.0)
        entry[:20] = draws.choice([-np.inf, -3.5, 0.0, -0.5], 20)
    leave = np.floor(np.maximum(entry, 0.0)) + draws.integers(1, 40, n)
    each = np.arange(n)
    return CurveRecords(
        entry, leave, draws.integers(0, causes + 1, n), np.ones(n),
        draws.integers(0, groups, n), each, each,
    )  # fmt: skip


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("fractions", [False, True])
def test_the_same_as_by_slots(monkeypatch, late, groups, fractions):
    for seed in range(5):
        records = records_of(seed, late=late, groups=groups, fractions=fractions)
        counted = timeline.timeline_of(records, 2)
        with monkeypatch.context() as patched:
            patched.setattr(tally, "LARGEST_TABLE", 0)
            by_slots = timeline.timeline_of(records, 2)
        for name in ("time", "group", "at_risk", "events", "censored", "ends", "begins"):
            assert np.array_equal(getattr(counted, name), getattr(by_slots, name)), name


def test_at_risk_by_hand():
    """(0, 3], (2.5, 3] and (3, 5]: who enters at 3 is not at risk at 3."""
    each = np.arange(3)
    records = CurveRecords(
        np.array([0.0, 2.5, 3.0]), np.array([3.0, 3.0, 5.0]), np.array([1, 0, 1]), np.ones(3),
        np.zeros(3, dtype=np.int64), each, each,
    )  # fmt: skip
    made = timeline.timeline_of(records)
    assert made.time.tolist() == [3.0, 5.0]
    assert made.at_risk.tolist() == [2.0, 1.0]
    assert made.ends.tolist() == [False, True]


def test_an_outcome_that_is_not_asked_for_is_not_counted():
    records = records_of(1, late=True, groups=2, fractions=False)
    asked = timeline.timeline_of(records, 1)
    assert asked.events.sum() == (records.event == 1).sum()
    assert asked.censored.sum() == (records.event == 0).sum()


@pytest.mark.parametrize("late", [False, True])
def test_the_same_in_parts_and_blocks(monkeypatch, late):
    for groups in (1, 3):
        records = records_of(7, late=late, groups=groups, fractions=late, n=5_000)
        whole = tally.days_of(records, 2)
        with monkeypatch.context() as patched:
            patched.setattr(parts, "FEWEST", 1_300)
            patched.setattr(tally, "BLOCK", 7)
            divided = tally.days_of(records, 2)
        assert np.array_equal(whole.left, divided.left)
        assert whole.left.sum() == 5_000
        assert (whole.come is None) == (not late)
        assert not late or np.array_equal(whole.come, divided.come)


def test_a_time_between_days_in_the_last_part_is_seen(monkeypatch):
    records = records_of(7, late=False, groups=1, fractions=False, n=5_000)
    assert tally.days_of(records, 2) is not None
    records.exit[-1] += 0.5
    monkeypatch.setattr(parts, "FEWEST", 1_300)
    assert tally.days_of(records, 2) is None
