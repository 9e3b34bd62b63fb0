"""One model fitted to many resamples of the same people.

Slots and terms are made once, by the fit to everybody: a resample changes only how often a record
counts. A record drawn twice that fails is two tied deaths, which under Efron's rule is not one of
weight two, so records that fail are repeated; the others are in risk sets alone, where copies are
a weight.
"""

from dataclasses import dataclass, replace

import numpy as np

from cohort.errors import ConvergenceError

from ..records import Codes, Flags, Floats, RiskRecords
from .fit import CoxFit
from .newton import Evaluate, Maximum, maximise
from .partial_likelihood import Problem, derivatives, moments
from .slots import Slots
from .variance import ALIASED

LAST = 1e-12
"""Squared length of the last Newton step in standard errors: beta is then off by about its square
root times itself, 1e-12, and nobody asks for the information."""


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """What it takes to fit a model again to resamples.

    unit : (n,) codes from 0 of what is drawn, of the problem's records. start, scale : (p,) where
    to begin, in the scale of the terms, and that scale. size : (p,) information of everybody on
    each term.
    """

    problem: Problem
    unit: Codes
    start: Floats
    scale: Floats
    size: Floats

    def fit(self, copies: Codes) -> Floats:
        """Log hazard ratios (p,) with each unit there ``copies`` times, per unit of the data.

        NaN for a coefficient that the resample does not determine, whose likelihood is monotone or
        did not converge.
        """
        nothing = np.full(self.start.size, np.nan)
        problem = resampled(self.problem, copies[self.unit])
        if not problem.slots.count:
            return nothing
        try:
            found = maximise(problem, self._without_noise(problem), self.start, LAST)
        except ConvergenceError:
            return nothing
        return np.asarray(np.where(_refused(found), np.nan, found.beta) / self.scale)

    def _without_noise(self, problem: Problem) -> Evaluate:
        """Log-likelihood, score and information, 0 for terms the resample says nothing of.

        A term that varies among everybody may be constant in a resample, but not at its mean: what
        is left of score and information is then rounding error, and their ratio any number.
        """
        silent = np.zeros(0, dtype=bool)

        def evaluate(beta: Floats) -> tuple[float, Floats, Floats]:
            nonlocal silent
            value, score, information = derivatives(problem, moments(problem, beta))
            if not silent.size:  # Later a term that runs on would be, and must be found to.
                silent = np.diag(information) <= ALIASED * self.size
            score[silent] = 0.0
            information[silent], information[:, silent] = 0.0, 0.0
            return value, score, information

        return evaluate


def refit_of(fit: CoxFit, unit: Codes) -> Refit:
    """A fit's model, ready for resamples of units (n,), codes from 0 of all its records."""
    settled = fit.maximum.converged and not fit.monotone.any()
    start = fit.maximum.beta if settled else np.zeros(fit.beta.size)
    size = np.diag(fit.maximum.information_at_start)
    return Refit(fit.problem, unit[fit.kept], start, fit.scale, size)


def resampled(problem: Problem, copies: Codes) -> Problem:
    """The problem in which each record stands ``copies`` (n,) times, 0 included."""
    slots = problem.slots
    fails = np.zeros(copies.size, dtype=bool)
    fails[slots.death] = True
    deaths = copies[slots.death]
    taken = np.bincount(slots.death_slot, deaths, slots.count) > 0
    below = np.concatenate(([0], np.cumsum(taken)))
    first, past = below[slots.first], below[slots.past]
    others = np.flatnonzero((copies > 0) & (first < past) & ~fails)
    dead = np.repeat(slots.death, deaths)
    rows = np.concatenate((dead, others))
    death_slot = past[dead] - 1
    per_slot = np.bincount(death_slot, minlength=int(below[-1]))
    begin_of_slot = np.cumsum(per_slot) - per_slot
    stratum = slots.stratum[taken]
    return Problem(
        _drawn(problem.records, rows, copies[others]),
        Slots(
            time=slots.time[taken],
            stratum=stratum,
            first=first[rows],
            past=past[rows],
            death=np.arange(dead.size),
            death_slot=death_slot,
            deaths=per_slot,
            rank=np.arange(dead.size) - begin_of_slot[death_slot],
            begins=np.append(np.flatnonzero(np.diff(stratum, prepend=-1)), stratum.size),
            late=slots.late,
        ),
        problem.terms.take(rows, axis=0),
        problem.ties,
    )


def _drawn(records: RiskRecords, rows: Codes, copies: Codes) -> RiskRecords:
    """The records of ``rows``, the last of which stand in risk sets for several copies each."""
    drawn = records.where(rows)
    weight = drawn.risk_weight.copy()
    weight[rows.size - copies.size :] *= copies
    return replace(drawn, risk_weight=weight)


def _refused(found: Maximum) -> Flags:
    if not found.converged and not found.monotone.any():
        return np.ones_like(found.aliased)
    return found.undetermined | found.monotone
