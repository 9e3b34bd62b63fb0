"""The exact partial likelihood for tied events: every choice of who failed, counted.

The conditional likelihood of matched sets with several cases is the same thing. Sums over all
choices come from the recursion of Gail, Lubin and Rubinstein (1981), Biometrika 68:703-707. Work
grows with the risk set times the tied deaths, so it is for small strata or light ties.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..records import Codes, Floats
from .partial_likelihood import Problem, derivatives, moments
from .slots import slots_of

LARGE = 1e200


@dataclass(frozen=True, slots=True, eq=False)
class TiedSlot:
    """A slot with several deaths: its members at risk and those who die, as places (records)."""

    members: Codes
    deaths: Codes


@dataclass(frozen=True, slots=True, eq=False)
class ExactTies:
    """The exact likelihood of a problem: slots with one death as they are, the others apart."""

    terms: Floats
    offset: Floats
    single: Problem | None
    tied: tuple[TiedSlot, ...]

    def evaluate(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood, score (p,) and information (p, p) at beta."""
        p = beta.size
        total = (0.0, np.zeros(p), np.zeros((p, p)))
        if self.single is not None:
            total = derivatives(self.single, moments(self.single, beta))
        linear = self.terms @ beta + self.offset
        value, score, information = total
        for slot in self.tied:
            one = _slot(self.terms, linear, slot)
            value, score, information = value + one[0], score + one[1], information + one[2]
        return value, score, information


def exact_ties(problem: Problem) -> ExactTies:
    """Split a problem into slots with one death and tied slots."""
    records, slots = problem.records, problem.slots
    lone = slots.deaths[slots.death_slot] == 1
    single = None
    if lone.any():
        event = np.zeros(records.size, dtype=bool)
        event[slots.death[lone]] = True
        chosen = replace(records, event=event)
        own = slots_of(chosen)
        keep = own.active
        single = Problem(chosen.where(keep), own.of_active(), problem.terms[keep], "breslow")
    tied = []
    for slot in np.flatnonzero(slots.deaths > 1):
        inside = (slots.first <= slot) & (slots.past > slot) & (records.risk_weight > 0)
        tied.append(TiedSlot(np.flatnonzero(inside), slots.death[slots.death_slot == slot]))
    return ExactTies(problem.terms, records.offset, single, tuple(tied))


def _slot(terms: Floats, linear: Floats, slot: TiedSlot) -> tuple[float, Floats, Floats]:
    p, d = terms.shape[1], slot.deaths.size
    shift = float(linear[slot.members].max())
    e = np.zeros(d + 1)
    e[0] = 1.0
    g, h = np.zeros((d + 1, p)), np.zeros((d + 1, p, p))
    log_scale = 0.0
    for place in slot.members:
        x, r = terms[place], float(np.exp(linear[place] - shift))
        xg = g[:-1, :, None] * x
        h[1:] += r * (h[:-1] + xg + xg.transpose(0, 2, 1) + e[:-1, None, None] * np.outer(x, x))
        g[1:] += r * (g[:-1] + e[:-1, None] * x)
        e[1:] += r * e[:-1]
        top = float(e.max())
        if top > LARGE:
            e, g, h, log_scale = e / top, g / top, h / top, log_scale + float(np.log(top))
    mean = g[d] / e[d]
    value = float((linear[slot.deaths] - shift).sum() - np.log(e[d]) - log_scale)
    return value, terms[slot.deaths].sum(axis=0) - mean, h[d] / e[d] - np.outer(mean, mean)
