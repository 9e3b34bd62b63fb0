"""The Aalen-Johansen estimate of cumulative incidences, with their errors, on arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Floats
from .influence_sums import Changes, Combination, influence_variances
from .product_limit import ProductLimit, product_limit
from .records import CurveRecords
from .timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Incidences:
    """Cumulative incidence of each cause and event-free survival along a timeline.

    limit : the product limit of events of any cause. before : (K,) survival just before each slot.
    incidence : (K, causes); with the survival they add to 1.
    """

    timeline: Timeline
    limit: ProductLimit
    before: Floats
    incidence: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """What a record adds to a running estimate F(t) as its time at risk runs, (K,) each.

    With B the running sum of ``odds`` and C that of ``pulled``, a record of weight w at risk since
    slot a that leaves at slot x has the influence w (F U - V), where U = B(x) - B(a) less ``left``
    at x if it has any event, and V = C(x) - C(a) less ``mine`` or ``other`` at x for an event that
    F counts or another.
    """

    odds: Floats
    left: Floats
    pulled: Floats
    mine: Floats
    other: Floats


def incidences_of(timeline: Timeline) -> Incidences:
    """The Aalen-Johansen estimate.

    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141-150.
    """
    limit = product_limit(timeline)
    before = timeline.before(limit.survival, 1.0)
    share = before[:, None] * timeline.events / timeline.at_risk[:, None]
    return Incidences(timeline, limit, before, timeline.running(share))


def influence_on(found: Incidences, cause: int) -> Influence:
    """The influence of a record on the incidence of a cause (numbered from 0).

    The derivative of the product integral with respect to the record's weight, summed by parts:
    the sum of U(s-) dF(s) is F(t) U(t) less that of F(s) dU(s). Where everyone at risk has an
    event dU is taken as 0: survival is 0 from there, so U no longer matters.
    """
    timeline, limit = found.timeline, found.limit
    reach = found.before / timeline.at_risk
    f = found.incidence[:, cause]
    pulled = f * limit.odds + reach * timeline.events[:, cause] / timeline.at_risk
    return Influence(limit.odds, limit.left, pulled, f * limit.left + reach, f * limit.left)


def jackknife_variances(
    found: Incidences, records: CurveRecords, causes: Sequence[int], copies: Floats | None = None
) -> list[Floats]:
    """Infinitesimal-jackknife variances (K,) of the incidence of each cause, by cluster.

    The number after the last cause means event-free survival, whose variance is 0 where it is 0.
    copies : (n,) units that each record stands for.

    Those of R's survfit; Therneau (2024), vignette "Multi-state models" of the package survival.
    """
    timeline, survival, w = found.timeline, found.limit.survival, records.weight
    slots, leave = timeline.slots, timeline.slots.past - 1
    any_event = records.event > 0
    b = timeline.running(found.limit.odds)
    # Coefficients of F, or of log survival; of (F B - C), or of B; then of -1 for each cause.
    entering = [-w * timeline.before(b, 0.0)[slots.first], w]
    leaving = [w * (b[leave] - any_event * found.limit.left[leave]), -w]
    curves = []
    for cause in causes:
        if cause == found.incidence.shape[1]:
            curves.append(Combination((0, 1), np.column_stack((survival, survival * b))))
            continue
        part, f = influence_on(found, cause), found.incidence[:, cause]
        c, mine = timeline.running(part.pulled), records.event == cause + 1
        jump = np.where(mine, part.mine[leave], np.where(any_event, part.other[leave], 0.0))
        weights = np.column_stack((f, f * b - c, -np.ones_like(f)))
        curves.append(Combination((0, 1, len(entering)), weights))
        entering.append(-w * timeline.before(c, 0.0)[slots.first])
        leaving.append(w * (c[leave] - jump))
    changes = Changes(np.column_stack(entering), np.column_stack(leaving))
    return influence_variances(timeline, records.cluster, changes, curves, copies)


def aalen_variance(found: Incidences, cause: int) -> Floats:
    """Aalen's variance of the incidence of a cause without weights, (K,), ties binomial.

    Aalen (1978), Annals of Statistics 6:534-545, for competing risks as in Gray (1988), Annals of
    Statistics 16:1141-1154; the form of R's cuminc.
    """
    timeline = found.timeline
    y, survival, f = timeline.at_risk, found.limit.survival, found.incidence[:, cause]
    mine = timeline.events[:, cause]
    others = timeline.any_event - mine
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(survival > 0, 1.0 / survival, 0.0)
        own, other = (
            found.before**2 * np.where(d > 1, 1 - (d - 1) / (y - 1), 1.0) * d / y**2
            for d in (mine, others)
        )
    other = np.where(survival > 0, other, 0.0)
    reach, less = 1 + inverse * f, inverse * f
    square = reach**2 * own + less**2 * other
    cross = inverse * (reach * own + less * other)
    plain = inverse**2 * (own + other)
    sums = timeline.running(np.column_stack((square, cross, plain)))
    return np.asarray(sums[:, 0] - 2 * f * sums[:, 1] + f**2 * sums[:, 2])


def greenwood_variance(found: Incidences, cause: int) -> Floats:
    """Greenwood-type variance of the incidence of a cause without weights, (K,), ties multinomial.

    Each slot's hazards vary by themselves, given who is at risk; without late entry the
    infinitesimal jackknife agrees with it. Andersen, Borgan, Gill and Keiding (1993), Statistical
    Models Based on Counting Processes, equation 4.4.20; the form of R's package etm.
    """
    timeline = found.timeline
    y, d, f = timeline.at_risk, timeline.any_event, found.incidence[:, cause]
    mine = timeline.events[:, cause]
    with np.errstate(divide="ignore"):
        inverse = np.where(found.limit.survival > 0, 1.0 / found.limit.survival, 0.0)
    scale = found.before**2 / y**3
    own = scale * mine * (y - mine)
    cross = scale * mine * (y - d) * inverse
    whole = scale * d * (y - d) * inverse**2
    sums = timeline.running(
        np.column_stack((own, cross, f * cross, whole, f * whole, f**2 * whole))
    )
    a, b, fb, c, fc, ffc = sums.T
    return np.asarray(a - 2 * (f * b - fb) + f**2 * c - 2 * f * fc + ffc)
