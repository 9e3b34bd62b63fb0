"""Sums over persons of squared influence along time, without a table of persons by times.

What a person's influence on a curve is at a time is linear in a few running sums of the curve, with
coefficients that change only when one of her records enters or leaves the risk sets. So the sums
over persons of products of two coefficients change only there too, and the variance at all times
is a few running sums.
"""

from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats
from ..sums_by_code import counts_of
from .records import CurveRecords, distinct
from .timeline import Timeline

MANY = 64
"""Units with more changes than this are summed one by one, the others all together."""
FEW_DIGITS = 1e-9
"""A sum of squares this small beside what its running sums have held has few digits left: it is
added up afresh, person by person, at as many times as this allows:"""
MOST_AFRESH = 50_000_000
ROUNDING = 1e-14
"""A sum this small beside them has no digit left."""


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


def influence_variance(
    timeline: Timeline,
    unit: Codes,
    changes: Changes,
    weights: Floats,
    copies: Floats | None = None,
) -> Floats:
    """Sums over units of the squares (K,) of the weights (K, m) times their coefficients.

    unit, copies : as in ``sums_of_products``. Not a number where neither running sums nor the time
    to do without them leave a digit: 0 would say that nothing is uncertain.
    """
    products = sums_of_products(timeline, unit, changes, copies)
    value = np.einsum("ki,kij,kj->k", weights, products, weights)
    largest = timeline.largest(np.einsum("kii->ki", products))
    size = (np.abs(weights) * np.sqrt(largest)).sum(axis=1) ** 2
    doubtful = np.flatnonzero((size > 0) & ~(value > FEW_DIGITS * size))
    value[(size > 0) & ~(value > ROUNDING * size)] = np.nan
    for slot in doubtful[: MOST_AFRESH // unit.size]:
        value[slot] = _afresh(timeline, unit, changes, (int(slot), weights[slot]), copies)
    return np.asarray(np.where(size > 0, value, 0.0))


def _afresh(
    timeline: Timeline,
    unit: Codes,
    changes: Changes,
    at: tuple[int, Floats],
    copies: Floats | None,
) -> float:
    """The sum of squares at one slot, from the changes of its group until then."""
    (slot, weights), slots = at, timeline.slots
    mine = np.flatnonzero((slots.first <= slot) & (slots.first >= _begin(timeline, slot)))
    gone = slots.past[mine] - 1 <= slot
    entering, leaving = changes.entering[mine], changes.leaving[mine] * gone[:, None]
    influence = entering @ weights + leaving @ weights
    added = (np.abs(entering) + np.abs(leaving)) @ np.abs(weights)
    if copies is None:
        codes = np.unique(unit[mine], return_inverse=True)[1]
        size = int(codes.max(initial=-1)) + 1
        influence, added = counts_of(codes, influence, size), counts_of(codes, added, size)
    # Nobody's influence is what is left of 0 by rounding, which would look like an error.
    influence[np.abs(influence) <= ROUNDING * added] = 0.0
    return float(np.sum(influence**2 * (1.0 if copies is None else copies[mine])))


def _begin(timeline: Timeline, slot: int) -> int:
    return int(timeline.begins[np.searchsorted(timeline.begins, slot, side="right") - 1])


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
    weights = np.column_stack((np.ones_like(lived), lived))
    changes = Changes(entering, leaving)
    return influence_variance(timeline, records.cluster, changes, weights, copies)
