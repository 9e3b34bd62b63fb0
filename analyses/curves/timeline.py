"""The risk sets of curves: who is at risk, has an event or leaves at each distinct exit, by group.

Every exit is a slot, censored or not; slots of all groups are laid end to end (see slots.py). At
risk is (entry, exit], and events come before censorings at the same time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cox.slot_sums import risk_sums
from ..cox.slots import Slots
from ..records import Codes, Flags, Floats
from ..sums_by_code import counts_of
from .records import CurveRecords, distinct
from .tally import Days, days_of, whole_times


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Slots of a set of curve records, K of them in G groups.

    records : those it was made of. time, group : (K,). at_risk : (K,) weight at risk.
    events : (K, causes) weight of events. censored : (K,) weight of
    those who leave without one. ends : (K,) all at risk have an event of any cause there.
    begins : (G + 1,) first slot of each group.
    """

    records: CurveRecords
    time: Floats
    group: Codes
    at_risk: Floats
    events: Floats
    censored: Floats
    ends: Flags
    begins: Codes
    _made: list[Slots] = field(default_factory=list, repr=False)

    @property
    def slots(self) -> Slots:
        """The exits as slots, made when first asked for: ``first`` and ``past`` of the records."""
        if not self._made:
            self._made.append(_exit_slots(self.records))
        return self._made[0]

    @property
    def any_event(self) -> Floats:
        """Weight of events of any cause, (K,)."""
        return np.asarray(self.events.sum(axis=1))

    def running(self, values: Floats) -> Floats:
        """Running sums (K,) or (K, p) within groups."""
        return self._by_group(lambda part: np.cumsum(part, axis=0), values)

    def running_product(self, values: Floats) -> Floats:
        """Running products (K,) within groups."""
        return self._by_group(lambda part: np.cumprod(part, axis=0), values)

    def remaining(self, values: Floats) -> Floats:
        """Sums (K,) over this slot and the later ones of its group."""
        return self._by_group(lambda part: np.asarray(np.cumsum(part[::-1], axis=0)[::-1]), values)

    def largest(self, values: Floats) -> Floats:
        """The largest value (K, p) so far within groups."""
        return self._by_group(lambda part: np.maximum.accumulate(part, axis=0), values)

    def before(self, values: Floats, start: float) -> Floats:
        """Each slot's value (K,) just before it: that of the slot before, or ``start``."""
        out = np.empty_like(values)
        out[1:] = values[:-1]
        out[self.begins[:-1]] = start
        return out

    def _by_group(
        self, running: Callable[[Floats], NDArray[np.floating[Any]]], values: Floats
    ) -> Floats:
        out = np.empty_like(values)
        for begin, end in zip(self.begins[:-1], self.begins[1:], strict=True):
            out[begin:end] = running(values[begin:end])
        return out

    def slot_at(self, times: Floats) -> Codes:
        """The last slot at or before each time in each group, (G, t); begins - 1 before any."""
        return np.array(
            [
                begin + np.searchsorted(self.time[begin:end], times, side="right") - 1
                for begin, end in zip(self.begins[:-1], self.begins[1:], strict=True)
            ],
            dtype=np.int64,
        ).reshape(self.begins.size - 1, -1)


def timeline_of(records: CurveRecords, causes: int = 1) -> Timeline:
    """The risk sets of records whose events are numbered 1 to ``causes``."""
    days = days_of(records, causes)
    if days is not None:
        return _counted(records, days)
    slots = _exit_slots(records)
    leave, count = slots.past - 1, slots.time.size
    heads = _heads(slots)
    if bool((records.weight == 1).all()):
        at_risk = heads.astype(np.float64)
    else:
        at_risk = risk_sums(slots, records.weight, np.empty((leave.size, 0))).s0
    events = np.empty((count, causes))
    died = np.zeros(count, dtype=np.int64)
    for cause in range(1, causes + 1):
        mine = records.event == cause
        events[:, cause - 1] = counts_of(leave[mine], records.weight[mine], count)
        died += np.bincount(leave[mine], minlength=count)
    censored = records.event == 0
    return Timeline(
        records=records,
        time=slots.time,
        group=slots.stratum,
        at_risk=at_risk,
        events=events,
        censored=counts_of(leave[censored], records.weight[censored], count),
        ends=died == heads,
        begins=slots.begins,
    )


