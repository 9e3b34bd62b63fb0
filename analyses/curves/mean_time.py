"""Mean time until a horizon, event-free or lost to an outcome, with influence values, on arrays."""

from dataclasses import dataclass

import numpy as np

from ..records import Flags, Floats
from ..sums_by_code import counts_of
from .aalen_johansen import Incidences, incidences_of
from .product_limit import ProductLimit, product_limit
from .records import CurveRecords, distinct
from .timeline import Timeline, timeline_of


@dataclass(frozen=True, slots=True, eq=False)
class MeanTimes:
    """Mean times of groups: (G,) each, and how they vary.

    model : (G,) Greenwood variance; NaN where there is none. robust : (G, G) infinitesimal
    jackknife by cluster, across groups too. short : (G,) follow-up ends before the horizon while
    some are event-free, so that the curve was held level.
    """

    mean: Floats
    model: Floats
    robust: Floats
    short: Flags


def mean_event_free(records: CurveRecords, until: float, start: float) -> MeanTimes:
    """Restricted mean event-free time of each group: the area under survival to the horizon.

    Irwin (1949), Journal of Hygiene 47:188-189; Greenwood-type variance as in Karrison (1987),
    JASA 82:1169-1176.
    """
    timeline = timeline_of(records)
    limit = product_limit(timeline)
    area, first = survival_areas(timeline, limit, until, start)
    left = timeline.remaining(area)
    begins = timeline.begins[:-1]
    mean = first + left[begins]
    variance = np.add.reduceat(left**2 * limit.odds, begins)
    influence = influence_over_time(timeline, records, left * limit.odds, left * limit.left)
    return MeanTimes(
        mean, variance, _covariance(records, influence), _short(timeline, limit, until)
    )


def mean_lost(records: CurveRecords, causes: int, until: float, cause: int) -> MeanTimes:
    """Mean time lost to a cause (numbered from 0) by the horizon: the area under its incidence.

    Andersen (2013), Statistics in Medicine 32:5278-5285.
    """
    timeline = timeline_of(records, causes)
    found = incidences_of(timeline)
    to_come = np.maximum(until - timeline.time, 0.0)
    share = found.before * timeline.events[:, cause] / timeline.at_risk
    lost = timeline.remaining(to_come * share)
    begins = timeline.begins[:-1]
    later = lost - to_come * share
    reach = to_come * found.before / timeline.at_risk
    influence = lost_influence(found, records, later, reach, cause)
    return MeanTimes(
        lost[begins],
        np.full(begins.size, np.nan),
        _covariance(records, influence),
        _short(timeline, found.limit, until),
    )


def survival_areas(
    timeline: Timeline, limit: ProductLimit, until: float, start: float
) -> tuple[Floats, Floats]:
    """Area under survival from each slot to the next, (K,), and before the first slot, (G,)."""
    time = np.clip(timeline.time, start, until)
    begins = timeline.begins
    following = np.append(time[1:], until)
    following[begins[1:] - 1] = until
    return limit.survival * (following - time), time[begins[:-1]] - start


def _short(timeline: Timeline, limit: ProductLimit, until: float) -> Flags:
    last = timeline.begins[1:] - 1
    return np.asarray((timeline.time[last] < until) & (limit.survival[last] > 0))


def influence_over_time(
    timeline: Timeline, records: CurveRecords, odds: Floats, left: Floats
) -> Floats:
    """Sums over time at risk of ``odds`` less ``left`` at an event, (n,), times the weight."""
    slots = timeline.slots
    leave = slots.past - 1
    running = timeline.running(odds)
    lived = running[leave] - timeline.before(running, 0.0)[slots.first]
    return np.asarray(records.weight * (lived - (records.event > 0) * left[leave]))


def lost_influence(
    found: Incidences, records: CurveRecords, later: Floats, reach: Floats, cause: int
) -> Floats:
    """Influence of each record on the mean time lost, (n,).

    later : (K,) time that events after the slot cost; who survives a slot shares in it. reach :
    (K,) what an event of the cause at the slot costs.
    """
    timeline, limit = found.timeline, found.limit
    hazard = timeline.events[:, cause] / timeline.at_risk
    lived = influence_over_time(
        timeline, records, later * limit.odds - reach * hazard, later * limit.left
    )
    mine = records.event == cause + 1
    return np.asarray(lived + records.weight * mine * reach[timeline.slots.past - 1])


def _covariance(records: CurveRecords, influence: Floats) -> Floats:
    groups = int(records.group.max(initial=0)) + 1
    units, place = distinct(records.cluster)
    key = place * groups + records.group
    table = counts_of(key, influence, units.size * groups).reshape(units.size, groups)
    return np.asarray(table.T @ table)
