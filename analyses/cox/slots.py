"""Slots: the event times of each stratum, and the range of them that a record is at risk for.

With the distinct event times of all strata laid end to end as slots 0..K-1, a record is at risk
for a contiguous range [first, past) of slots, and nothing else about its entry and exit matters to
a partial likelihood. Sums over risk sets are then differences of running sums, and sums over a
record's time at risk likewise; no risk set is ever listed and nobody is sorted.

Where such differences would cancel (a risk set tiny beside the mass that has passed), the sums are
made by additions alone over a dyadic tree of slots.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..parts import by_parts, room, sum_in_order
from ..records import (
    BLOCK,
    Codes,
    Flags,
    Floats,
    RiskRecords,
    blocks_of,
    column_sums,
    counts_of,
)

LARGEST_TABLE = 4_000_000
MOST_STRATA_IN_A_LOOP = 256
MOST_CANCELLATION = 1e5
"""Subtracted mass over what is left: 1e5 costs about 2e-11 of a risk set's sum, no more."""


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
        death = np.searchsorted(places, self.death)
        return replace(self, first=self.first[places], past=self.past[places], death=death)


def slots_of(records: RiskRecords) -> Slots:
    """The slots of records, strata laid end to end."""
    counts = records.event & (records.event_weight > 0)
    times = np.unique(records.exit[counts])
    width = times.size + 1
    entered = _times_up_to(times, records.entry)
    left = _times_up_to(times, records.exit)
    strata = int(records.stratum.max(initial=0)) + 1
    if strata == 1:
        keys, first, past = np.arange(times.size), entered, left
    else:
        base = records.stratum * width
        keys = np.unique(base[counts] + left[counts] - 1)
        first = _keys_below(keys, base + entered, strata * width)
        past = _keys_below(keys, base + left, strata * width)
    death_slot = past[counts] - 1
    order = np.argsort(death_slot, kind="stable")
    death_slot = death_slot[order]
    deaths = np.bincount(death_slot, minlength=keys.size)
    begin_of_slot = np.concatenate(([0], np.cumsum(deaths)[:-1])) if keys.size else deaths
    slot_stratum = keys // width
    begins = np.flatnonzero(np.diff(slot_stratum, prepend=-1))
    start = np.searchsorted(slot_stratum, records.stratum, side="left") if strata > 1 else 0
    return Slots(
        time=times[keys % width],
        stratum=slot_stratum,
        first=first,
        past=past,
        death=np.flatnonzero(counts)[order],
        death_slot=death_slot,
        deaths=deaths,
        rank=np.arange(death_slot.size) - begin_of_slot[death_slot],
        begins=np.append(begins, keys.size),
        late=bool((first > start).any()),
    )


def _times_up_to(times: Floats, at: Floats) -> Codes:
    """How many event times are at or before each time, (n,)."""
    last = times[-1] if times.size else 0.0
    if times.size and times[0] >= 0 and last < LARGEST_TABLE and (times == np.rint(times)).all():
        table = np.zeros(int(last) + 2, dtype=np.int64)
        table[times.astype(np.int64) + 1] = 1
        whole = np.floor(np.clip(at, -1.0, last)).astype(np.int64) + 1
        return np.cumsum(table)[whole]
    return np.searchsorted(times, at, side="right").astype(np.int64)


def _keys_below(keys: Codes, at: Codes, size: int) -> Codes:
    """How many keys are below each of ``at``, (n,)."""
    if size <= LARGEST_TABLE:
        table = np.zeros(size + 1, dtype=np.int64)
        table[keys + 1] = 1
        return np.cumsum(table)[at]
    return np.searchsorted(keys, at, side="left").astype(np.int64)


def risk_sums(slots: Slots, mass: Floats, columns: Floats) -> tuple[Floats, Floats, bool]:
    """Sums over the risk set of each slot: of mass (K,) and of mass times columns (K, p).

    mass : (n,), not negative. columns : (n, p). The third value says whether the sums had to be
    made by additions alone, because running sums would have lost digits.
    """
    parts = by_parts(mass.size, lambda rows: passing(slots, rows, mass, columns))
    return sums_of_passing(slots, parts, mass, columns)


