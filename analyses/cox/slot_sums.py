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
from .running import running, up_to_and_before
from .slots import Slots

MOST_CANCELLATION = 1e5
"""Subtracted mass over what is left: 1e5 costs about 2e-11 of a risk set's sum, no more."""
MOST_LIVED_BEFORE = 1e4
"""Events that records would have had before they are at risk, over those they have: 1e4 costs about
1e-12 of the information that those would have."""


class RiskSums(NamedTuple):
    """Sums over the risk set of each slot: of mass, s0 (K,), and of mass times columns, s1 (K, p).

    entered : (K,) mass that enters at each slot, empty where nobody enters late. additions_only :
    whether the sums had to be made by additions alone, as running sums would have lost digits.
    """

    s0: Floats
    s1: Floats
    entered: Floats
    additions_only: bool


def risk_sums(slots: Slots, mass: Floats, columns: Floats) -> RiskSums:
    """Sums over the risk set of each slot, of mass (n,), not negative, and columns (n, p)."""
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
) -> RiskSums:
    """Sums over risk sets from what passes in each part."""
    leaving, leaving_by, entering, entering_by = map(sum_in_order, zip(*parts, strict=True))
    if not slots.late:
        s0 = running(leaving, slots.begins, backwards=True)
        if not (s0 > 0).all():
            return RiskSums(*_risk_sums_by_tree(slots, mass, columns), entering, True)
        return RiskSums(s0, running(leaving_by, slots.begins, backwards=True), entering, False)
    passed = running(leaving, slots.begins) - leaving
    to_come = running(entering, slots.begins, backwards=True) - entering
    by_past = passed <= to_come
    s0 = np.where(
        by_past,
        running(entering, slots.begins) - passed,
        running(leaving, slots.begins, backwards=True) - to_come,
    )
    if not (np.minimum(passed, to_come) <= MOST_CANCELLATION * s0).all() or not (s0 > 0).all():
        return RiskSums(*_risk_sums_by_tree(slots, mass, columns), entering, True)
    net = entering_by - leaving_by
    if slots.begins.size == 2 and _once(by_past):
        s1, turn = np.empty_like(net), int(np.count_nonzero(by_past))
        np.cumsum(net[:turn], axis=0, out=s1[:turn])
        s1[:turn] += leaving_by[:turn]
        np.cumsum(net[turn:][::-1], axis=0, out=s1[turn:][::-1])
        np.subtract(entering_by[turn:], s1[turn:], out=s1[turn:])
        return RiskSums(s0, s1, entering, False)
    s1 = np.where(
        by_past[:, None],
        running(net, slots.begins) + leaving_by,
        entering_by - running(net, slots.begins, backwards=True),
    )
    return RiskSums(s0, s1, entering, False)


def _once(by_past: Flags) -> bool:
    """Whether those summed from the past all come before those summed from what is to come."""
    return not bool((by_past[1:] > by_past[:-1]).any())


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
    up_to, before = up_to_and_before(values, slots.begins)

    def subtract(rows: slice | Codes, out: Floats, spare: Floats) -> None:
        # The mode is never needed: without it, numpy takes a copy lest it must raise.
        np.take(up_to, slots.past[rows], axis=0, out=out, mode="clip")
        less = spare[: len(out)]
        np.take(before, slots.first[rows], axis=0, out=less, mode="clip")
        out -= less

    return subtract


def lived_loses_digits(begins: Codes, entered: Floats, hazard: Floats, events: Floats) -> bool:
    """Whether the hazards that records live are too small beside the running sums before them.

    begins : of Slots. entered, events : (K,) mass that enters, and weight of those who fail, at
    each slot. hazard : (K,). What all records of a stratum would have had in the slots before their
    own is what rounding errors are a share of, and a term may vary in that stratum alone.
    """
    most = MOST_LIVED_BEFORE * np.add.reduceat(events, begins[:-1])
    as_if_one = entered * np.cumsum(hazard)  # It takes no loop over strata, and is no less.
    if (np.add.reduceat(as_if_one, begins[:-1]) <= most).all():
        return False
    before = up_to_and_before(hazard, begins)[1][:-1]
    return bool((np.add.reduceat(entered * before, begins[:-1]) > most).any())


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
