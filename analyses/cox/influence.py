"""What each record contributes to the score: the seam that every variance is made from.

The two parts are kept apart, since a subcohort's own variance is that of its part in the risk sets
alone. Summed over all records they give the score, which is 0 at the maximum.
"""

from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats, column_sums, counts_of
from .partial_likelihood import BLOCK, Moments, Problem, tie_sums, while_at_risk


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
    records, slots, terms = problem.records, problem.slots, problem.terms
    dead = slots.death
    means = event_means(problem, at)
    event = records.event_weight[dead, None] * (terms[dead] - means[slots.death_slot])
    sums = tie_sums(problem, at)
    s0, s1 = at.s0[:, None], at.s1 / at.s0[:, None]
    d1 = at.d1 / s0
    slope = (sums.uu[:, None] * s1 - sums.uv[:, None] * d1) / s0
    tied = (sums.uv[:, None] * s1 - sums.vv[:, None] * d1) / s0
    lived = while_at_risk(problem, at, at.hazard, at.tied)
    risk = while_at_risk(problem, at, slope, tied)
    for start in range(0, len(risk), BLOCK):
        here = slice(start, start + BLOCK)
        risk[here] -= terms[here] * lived[here, None]
        risk[here] *= at.risk[here, None]
    return ScoreResiduals(risk, event, dead)


def sums_by(codes: Codes, values: Floats) -> Floats:
    """Sums of rows (n, p) by code, (codes, p)."""
    count = int(codes.max(initial=-1)) + 1
    return column_sums(codes, np.ones(codes.size), values, count)
