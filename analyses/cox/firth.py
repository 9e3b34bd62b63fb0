"""Firth's penalised likelihood: finite hazard ratios when the likelihood is monotone.

Half the log determinant of the information is added to the log-likelihood, which removes the bias
of order 1/n. Firth (1993), Biometrika 80:27-38; for Cox models Heinze and Schemper (2001),
Biometrics 57:114-119.
"""

from dataclasses import replace

import numpy as np
from scipy import linalg

from ..records import Floats
from ..sums_by_code import column_sums
from .newton import Evaluate, Maximum, maximise
from .partial_likelihood import (
    Moments,
    Problem,
    derivatives,
    moments,
    weighted_crossproduct,
    while_at_risk,
)
from .profile import Held, split_terms
from .slot_sums import risk_sums
from .variance import aliased_columns


def maximise_penalised(problem: Problem) -> Maximum:
    """The maximum of the penalised log-likelihood, by Newton's method with the information.

    Its ``log_likelihood`` is the penalised one. Aliased columns carry no penalty.
    """
    return maximise(problem, penalised(problem))


def penalised(problem: Problem) -> Evaluate:
    """The penalised log-likelihood with its score and the information, at beta (p,)."""
    p = problem.terms.shape[1]
    _, _, start = derivatives(problem, moments(problem, np.zeros(p)))
    kept = ~aliased_columns(start)

    def at_beta(beta: Floats) -> tuple[float, Floats, Floats]:
        at = moments(problem, beta)
        value, score, information = derivatives(problem, at)
        block = information[np.ix_(kept, kept)]
        sign, log_det = np.linalg.slogdet(block) if np.isfinite(block).all() else (0.0, 0.0)
        if sign <= 0 or not np.isfinite(value):
            return -np.inf, score, information
        slope = information_slope(problem, at)[np.ix_(kept, kept, kept)]
        pull = np.zeros(p)
        pull[kept] = 0.5 * np.einsum("jk,kjl->l", linalg.inv(block), slope)
        return value + 0.5 * float(log_det), score + pull, information

    return at_beta


def held_penalised(problem: Problem, weights: Floats) -> Held:
    """The profile penalised log-likelihood of ``weights @ beta``.

    The penalty stays that of all coefficients, the held one included.
    """
    others, own = split_terms(problem.terms, weights)
    full = replace(problem, terms=np.column_stack((others, own)))
    whole = penalised(full)
    size = float(np.abs(weights).max())

    def held(theta: float) -> float:
        def free(beta: Floats) -> tuple[float, Floats, Floats]:
            value, score, information = whole(np.append(beta, theta))
            return value, score[:-1], information[:-1, :-1]

        best = maximise(replace(problem, terms=others), free).log_likelihood
        return best + float(np.log(size))

    return held


def information_slope(problem: Problem, at: Moments) -> Floats:
    """The derivative of the information by each coefficient, (p, p, p), the last axis beta.

    A third cumulant over risk sets: the raw third moments come from one pass over the records, the
    rest from second moments at the event times.
    """
    terms, slots = problem.terms, problem.slots
    p = terms.shape[1]
    first, second = np.triu_indices(p)
    products = terms[:, first] * terms[:, second]
    s2 = risk_sums(slots, at.risk, products).s1
    dead, slot = slots.death, slots.death_slot
    d2 = column_sums(slot, at.risk[dead], products[dead], slots.count)
    mean = (at.s1[slot] - problem.f[:, None] * at.d1[slot]) * at.u[:, None]
    packed = (s2[slot] - problem.f[:, None] * d2[slot]) * at.u[:, None]
    square = np.empty((slot.size, p, p))
    square[:, first, second] = packed
    square[:, second, first] = packed
    weighted = mean * problem.weight[:, None]
    pair = np.einsum("mjk,ml->jkl", square, weighted)
    triple = np.einsum("mj,mk,ml->jkl", mean, mean, weighted)
    lived = at.risk * while_at_risk(problem, at, at.hazard, at.tied)
    third = np.stack([weighted_crossproduct(terms, lived * column) for column in terms.T], axis=-1)
    return np.asarray(
        third - pair - pair.transpose(0, 2, 1) - pair.transpose(2, 1, 0) + 2.0 * triple
    )
