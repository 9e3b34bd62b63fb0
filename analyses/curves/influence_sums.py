"""Sums over persons of squared influence along time, without a table of persons by times.

What a person's influence on a curve is at a time is linear in a few running sums of the curve, with
coefficients that change only when one of her records enters or leaves the risk sets. So the sums
over persons of products of two coefficients change only there too, and the variance at all times
is a few running sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats
from ..sums_by_code import counts_of
from .records import CurveRecords, distinct
from .timeline import Timeline

Pair = tuple[int, int]

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


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """A curve whose influence is the sum of weights (K, c) times some coefficients.

    coefficients : (c,) their columns in the changes.
    """

    coefficients: tuple[int, ...]
    weights: Floats


def _sums_of_products(
    timeline: Timeline, unit: Codes, changes: Changes, copies: Floats | None, pairs: set[Pair]
) -> dict[Pair, Floats]:
    """Sums over units of the products (K,) of pairs of their coefficients.

    unit : (n,) person or cluster of each record; units of different groups are kept apart.
    copies : (n,) units that each record stands for, where none has more than one record.
    """
    slots, count = timeline.slots, timeline.time.size
    leave = slots.past - 1
    key = unit * (timeline.begins.size - 1) + timeline.group[leave]
    if distinct(key)[0].size == key.size:
        begun = changes.entering.T.copy()
        ended = begun + changes.leaving.T
        out = {}
        for i, j in pairs:
            came = begun[i] * begun[j]
            gained = ended[i] * ended[j] - came
            if copies is not None:
                came *= copies
                gained *= copies
            each = counts_of(slots.first, came, count) + counts_of(leave, gained, count)
            out[i, j] = timeline.running(each)
        return out
    key, slot = np.concatenate((key, key)), np.concatenate((slots.first, leave))
    order = np.lexsort((slot, key))
    slot = slot[order]
    change = np.concatenate((changes.entering, changes.leaving))[order]
    after = _running_by_unit(key[order], change)
    before = after - change
    return {
        (i, j): timeline.running(
            counts_of(slot, after[:, i] * after[:, j] - before[:, i] * before[:, j], count)
        )
        for i, j in pairs
    }


def influence_variances(
    timeline: Timeline,
    unit: Codes,
    changes: Changes,
    curves: Sequence[Combination],
    copies: Floats | None = None,
) -> list[Floats]:
    """Sums over units of the squared influence (K,) on each curve.

    unit : (n,) person or cluster of each record; copies : (n,) units that each record stands for,
    where none has more than one record. Not a number where neither running sums nor the time to do
    without them leave a digit: 0 would say that nothing is uncertain.
    """
    pairs = {
        (i, j) for curve in curves for i in curve.coefficients for j in curve.coefficients if i <= j
    }
    products = _sums_of_products(timeline, unit, changes, copies, pairs)
    largest = {i: timeline.largest(products[i, i]) for i, j in pairs if i == j}
    found = []
    for curve in curves:
        columns = list(enumerate(curve.coefficients))
        weights = curve.weights.T
        value, size = np.zeros(timeline.time.size), np.zeros(timeline.time.size)
        for a, i in columns:
            size += np.abs(weights[a]) * np.sqrt(largest[i])
            value += weights[a] ** 2 * products[i, i]
            for b, j in columns[a + 1 :]:
                value += 2.0 * weights[a] * weights[b] * products[min(i, j), max(i, j)]
        size **= 2
        doubtful = np.flatnonzero((size > 0) & ~(value > FEW_DIGITS * size))
        value[(size > 0) & ~(value > ROUNDING * size)] = np.nan
        for slot in doubtful[: MOST_AFRESH // unit.size]:
            at = int(slot), curve.weights[slot], list(curve.coefficients)
            value[slot] = _afresh(timeline, unit, changes, at, copies)
        found.append(np.asarray(np.where(size > 0, value, 0.0)))
    return found


def _afresh(
    timeline: Timeline,
    unit: Codes,
    changes: Changes,
    at: tuple[int, Floats, list[int]],
    copies: Floats | None,
) -> float:
    """The sum of squares at one slot, from the changes of its group until then."""
    (slot, weights, columns), slots = at, timeline.slots
    mine = np.flatnonzero((slots.first <= slot) & (slots.first >= _begin(timeline, slot)))
    gone = slots.past[mine] - 1 <= slot
    entering = changes.entering[np.ix_(mine, np.array(columns))]
    leaving = changes.leaving[np.ix_(mine, np.array(columns))] * gone[:, None]
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
    curve = Combination((0, 1), np.column_stack((np.ones_like(lived), lived)))
    changes = Changes(entering, leaving)
    return influence_variances(timeline, records.cluster, changes, [curve], copies)[0]
