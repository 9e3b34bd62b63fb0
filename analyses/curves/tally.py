"""Records counted by the day: what curves of many persons on a grid of days are made from."""

from dataclasses import dataclass

import numpy as np

from ..parts import by_parts, sum_in_order
from ..records import Codes, Floats, blocks_of
from .records import CurveRecords

LARGEST_TABLE = 4_000_000
BLOCK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """One record of each kind (group, exit, event), with weight 1, and how often it occurs.

    copies : of each kind, a float. Records of one kind are exchangeable, so that a sum over
    records is a sum over kinds times copies.
    """

    records: CurveRecords
    copies: Floats

    def weighted(self) -> CurveRecords:
        """The kinds weighted by their copies: the same risk sets and events."""
        one = self.records
        return CurveRecords(
            one.entry, one.exit, one.event, self.copies, one.group, one.person, one.cluster
        )


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """How many records leave, and come, on each whole number from 0, by group.

    left : (groups, days, kinds) by event, 0 the censored. come : (groups, days) the first whole
    number at which each is at risk; None where everyone is from the origin.
    """

    left: Codes
    come: Codes | None


def days_of(records: CurveRecords, causes: int) -> Days | None:
    """The records counted by the day; None where that is not them all, in a table of fair size.

    That is: weights are 1, exits are whole numbers, and events are numbered up to ``causes``.
    """
    if not records.exit.size or not _all_one(records.weight):
        return None
    low, high, latest = _extremes(records)
    most = int(records.event.max())
    groups = int(records.group.max()) + 1
    if not (low >= 0 and high < LARGEST_TABLE) or most > causes:
        return None
    width, kinds = int(high) + 1, causes + 1
    if groups * width * kinds > LARGEST_TABLE:
        return None
    late, n = latest > -np.inf, records.exit.size

    def counts(rows: slice) -> tuple[Codes, Codes] | None:
        return _counts(records, rows, (groups, width, kinds), late)

    # Each part has a table of its own, which is to stay small beside the records.
    small = 8 * groups * width * kinds <= n
    parts = by_parts(n, counts) if small else [counts(slice(0, n))]
    whole = [part for part in parts if part is not None]
    if len(whole) < len(parts):
        return None
    left = sum_in_order([part[0] for part in whole]).reshape(groups, width, kinds)
    come = sum_in_order([part[1] for part in whole]).reshape(groups, width) if late else None
    return Days(left, come)


def _all_one(weight: Floats) -> bool:
    # A column that repeats one number has no stride: one look is enough.
    return bool(weight[0] == 1 if weight.strides == (0,) else (weight == 1).all())


def _extremes(records: CurveRecords) -> tuple[float, float, float]:
    """The first and the last exit, and the last entry."""
    found = by_parts(
        records.exit.size,
        lambda rows: (
            records.exit[rows].min(), records.exit[rows].max(), records.entry[rows].max()
        ),
    )  # fmt: skip
    low, high, latest = zip(*found, strict=True)
    return float(min(low)), float(max(high)), float(max(latest))


def _counts(
    records: CurveRecords, rows: slice, shape: tuple[int, int, int], late: bool
) -> tuple[Codes, Codes] | None:
    """Those who leave and come among some rows, by cell; None where an exit is no whole number."""
    groups, width, kinds = shape
    left = np.zeros(groups * width * kinds, dtype=np.int64)
    come = np.zeros(groups * width if late else 0, dtype=np.int64)
    # In blocks that stay in the processor's cache, but no smaller than the table they add to.
    for block in blocks_of(rows.start, rows.stop, max(BLOCK, left.size)):
        exits = records.exit[block]
        key = exits.astype(np.int64)
        if not (key == exits).all():
            return None
        base = records.group[block] * width if groups > 1 else 0
        key += base
        key *= kinds
        key += records.event[block]
        left += np.bincount(key, minlength=left.size)
        if late:
            come += np.bincount(arrivals(records.entry[block]) + base, minlength=come.size)
    return left, come


def arrivals(entry: Floats) -> Codes:
    """The first whole number, from 0, at which each is at risk: above her entry."""
    first = np.floor(np.maximum(entry, -1.0)).astype(np.int64)
    first += 1
    return first


def whole_times(times: Floats) -> Codes | None:
    """The times as whole numbers from 0, or None when they are not, or too large for a table."""
    if not times.size:
        return None
    low, high = float(times.min()), float(times.max())
    if not (low >= 0 and high < LARGEST_TABLE):
        return None
    whole = times.astype(np.int64)
    return whole if bool((whole == times).all()) else None


def tallied(records: CurveRecords) -> Tally | None:
    """The kinds of the records; None where they are not few.

    That is: everyone is at risk from the origin, with weight 1, and exits are whole numbers.
    """
    days = days_of(records, int(records.event.max(initial=0)))
    if days is None or days.come is not None:
        return None
    group, exits, event = np.nonzero(days.left)
    each = np.arange(group.size)
    small = CurveRecords(
        np.full(group.size, -np.inf), exits.astype(np.float64), event, np.ones(group.size), group,
        each, each,
    )  # fmt: skip
    return Tally(small, days.left[group, exits, event].astype(np.float64))
