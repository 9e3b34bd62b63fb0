"""Sums over the risk sets of slots, and over the slots that a record is at risk for.

Both are differences of running sums. Where such differences would cancel (a risk set tiny beside
the mass that has passed), the sums are made by additions alone over a dyadic tree of slots.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..parts import by_parts, room, sum_in_order
from ..records import BLOCK, Codes, Flags, Floats, blocks_of
from ..sums_by_code import column_sums, counts_of
from .slots import Slots

MOST_STRATA_IN_A_LOOP = 256
MOST_CANCELLATION = 1e5
"""Subtracted mass over what is left: 1e5 costs about 2e-11 of a risk set's sum, no more."""


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
    if slots.begins.size == 2 and _once(by_past):
        s1, turn = np.empty_like(net), int(np.count_nonzero(by_past))
        np.cumsum(net[:turn], axis=0, out=s1[:turn])
        s1[:turn] += leaving_by[:turn]
        np.cumsum(net[turn:][::-1], axis=0, out=s1[turn:][::-1])
        np.subtract(entering_by[turn:], s1[turn:], out=s1[turn:])
        return s0, s1, False
    s1 = np.where(
        by_past[:, None],
        _running(net, slots) + leaving_by,
        entering_by - _running(net, slots, backwards=True),
    )
    return s0, s1, False


def _once(by_past: Flags) -> bool:
    """Whether those summed from the past all come before those summed from what is to come."""
    return not bool((by_past[1:] > by_past[:-1]).any())


def _loses_digits(slots: Slots, s0: Floats, subtracted: Floats, mass: Floats) -> bool:
    """Whether a risk set is too small beside the mass that running sums subtract to reach it."""
    if slots.begins.size - 1 > MOST_STRATA_IN_A_LOOP:
        subtracted = np.full(slots.count, float(mass.sum()))
    worst = (subtracted > MOST_CANCELLATION * s0) | ~(s0 > 0)
    return bool(worst.any())


def _running(values: Floats, slots: Slots, *, backwards: bool = False) -> Floats:
    """Running sums within strata."""
    strata = slots.begins.size - 1
    if strata == 1:
        return values[::-1].cumsum(axis=0)[::-1] if backwards else values.cumsum(axis=0)
    if strata <= MOST_STRATA_IN_A_LOOP:
        out = np.empty_like(values)
        for begin, end in zip(slots.begins[:-1], slots.begins[1:], strict=True):
            way = slice(None, None, -1 if backwards else 1)
            np.cumsum(values[begin:end][way], axis=0, out=out[begin:end][way])
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
) -> Callable[[slice | Codes, Floats, Floats], None]:
    """Sums of slot values as ``sums_while_at_risk`` gives them, for some rows at a time.

    What is returned takes the rows, where to write their sums, and room for as many more: memory
    that is used again costs nothing, and memory asked for anew a good part of the work.
    """
    if additions_only:
        whole = _sums_while_at_risk_by_tree(slots, values)

        def copy(rows: slice | Codes, out: Floats, spare: Floats) -> None:
            out[:] = whole[rows]

        return copy
    running = np.concatenate((np.zeros_like(values[:1]), np.cumsum(values, axis=0)))

    def subtract(rows: slice | Codes, out: Floats, spare: Floats) -> None:
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
