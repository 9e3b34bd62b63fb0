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
from .slots import lived_by

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
    fu = counts_of(slots.death_slot, at.f * at.u, slots.count) / slots.deaths
    return u[:, None] * at.s1 - fu[:, None] * at.d1


def score_residuals(problem: Problem, at: Moments) -> ScoreResiduals:
    """Score residuals in the scale of the problem's terms.

    Therneau, Grambsch and Fleming (1990), Biometrika 77:147-160; with Efron's ties as in
    Therneau and Grambsch (2000), section 4.3.
    """
    lived, own, event = _score_parts(problem, at)
    risk = np.empty_like(problem.terms)

    def fill(part: slice) -> None:
        for rows in blocks_of(part.start, part.stop):
            block = lived(rows)
            here = np.multiply(problem.terms[rows], block[:, -1:], out=risk[rows])
            np.subtract(block[:, :-1], here, out=here)
            here *= at.risk[rows, None]

    by_parts(len(risk), fill)
    risk[problem.slots.death] -= own
    return ScoreResiduals(risk, event, problem.slots.death)


def summed_score_residuals(problem: Problem, at: Moments, codes: Codes) -> Floats:
    """Score residuals summed by code (n,) from 0, (codes, p), without holding those of everybody.

    Quick where records of one code lie near each other, right everywhere.
    """
    lived, own, event = _score_parts(problem, at)

    def of_part(part: slice) -> tuple[int, Floats]:
        low, high = int(codes[part].min()), int(codes[part].max()) + 1
        sums = np.zeros((high - low, own.shape[1]))
        near = np.ptp(codes[part][:BLOCK]) <= NEAR
        for rows in blocks_of(part.start, part.stop, WIDE) if near else [part]:
            begin = int(codes[rows].min())
            code, risk, block = codes[rows] - begin, at.risk[rows], lived(rows)
            found = weighted_sums_by(code, risk, block)[:, :-1]
            found -= weighted_sums_by(code, risk * block[:, -1], problem.terms[rows])
            sums[begin - low : begin - low + len(found)] += found
        return low, sums

    total = np.zeros((int(codes.max(initial=-1)) + 1, own.shape[1]))
    for low, sums in by_parts(codes.size, of_part):
        total[low : low + len(sums)] += sums
    failing, place = np.unique(codes[problem.slots.death], return_inverse=True)
    total[failing] += sums_by(place.astype(np.int64), event - own)
    return total


def _score_parts(problem: Problem, at: Moments) -> tuple[Callable[[slice], Floats], Floats, Floats]:
    """What score residuals are made of.

    Sums over each record's time at risk of the slots' slopes and hazard, (rows, p + 1), for some
    rows at a time and good until the next; what those who fail in a tie are spared of their part in
    risk sets, (m, p); and what they add as events, (m, p).
    """
    slots = problem.slots
    dead, slot = slots.death, slots.death_slot
    means = event_means(problem, at)
    event = problem.records.event_weight[dead, None] * (problem.dead_terms - means[slot])
    sums = tie_sums(problem, at)
    s0, s1 = at.s0[:, None], at.s1 / at.s0[:, None]
    d1 = at.d1 / s0
    slope = (sums.uu[:, None] * s1 - sums.uv[:, None] * d1) / s0
    tied = (sums.uv[:, None] * s1 - sums.vv[:, None] * d1) / s0
    own = at.risk[dead, None] * (tied[slot] - problem.dead_terms * at.tied[slot, None])
    # The hazard stands beside the slopes, so that both are gathered at once.
    both = np.column_stack((slope, at.hazard))
    live = lived_by(slots, both, additions_only=at.additions_only)

    def lived(rows: slice) -> Floats:
        count, width = rows.stop - rows.start, both.shape[1]
        sums = room("lived", WIDE, width)[:count] if count <= WIDE else np.empty((count, width))
        spare = room("spare lived", BLOCK, width)
        for block in blocks_of(0, count):
            live(slice(rows.start + block.start, rows.start + block.stop), sums[block], spare)
        return sums

    return lived, own, event


def sums_by(codes: Codes, values: Floats) -> Floats:
    """Sums of rows (n, p) by code, (codes, p)."""
    return weighted_sums_by(codes, np.ones(codes.size), values)


def weighted_sums_by(codes: Codes, weights: Floats, values: Floats) -> Floats:
    """Sums of weights (n,) times rows (n, p) by code, (codes, p)."""
    return column_sums(codes, weights, values, int(codes.max(initial=-1)) + 1)
