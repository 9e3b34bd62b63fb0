"""Estimates without each person in turn, computed afresh: the true jackknife, on arrays."""

from collections.abc import Callable

import numpy as np

from ..records import Codes, Floats
from .records import CurveRecords
from .timeline import Timeline

BLOCK_CELLS = 4_000_000
"""Persons are taken in blocks of this many cells of a table of persons by slots."""

Read = Callable[[Floats, Floats, Floats], Floats]
"""At risk, events of any cause and of the cause asked for, (b, K) each, to estimates (b, t)."""


def left_out(
    timeline: Timeline, records: CurveRecords, unit: Codes, cause: int, read: Read
) -> Floats:
    """Estimates of one group without each unit in turn, (units, t).

    unit : (n,) codes from 0 of persons; all records are of one group. Persons who are alike in
    entry, exit and event are computed once. cause : numbered from 0.
    """
    slots = timeline.slots
    if np.bincount(unit).max() == 1:
        shape = np.column_stack((slots.first, slots.past, records.event))
        _, of_kind, kind = np.unique(shape, axis=0, return_index=True, return_inverse=True)
        member, back = of_kind, np.empty(unit.size, dtype=np.int64)
        back[unit] = kind.reshape(-1)
        row = np.arange(of_kind.size)
    else:
        member, row = np.arange(unit.size), unit
        back = np.arange(int(unit.max()) + 1)
    order = np.argsort(row, kind="stable")
    member, row = member[order], row[order]
    size = max(1, BLOCK_CELLS // timeline.time.size)
    parts = []
    for begin in range(0, int(row[-1]) + 1, size):
        here = (row >= begin) & (row < begin + size)
        parts.append(_block(timeline, records, member[here], row[here] - begin, (cause, read)))
    return np.concatenate(parts)[back]


def _block(
    timeline: Timeline,
    records: CurveRecords,
    member: Codes,
    row: Codes,
    wanted: tuple[int, Read],
) -> Floats:
    cause, read = wanted
    slots, count = timeline.slots, timeline.time.size
    rows = int(row.max()) + 1
    less = np.zeros((rows, count + 1))
    np.add.at(less, (row, slots.first[member]), 1.0)
    np.add.at(less, (row, slots.past[member]), -1.0)
    at_risk = timeline.at_risk - np.cumsum(less, axis=1)[:, :count]
    events = np.tile(timeline.any_event, (rows, 1))
    mine = np.tile(timeline.events[:, cause], (rows, 1))
    for table, gone in ((events, records.event > 0), (mine, records.event == cause + 1)):
        dead = gone[member]
        np.add.at(table, (row[dead], (slots.past - 1)[member[dead]]), -1.0)
    return read(at_risk, events, mine)


def survival_of(at_risk: Floats, events: Floats) -> Floats:
    """Product-limit survival (b, K) of tables of whole numbers."""
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(at_risk > 0, events / at_risk, 0.0)
    return np.asarray(np.cumprod(1.0 - hazard, axis=1), dtype=np.float64)


def incidence_of(at_risk: Floats, events: Floats, mine: Floats) -> Floats:
    """Aalen-Johansen incidence (b, K) of a cause from tables of whole numbers."""
    survival = survival_of(at_risk, events)
    before = np.concatenate((np.ones((len(survival), 1)), survival[:, :-1]), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(at_risk > 0, before * mine / at_risk, 0.0)
    return np.asarray(np.cumsum(share, axis=1))