class Passing(NamedTuple):
    """What leaves and enters the risk sets at each slot: mass (K,), and times columns (K, p).

    Nothing is told of who enters where nobody enters late.
    """

    left: Floats
    left_by: Floats
    entered: Floats
    entered_by: Floats


def passing(slots: Slots, rows: slice, mass: Floats, columns: Floats) -> Passing:
    """What the records of some rows add to the mass (n,) that passes, alone and times columns."""
    own, its, count = mass[rows], columns[rows], slots.count
    place = slots.past[rows] - 1
    left = counts_of(place, own, count), column_sums(place, own, its, count)
    if not slots.late:
        return Passing(*left, np.empty(0), np.empty(0))
    place = slots.first[rows]
    return Passing(*left, counts_of(place, own, count), column_sums(place, own, its, count))


def sums_of_passing(
    slots: Slots, parts: Sequence[Passing], mass: Floats, columns: Floats
) -> tuple[Floats, Floats, bool]:
    """Sums over risk sets, as ``risk_sums`` gives them, from what passes in each part."""
    leaving, leaving_by, entering, entering_by = map(sum_in_order, zip(*parts, strict=True))
    if not slots.late:
        s0 = _running(leaving, slots, backwards=True)
        if _loses_digits(slots, s0, np.zeros_like(s0), mass):
            return (*_risk_sums_by_tree(slots, mass, columns), True)
        return s0, _running(leaving_by, slots, backwards=True), False
    passed = _running(leaving, slots) - leaving
    to_come = _running(entering, slots, backwards=True) - entering
    by_past = passed <= to_come
    s0 = np.where(
        by_past,
        _running(entering, slots) - passed,
        _running(leaving, slots, backwards=True) - to_come,
    )
    if _loses_digits(slots, s0, np.minimum(passed, to_come), mass):
        return (*_risk_sums_by_tree(slots, mass, columns), True)
    net = entering_by - leaving_by
    s1 = np.where(
        by_past[:, None],
        _running(net, slots) + leaving_by,
        entering_by - _running(net, slots, backwards=True),
    )
    return s0, s1, False


def _loses_digits(slots: Slots, s0: Floats, subtracted: Floats, mass: Floats) -> bool:
    """Whether a risk set is too small beside the mass that running sums subtract to reach it."""
    if slots.begins.size - 1 > MOST_STRATA_IN_A_LOOP:
        subtracted = np.full(slots.count, float(mass.sum()))
    worst = (subtracted > MOST_CANCELLATION * s0) | ~(s0 > 0)
    return bool(worst.any())


def _running(values: Floats, slots: Slots, *, backwards: bool = False) -> Floats:
    """Running sums within strata."""
    strata = slots.begins.size - 1
    if strata <= MOST_STRATA_IN_A_LOOP:
        out = np.empty_like(values)
        for begin, end in zip(slots.begins[:-1], slots.begins[1:], strict=True):
            part = values[begin:end]
            out[begin:end] = (
                np.cumsum(part[::-1], axis=0)[::-1] if backwards else np.cumsum(part, axis=0)
            )
        return out
    total = np.cumsum(values, axis=0)
    before = np.concatenate((np.zeros_like(total[:1]), total))
    lengths = np.diff(slots.begins)
    if backwards:
        return np.asarray(np.repeat(before[slots.begins[1:]], lengths, axis=0) - total + values)
    return np.asarray(total - np.repeat(before[slots.begins[:-1]], lengths, axis=0))


def sums_while_at_risk(slots: Slots, values: Floats, *, additions_only: bool) -> Floats:
    """Sums of slot values over each record's slots at risk, (n,) or (n, p).

    values : (K,) or (K, p). additions_only : do not subtract running sums.
    """
    lived = np.empty((slots.past.size, *values.shape[1:]))
    live = lived_by(slots, values, additions_only=additions_only)

    def of_part(part: slice) -> None:
        spare = room("spare lived", BLOCK, *values.shape[1:])
        for rows in blocks_of(part.start, part.stop):
            live(rows, lived[rows], spare)

    by_parts(slots.past.size, of_part)
    return lived


