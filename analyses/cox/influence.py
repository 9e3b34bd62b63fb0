"""What each record contributes to the score: the seam that every variance is made from.

The two parts are kept apart, since a subcohort's own variance is that of its part in the risk sets
alone. Summed over all records they give the score, which is 0 at the maximum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..parts import by_parts, room
from ..records import BLOCK, Codes, Floats, blocks_of, column_sums, counts_of
from .partial_likelihood import Moments, Problem, tie_sums
from .slot_sums import lived_by

WIDE = 16 * BLOCK
NEAR = 4 * BLOCK
"""Residuals are summed by code for this many records at a time, where the codes of a block lie no
further apart than that."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreResiduals:
    """Score residuals in two parts, weights included; Efron's rule under an Efron fit.

    risk : (n, p) each record's part as a member of risk sets (negative in sum). event : (m, p) the
    part of each record that fails, as an event; death : (m,) which records those are.
    """

    risk: Floats
    event: Floats
    death: Codes

    @property
    def total(self) -> Floats:
        """The score residuals, (n, p)."""
        whole = self.risk.copy()
        whole[self.death] += self.event
        return whole


def event_means(problem: Problem, at: Moments) -> Floats:
    """The mean of the terms over the risk set of each slot, (K, p), averaged over tied deaths."""
    slots = problem.slots
    u = counts_of(slots.death_slot, at.u, slots.count) / slots.deaths
    if not problem.spread:
        return u[:, None] * at.s1
    fu = counts_of(slots.death_slot, problem.f * at.u, slots.count) / slots.deaths
    return u[:, None] * at.s1 - fu[:, None] * at.d1


def score_residuals(problem: Problem, at: Moments) -> ScoreResiduals:
    """Score residuals in the scale of the problem's terms.

    Therneau, Grambsch and Fleming (1990), Biometrika 77:147-160; with Efron's ties as in
    Therneau and Grambsch (2000), section 4.3.
    """
    return ScoreResiduals(
        risk_residuals(problem, at), _event_parts(problem, at), problem.slots.death
    )


def risk_residuals(problem: Problem, at: Moments) -> Floats:
    """Each record's part of the score as a member of risk sets, (n, p)."""
    lived = _lived(problem, at)
    risk = np.empty_like(problem.terms)

    def fill(part: slice) -> None:
        for rows in blocks_of(part.start, part.stop):
            block = lived(rows)
            here = np.multiply(problem.terms[rows], block[:, -1:], out=risk[rows])
            np.subtract(block[:, :-1], here, out=here)
            here *= at.risk[rows, None]

    by_parts(len(risk), fill)
    if problem.spread:
        risk[problem.slots.death] -= _spared(problem, at)
    return risk


def summed_score_residuals(problem: Problem, at: Moments, codes: Codes) -> Floats:
    """Score residuals summed by code (n,) from 0, (codes, p), without holding those of everybody.

    Quick where records of one code lie near each other, right everywhere.
    """
    lived = _lived(problem, at)
    p = problem.terms.shape[1]

    def of_part(part: slice) -> tuple[int, Floats]:
        low, high = int(codes[part].min()), int(codes[part].max()) + 1
        sums = np.zeros((high - low, p))
        near = np.ptp(codes[part][:BLOCK]) <= NEAR
        for rows in blocks_of(part.start, part.stop, WIDE) if near else [part]:
            begin = int(codes[rows].min())
            code, risk, block = codes[rows] - begin, at.risk[rows], lived(rows)
            found = weighted_sums_by(code, risk, block)[:, :-1]
            found -= weighted_sums_by(code, risk * block[:, -1], problem.terms[rows])
            sums[begin - low : begin - low + len(found)] += found
        return low, sums

    total = np.zeros((int(codes.max(initial=-1)) + 1, p))
    for low, sums in by_parts(codes.size, of_part):
        total[low : low + len(sums)] += sums
    failing, place = np.unique(codes[problem.slots.death], return_inverse=True)
    event = _event_parts(problem, at)
    if problem.spread:
        event -= _spared(problem, at)
    total[failing] += sums_by(place.astype(np.int64), event)
    return total


def _event_parts(problem: Problem, at: Moments) -> Floats:
    """What those who fail add to the score as events, (m, p)."""
    slots = problem.slots
    event = problem.dead_terms - event_means(problem, at).take(slots.death_slot, axis=0)
    event *= problem.records.event_weight[slots.death, None]
    return event


def _spared(problem: Problem, at: Moments) -> Floats:
    """What those who fail in a tie are spared of their part in risk sets, (m, p)."""
    dead, slot = problem.slots.death, problem.slots.death_slot
    sums, s0 = tie_sums(problem, at), at.s0[:, None]
    tied = (sums.uv[:, None] * (at.s1 / s0) - sums.vv[:, None] * (at.d1 / s0)) / s0
    own = tied.take(slot, axis=0) - problem.dead_terms * at.tied[slot, None]
    own *= at.risk[dead, None]
    return own


def _lived(problem: Problem, at: Moments) -> Callable[[slice], Floats]:
    """Sums over each record's time at risk of the slots' slopes and hazard, (rows, p + 1).

    For some rows at a time, and good until the next.
    """
    sums, s0 = tie_sums(problem, at), at.s0[:, None]
    slope = sums.uu[:, None] * (at.s1 / s0)
    if problem.spread:
        slope -= sums.uv[:, None] * (at.d1 / s0)
    # The hazard stands beside the slopes, so that both are gathered at once.
    both = np.column_stack((slope / s0, at.hazard))
    live = lived_by(problem.slots, both, additions_only=at.additions_only)

    def lived(rows: slice) -> Floats:
        count, width = rows.stop - rows.start, both.shape[1]
        sums = room("lived", WIDE, width)[:count] if count <= WIDE else np.empty((count, width))
        spare = room("spare lived", BLOCK, width)
        for block in blocks_of(0, count):
            live(slice(rows.start + block.start, rows.start + block.stop), sums[block], spare)
        return sums

    return lived


def sums_by(codes: Codes, values: Floats) -> Floats:
    """Sums of rows (n, p) by code, (codes, p)."""
    return weighted_sums_by(codes, np.ones(codes.size), values)


def weighted_sums_by(codes: Codes, weights: Floats, values: Floats) -> Floats:
    """Sums of weights (n,) times rows (n, p) by code, (codes, p)."""
    return column_sums(codes, weights, values, int(codes.max(initial=-1)) + 1)
