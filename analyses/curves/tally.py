"""Records that are alike, counted: what a curve of many persons on a grid of days is made from."""

from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats
from .records import CurveRecords

LARGEST_TABLE = 4_000_000


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
    late = records.entry.max(initial=-np.inf) > -np.inf
    if late or not (records.weight == 1).all():
        return None
    whole = whole_times(records.exit)
    if whole is None:
        return None
    kinds = int(records.event.max(initial=0)) + 1
    groups = int(records.group.max(initial=0)) + 1
    width = int(whole.max()) + 1
    if width * kinds * groups > LARGEST_TABLE:
        return None
    code = whole * kinds
    code += records.event
    if groups > 1:
        code += records.group * (width * kinds)
    counts = np.bincount(code)
    kind = np.flatnonzero(counts)
    group, rest = np.divmod(kind, width * kinds)
    exits, event = np.divmod(rest, kinds)
    each = np.arange(kind.size)
    small = CurveRecords(
        np.full(kind.size, -np.inf), exits.astype(np.float64), event, np.ones(kind.size), group,
        each, each,
    )  # fmt: skip
    return Tally(small, counts[kind].astype(np.float64))
