"""Slots: the event times of each stratum, and the range of them that a record is at risk for.

With the distinct event times of all strata laid end to end as slots 0..K-1, a record is at risk
for a contiguous range [first, past) of slots, and nothing else about its entry and exit matters to
a partial likelihood. Sums over risk sets are then differences of running sums, and sums over a
record's time at risk likewise (see slot_sums.py); no risk set is ever listed and nobody is sorted.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..parts import by_parts, taken
from ..records import Codes, Flags, Floats, RiskRecords

LARGEST_TABLE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Slots of a set of records.

    time : (K,) event time of each slot. stratum : (K,) its stratum. first, past : (n,) range of
    slots a record is at risk for. death : (m,) records that fail, ordered by slot. death_slot :
    (m,). deaths : (K,) number that fail. rank : (m,) place among those of the slot, from 0.
    begins : (strata + 1,) first slot of each stratum that has any. late : whether anyone enters
    after the first slot of the stratum.
    """

    time: Floats
    stratum: Codes
    first: Codes
    past: Codes
    death: Codes
    death_slot: Codes
    deaths: Codes
    rank: Codes
    begins: Codes
    late: bool

    @property
    def count(self) -> int:
        """Number of slots."""
        return int(self.time.size)

    @property
    def active(self) -> Flags:
        """Records at risk for at least one slot, (n,); the others change nothing."""
        return self.first < self.past

    def of_active(self) -> "Slots":
        """The same slots over the active records alone."""
        keep = self.active
        if keep.all():
            return self
        places = np.flatnonzero(keep)
        death = self.death - np.searchsorted(np.flatnonzero(~keep), self.death)
        first, past = taken((self.first, self.past), places)
        return replace(self, first=first, past=past, death=death)


def slots_of(records: RiskRecords) -> Slots:
    """The slots of records, strata laid end to end."""
    failing = np.flatnonzero(records.event & (records.event_weight > 0))
    times = np.unique(records.exit[failing])
    width = times.size + 1
    entered = _times_up_to(times, records.entry)
    left = _times_up_to(times, records.exit)
    strata = int(records.stratum.max(initial=0)) + 1
    if strata == 1:
        keys, first, past = np.arange(times.size), entered, left
    else:
        base = records.stratum * width
        keys = np.unique(base[failing] + left[failing] - 1)
        first = _keys_below(keys, base + entered, strata * width)
        past = _keys_below(keys, base + left, strata * width)
    death_slot = past[failing] - 1
    order = np.argsort(_narrow(death_slot, keys.size), kind="stable")
    death_slot = death_slot[order]
    deaths = np.bincount(death_slot, minlength=keys.size)
    begin_of_slot = np.concatenate(([0], np.cumsum(deaths)[:-1])) if keys.size else deaths
    slot_stratum = keys // width
    begins = np.flatnonzero(np.diff(slot_stratum, prepend=-1))
    return Slots(
        time=times[keys % width],
        stratum=slot_stratum,
        first=first,
        past=past,
        death=failing[order],
        death_slot=death_slot,
        deaths=deaths,
        rank=np.arange(death_slot.size) - begin_of_slot[death_slot],
        begins=np.append(begins, keys.size),
        late=_any_late(first, slot_stratum, records.stratum),
    )


def without_late_weightless(slots: Slots, records: RiskRecords) -> Slots:
    """The same slots, ``late`` only when somebody who counts in risk sets is."""
    counts = records.risk_weight > 0
    late = _any_late(slots.first[counts], slots.stratum, records.stratum[counts])
    return replace(slots, late=late)


def _any_late(first: Codes, of_slot: Codes, stratum: Codes) -> bool:
    """Whether any record of a stratum (n,) enters after the first slot of that stratum."""
    start = np.searchsorted(of_slot, stratum, side="left") if stratum.any() else 0
    return bool((first > start).any())


def _narrow(codes: Codes, size: int) -> Codes | NDArray[np.uint16]:
    """Codes below ``size`` in as few bytes as hold them: numpy sorts two bytes by counting."""
    return codes if size > np.iinfo(np.uint16).max else codes.astype(np.uint16)


def _times_up_to(times: Floats, at: Floats) -> Codes:
    """How many event times are at or before each time, (n,)."""
    if not times.size or at.max(initial=-np.inf) < times[0]:
        return np.zeros(at.size, dtype=np.int64)
    last = times[-1]
    if times[0] >= 0 and last < LARGEST_TABLE and (times == np.rint(times)).all():
        table = np.zeros(int(last) + 2, dtype=np.int64)
        table[times.astype(np.int64) + 1] = 1
        whole = np.clip(at, -1.0, last)
        np.floor(whole, out=whole)
        whole += 1.0
        return np.cumsum(table).take(whole.astype(np.int64))
    found = np.empty(at.size, dtype=np.int64)

    def search(rows: slice) -> None:
        # In order, the search walks through the table instead of jumping about in it.
        order = np.argsort(at[rows])
        found[rows][order] = np.searchsorted(times, at[rows][order], side="right")

    by_parts(at.size, search)
    return found


def _keys_below(keys: Codes, at: Codes, size: int) -> Codes:
    """How many keys are below each of ``at``, (n,)."""
    if size <= LARGEST_TABLE:
        table = np.zeros(size + 1, dtype=np.int64)
        table[keys + 1] = 1
        return np.cumsum(table)[at]
    return np.searchsorted(keys, at, side="left").astype(np.int64)
