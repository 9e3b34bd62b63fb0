"""What each record contributes to the score: the seam that every variance is made from.

The two parts are kept apart, since a subcohort's own variance is that of its part in the risk sets
alone. Summed over all records they give the score, which is 0 at the maximum.
"""

from dataclasses import dataclass

import numpy as np

from .partial_likelihood import Moments, Problem, tie_sums, while_at_risk
from .records import Codes, Floats, column_sums, counts_of


@dataclass(frozen=True, slots=True, eq=False)
class ScoreResiduals:
    """Each (n, p): the record's part as an event, and as a member of risk sets (negative).

    Both carry the record's weights. Efron's rule holds throughout under an Efron fit.
    """

    event: Floats
    risk: Floats

    @property
    def total(self) -> Floats:
        """The score residuals, (n, p)."""
        return self.event + self.risk


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
    event = np.zeros_like(terms)
    means = event_means(problem, at)
    event[dead] = records.event_weight[dead, None] * (terms[dead] - means[slots.death_slot])
    sums = tie_sums(problem, at)
    slope = sums.uu[:, None] * at.s1 - sums.uv[:, None] * at.d1
    tied = sums.uv[:, None] * at.s1 - sums.vv[:, None] * at.d1
    lived = while_at_risk(problem, at, at.hazard, at.tied)
    drawn = while_at_risk(problem, at, slope, tied)
    return ScoreResiduals(event, at.risk[:, None] * (drawn - terms * lived[:, None]))


def sums_by(codes: Codes, values: Floats) -> Floats:
    """Sums of rows (n, p) by code, (codes, p)."""
    count = int(codes.max(initial=-1)) + 1
    return column_sums(codes, np.ones(codes.size), values, count)