def _counted(records: CurveRecords, days: Days) -> Timeline:
    """The timeline of records that were counted by the day."""
    width, kinds = days.left.shape[1:]
    gone = days.left.sum(axis=2)
    if days.come is None:
        at_risk = np.cumsum(gone[:, ::-1], axis=1)[:, ::-1]
    else:
        at_risk = np.cumsum(days.come, axis=1)
        at_risk -= np.cumsum(gone, axis=1) - gone
    keys = np.flatnonzero(gone)
    group = keys // width
    cells = days.left.reshape(-1, kinds)[keys].astype(np.float64)
    heads = at_risk.reshape(-1)[keys].astype(np.float64)
    return Timeline(
        records=records,
        time=(keys - group * width).astype(np.float64),
        group=group,
        at_risk=heads,
        events=cells[:, 1:],
        censored=cells[:, 0],
        ends=cells[:, 1:].sum(axis=1) == heads,
        begins=np.append(np.flatnonzero(np.diff(group, prepend=-1)), keys.size),
    )


def _exit_slots(records: CurveRecords) -> Slots:
    """Slots at every exit of each group.

    Not slots_of: ranks from one sort of the exits are several times faster than searching them.
    """
    whole = whole_times(records.exit)
    if whole is not None:
        return _exit_slots_of_days(records, whole)
    times, rank = np.unique(records.exit, return_inverse=True)
    key = records.group * times.size + rank.reshape(-1)
    keys, place = distinct(key)
    group = keys // times.size
    begins = np.append(np.flatnonzero(np.diff(group, prepend=-1)), keys.size)
    first = begins[np.searchsorted(group[begins[:-1]], records.group)]
    late = np.flatnonzero(records.entry > -np.inf)
    if late.size:
        # Sorted queries walk the table once instead of jumping about in it.
        late = late[np.argsort(records.entry[late])]
        entered = np.searchsorted(times, records.entry[late], side="right")
        wanted = records.group[late] * times.size + entered
        order = np.argsort(wanted, kind="stable")
        first[late[order]] = np.searchsorted(keys, wanted[order], side="left")
    none = np.zeros(0, dtype=np.int64)
    start = begins[np.searchsorted(group[begins[:-1]], records.group)] if late.size else first
    return Slots(
        time=times[keys - group * times.size],
        stratum=group,
        first=first,
        past=place + 1,
        death=none,
        death_slot=none,
        deaths=np.zeros(keys.size, dtype=np.int64),
        rank=none,
        begins=begins,
        late=bool((first > start).any()),
    )


def _exit_slots_of_days(records: CurveRecords, whole: Codes) -> Slots:
    """Slots at every exit of each group, the exits being whole numbers: by a table of them."""
    width = int(whole.max()) + 2
    groups = int(records.group.max(initial=0)) + 1
    key = whole if groups == 1 else records.group * width + whole
    taken = np.zeros(groups * width + 1, dtype=bool)
    taken[key + 1] = True
    below = np.cumsum(taken)  # slots before a key
    keys = np.flatnonzero(taken) - 1
    group = keys // width
    begins = np.append(np.flatnonzero(np.diff(group, prepend=-1)), keys.size)
    base = np.zeros(groups, dtype=np.int64)
    base[group[begins[:-1]]] = begins[:-1]
    start = np.zeros(key.size, dtype=np.int64) if groups == 1 else base[records.group]
    first = start
    if (records.entry > -np.inf).any():
        # At risk after entry: the first slot is that of the first whole number above it.
        entered = np.floor(np.clip(records.entry, -1.0, width - 2.0)).astype(np.int64)
        entered += 1
        first = below[entered if groups == 1 else records.group * width + entered]
    none = np.zeros(0, dtype=np.int64)
    return Slots(
        time=(keys - group * width).astype(np.float64),
        stratum=group,
        first=first,
        past=below[key] + 1,
        death=none,
        death_slot=none,
        deaths=np.zeros(keys.size, dtype=np.int64),
        rank=none,
        begins=begins,
        late=first is not start and bool((first > start).any()),
    )


def _heads(slots: Slots) -> Codes:
    """How many records are at risk at each slot, (K,)."""
    count = slots.time.size
    change = -np.bincount(slots.past, minlength=count + 1)
    if slots.late or slots.begins.size > 2:
        change += np.bincount(slots.first, minlength=count + 1)
    else:
        change[0] += slots.first.size
    return np.asarray(np.cumsum(change)[:count], dtype=np.int64)
