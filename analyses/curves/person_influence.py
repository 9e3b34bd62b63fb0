"""The influence of each record on survival and incidence at chosen times, as a table."""

import numpy as np

from ..records import Codes, Flags, Floats
from .aalen_johansen import Incidences, influence_on
from .product_limit import ProductLimit
from .records import CurveRecords
from .timeline import Timeline


def survival_influence(
    timeline: Timeline, limit: ProductLimit, records: CurveRecords, slot: Codes
) -> Floats:
    """Influence on survival at the given slot of each group: slot (G, t), result (n, t)."""
    at = slot[records.group]
    lived = _lived(timeline, records, limit.odds, limit.left, at, records.event > 0)
    return np.asarray(_value_at(limit.survival, at, timeline, records, 1.0) * lived)


def incidence_influence(
    found: Incidences, records: CurveRecords, cause: int, slot: Codes
) -> Floats:
    """Influence on the incidence of a cause at the given slot of each group, (n, t)."""
    timeline, part = found.timeline, influence_on(found, cause)
    at = slot[records.group]
    any_event, mine = records.event > 0, records.event == cause + 1
    u = _lived(timeline, records, part.odds, part.left, at, any_event)
    v = _lived(timeline, records, part.pulled, part.mine, at, mine)
    # The others' events, without counting their time at risk again.
    none = np.zeros_like(part.pulled)
    v += _lived(timeline, records, none, part.other, at, any_event & ~mine)
    return np.asarray(_value_at(found.incidence[:, cause], at, timeline, records, 0.0) * u - v)


def _lived(
    timeline: Timeline,
    records: CurveRecords,
    each: Floats,
    jump: Floats,
    at: Codes,
    happened: Flags,
) -> Floats:
    """Sums of ``each`` over time at risk up to slot ``at`` (n, t), less ``jump`` at an event."""
    slots = timeline.slots
    leave, first = (slots.past - 1)[:, None], slots.first[:, None]
    running = timeline.running(each)
    since = timeline.before(running, 0.0)[slots.first][:, None]
    until = np.minimum(leave, at)
    # Where ``at`` is before everything it may belong to the group before; it is not used then.
    lived = np.where(until >= first, running[np.maximum(until, 0)] - since, 0.0)
    gone = happened[:, None] & (leave <= at)
    return np.asarray(lived - np.where(gone, jump[leave], 0.0))


def _value_at(
    values: Floats, at: Codes, timeline: Timeline, records: CurveRecords, start: float
) -> Floats:
    begin = timeline.begins[:-1][records.group][:, None]
    return np.where(at >= begin, values[np.maximum(at, 0)], start)
