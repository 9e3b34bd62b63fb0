"""What each record contributes to the score: the seam that every variance is made from.

The two parts are kept apart, since a subcohort's own variance is that of its part in the risk sets
alone. Summed over all records they give the score, which is 0 at the maximum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..parts import by_parts, room
from ..records import BLOCK, Codes, Floats, blocks_of
from ..sums_by_code import add_rows, column_sums, counts_of
from .partial_likelihood import Moments, Problem, tie_sums
from .slot_sums import lived_by

WIDE = 2 * BLOCK


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


def risk_residuals(problem: Problem, at: Moments, places: Codes | None = None) -> Floats:
    """Each record's part of the score as a member of risk sets, (n, p).

    places : (m,) of the records whose parts are wanted, all without it.
    """
    if places is not None and problem.spread:
        return risk_residuals(problem, at)[places]
    lived = _lived(problem, at)
    size = at.risk.size if places is None else places.size
    risk = np.empty((size, problem.terms.shape[1]))

    def fill(part: slice) -> None:
        for own in blocks_of(part.start, part.stop):
            rows = own if places is None else places[own]
            slope, hazard = lived(rows)
            here = np.multiply(problem.terms[rows], hazard[:, None], out=risk[own])
            np.subtract(slope, here, out=here)
            here *= at.risk[rows, None]

    by_parts(size, fill)
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
        for rows in blocks_of(part.start, part.stop, WIDE):
            code, risk, (slope, hazard) = codes[rows] - low, at.risk[rows], lived(rows)
            add_rows(sums, code, risk, slope)
            hazard *= -risk
            add_rows(sums, code, hazard, problem.terms[rows])
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


def _lived(problem: Problem, at: Moments) -> Callable[[slice | Codes], tuple[Floats, Floats]]:
    """Sums over each record's time at risk of the slots' slopes, (rows, p), and hazard, (rows,).

    For at most WIDE rows at a time, and good until the next.
    """
    sums, s0 = tie_sums(problem, at), at.s0[:, None]
    slope = sums.uu[:, None] * (at.s1 / s0)
    if problem.spread:
        slope -= sums.uv[:, None] * (at.d1 / s0)
    slope /= s0
    live_slope = lived_by(problem.slots, slope, additions_only=at.additions_only)
    live_hazard = lived_by(problem.slots, at.hazard, additions_only=at.additions_only)
    p = slope.shape[1]

    def lived(rows: slice | Codes) -> tuple[Floats, Floats]:
        count = rows.stop - rows.start if isinstance(rows, slice) else rows.size
        slopes, hazards = room("slopes", WIDE, p)[:count], room("hazards", WIDE)[:count]
        live_slope(rows, slopes, room("spare slopes", WIDE, p))
        live_hazard(rows, hazards, room("spare hazards", WIDE))
        return slopes, hazards

    return lived


def sums_by(codes: Codes, values: Floats) -> Floats:
    """Sums of rows (n, p) by code, (codes, p)."""
    return column_sums(codes, np.ones(codes.size), values, int(codes.max(initial=-1)) + 1)