def lived_by(
    slots: Slots, values: Floats, *, additions_only: bool
) -> Callable[[slice, Floats, Floats], None]:
    """Sums of slot values as ``sums_while_at_risk`` gives them, for at most BLOCK rows at a time.

    What is returned takes the rows, where to write their sums, and room for as many more: memory
    that is used again costs nothing, and memory asked for anew a good part of the work.
    """
    if additions_only:
        whole = _sums_while_at_risk_by_tree(slots, values)

        def copy(rows: slice, out: Floats, spare: Floats) -> None:
            out[:] = whole[rows]

        return copy
    running = np.concatenate((np.zeros_like(values[:1]), np.cumsum(values, axis=0)))

    def subtract(rows: slice, out: Floats, spare: Floats) -> None:
        # The mode is never needed: without it, numpy takes a copy lest it must raise.
        np.take(running, slots.past[rows], axis=0, out=out, mode="clip")
        before = spare[: len(out)]
        np.take(running, slots.first[rows], axis=0, out=before, mode="clip")
        out -= before

    return subtract


def lived_loses_digits(slots: Slots, mass: Floats, hazard: Floats, events: float) -> bool:
    """Whether a record's hazard lived is too small beside the running sum before it is at risk.

    mass : (n,) of the records. hazard : (K,). events : their total weight; a record that would
    have had many times as many in the slots before its own leaves rounding errors as large.
    """
    reached = MOST_CANCELLATION * events
    if not slots.first.any() or mass.max(initial=0.0) * hazard.sum() <= reached:
        return False
    before = np.concatenate(([0.0], np.cumsum(hazard)))[slots.first]
    return bool((mass * before).max() > reached)


# ----------------------------------------------------------------- additions alone


def _risk_sums_by_tree(slots: Slots, mass: Floats, columns: Floats) -> tuple[Floats, Floats]:
    stack = np.column_stack((np.ones(mass.size), columns))
    size = _leaves(slots.count)
    nodes = np.zeros((2 * size, stack.shape[1]))
    for node, records in _cover(slots, size):
        low, high = int(node.min()), int(node.max()) + 1
        nodes[low:high] += column_sums(node - low, mass[records], stack[records], high - low)
    level = 1
    while level < size:
        nodes[2 * level : 4 * level] += np.repeat(nodes[level : 2 * level], 2, axis=0)
        level *= 2
    sums = nodes[size : size + slots.count]
    return sums[:, 0], sums[:, 1:]


def _sums_while_at_risk_by_tree(slots: Slots, values: Floats) -> Floats:
    size = _leaves(slots.count)
    stack = values if values.ndim == 2 else values[:, None]
    nodes = np.zeros((2 * size, stack.shape[1]))
    nodes[size : size + slots.count] = stack
    level = size // 2
    while level:
        nodes[level : 2 * level] = (
            nodes[2 * level : 4 * level : 2] + nodes[2 * level + 1 : 4 * level : 2]
        )
        level //= 2
    out = np.zeros((slots.first.size, stack.shape[1]))
    for node, records in _cover(slots, size):
        out[records] += nodes[node]
    return out if values.ndim == 2 else out[:, 0]


def _leaves(count: int) -> int:
    return 1 << max(count - 1, 0).bit_length()


def _cover(slots: Slots, size: int) -> list[tuple[Codes, NDArray[np.intp]]]:
    """The tree nodes that together make up each record's range: (node, record) pairs by level."""
    low, high = slots.first + size, slots.past + size
    cover = []
    while True:
        left = np.flatnonzero((low < high) & (low & 1 == 1))
        if left.size:
            cover.append((low[left], left))
        low = low + (low & 1)
        right = np.flatnonzero((low < high) & (high & 1 == 1))
        if right.size:
            cover.append((high[right] - 1, right))
        high = high - (high & 1)
        if not (low < high).any():
            return cover
        low, high = low >> 1, high >> 1
