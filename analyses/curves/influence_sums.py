"""Sums over persons of squared influence along time, without a table of persons by times.

What a person's influence on a curve is at a time is linear in a few running sums of the curve, with
coefficients that change only when one of her records enters or leaves the risk sets. So the sums
over persons of products of two coefficients change only there too, and the variance at all times
is a few running sums.
"""

from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats, counts_of
from .records import CurveRecords, distinct
from .timeline import Timeline

MANY = 64
"""Units with more changes than this are summed one by one, the others all together."""
ROUNDING = 1e-14
"""A sum of squares this small beside what its running sums have held has no digit left."""


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """How the coefficients of each record change: (n, m) when it enters and when it leaves."""

    entering: Floats
    leaving: Floats


def sums_of_products(
    timeline: Timeline, unit: Codes, changes: Changes, copies: Floats | None = None
) -> Floats:
    """Sums over units of the products of their coefficients, (K, m, m).

    unit : (n,) person or cluster of each record; units of different groups are kept apart.
    copies : (n,) units that each record stands for, where none has more than one record.
    """
    slots = timeline.slots
    n, m = changes.entering.shape
    leave = slots.past - 1
    key = unit * (timeline.begins.size - 1) + timeline.group[leave]
    before: Floats = np.zeros((2 * n, m))
    if distinct(key)[0].size == n:
        slot = np.concatenate((slots.first, leave))
        before[n:] = changes.entering
        after = before + np.concatenate((changes.entering, changes.leaving))
    else:
        key, slot = np.concatenate((key, key)), np.concatenate((slots.first, leave))
        order = np.lexsort((slot, key))
        slot = slot[order]
        change = np.concatenate((changes.entering, changes.leaving))[order]
        after = _running_by_unit(key[order], change)
        before = after - change
    out = np.empty((timeline.time.size, m, m))
    for i in range(m):
        for j in range(i, m):
            gained = after[:, i] * after[:, j] - before[:, i] * before[:, j]
            if copies is not None:
                gained *= np.concatenate((copies, copies))
            each = counts_of(slot, gained, timeline.time.size)
            out[:, i, j] = out[:, j, i] = timeline.running(each)
    return out


def quadratic_form(timeline: Timeline, weights: Floats, products: Floats) -> Floats:
    """Sums of squares (K,) of the weights (K, m) times the coefficients behind ``products``.

    Exactly 0 where only rounding is left, of which the root would look like an error.
    """
    value = np.einsum("ki,kij,kj->k", weights, products, weights)
    largest = timeline.largest(np.einsum("kii->ki", products))
    size = (np.abs(weights) * np.sqrt(largest)).sum(axis=1) ** 2
    return np.asarray(np.where(value > ROUNDING * size, value, 0.0))


def _running_by_unit(key: Codes, change: Floats) -> Floats:
    """Running sums (r, m) of changes within runs of equal keys.

    Not one running sum less its value where the unit begins: that would carry the rounding of all
    units before it.
    """
    begins = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    lengths = np.diff(np.append(begins, key.size))
    out = change.copy()
    for begin, length in zip(begins[lengths > MANY], lengths[lengths > MANY], strict=True):
        out[begin : begin + length] = np.cumsum(change[begin : begin + length], axis=0)
    begins, lengths = begins[lengths <= MANY], lengths[lengths <= MANY]
    for place in range(1, int(lengths.max(initial=0))):
        here = begins[lengths > place] + place
        out[here] += out[here - 1]
    return out


def log_survival_influence_variance(
    timeline: Timeline,
    records: CurveRecords,
    odds: Floats,
    left: Floats,
    copies: Floats | None = None,
) -> Floats:
    """Infinitesimal-jackknife variance (K,) of a sum of hazards, or of minus log survival.

    odds : (K,) the increments summed by those at risk. left : (K,) what an event adds. For log
    survival: dN / (Y (Y - dN)) and 1 / (Y - dN); for the cumulative hazard: dN / Y^2 and 1 / Y.

    Jaeckel (1972), Bell Laboratories MM 72-1215-11; Therneau and Grambsch (2000), section 7.
    """
    lived = timeline.running(odds)
    slots, weight = timeline.slots, records.weight
    leave = slots.past - 1
    since = timeline.before(lived, 0.0)[slots.first]
    entering = np.column_stack((-weight * since, weight))
    gone = weight * (lived[leave] - (records.event > 0) * left[leave])
    leaving = np.column_stack((gone, -weight))
    products = sums_of_products(timeline, records.cluster, Changes(entering, leaving), copies)
    return quadratic_form(timeline, np.column_stack((np.ones_like(lived), lived)), products)
