"""Profile-likelihood limits: where a ratio's likelihood has fallen by the chi-square quantile.

With few exposed cases the likelihood is skewed and Wald limits mislead; a profile interval needs
no symmetry, and it is one-sided rather than absent when the likelihood is monotone. Venzon and
Moolgavkar (1988), Applied Statistics 37:87-94.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy
from scipy import special

from ..records import Floats
from .newton import Maximum, maximise
from .partial_likelihood import Problem

Held = Callable[[float], float]
"""The largest log-likelihood with the log ratio held at a value."""
WIDEST = 50.0
"""A log ratio beyond this, between the extremes of the data, is no limit at all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a log ratio, None where the likelihood never falls enough; and the LR p-value."""

    low: float | None
    high: float | None
    p_value: float


def profile_limits(
    best: Maximum, weights: Floats, conf_level: float, held: Held, span: float
) -> Limits:
    """Profile limits of ``weights @ beta`` and the test that it is 0.

    weights : (p,) in the scale of the problem's terms. best : the unconstrained maximum. span : of
    the term in units of the ratio, 1 for yes against no; limits are sought in steps by it, so that
    grams and kilograms give the same.
    """
    drop = float(special.chdtri(1, 1.0 - conf_level))
    centre = float(weights @ best.beta)

    def fall(theta: float) -> float:
        return 2.0 * (best.log_likelihood - held(theta))

    runs = bool((best.monotone & (weights != 0)).any())
    low = None if runs and centre < 0 else _limit(fall, centre, -1.0 / span, drop)
    high = None if runs and centre > 0 else _limit(fall, centre, 1.0 / span, drop)
    return Limits(low, high, float(special.chdtrc(1, max(fall(0.0), 0.0))))


def _limit(fall: Held, centre: float, side: float, drop: float) -> float | None:
    inner, step = centre, 0.5
    while step < 2 * WIDEST:
        outer = centre + side * step
        if fall(outer) > drop:
            return float(
                scipy.optimize.brentq(
                    lambda theta: fall(theta) - drop, inner, outer, xtol=1e-11 * abs(side)
                )
            )
        inner, step = outer, step * 1.7
    return None


def held_likelihood(problem: Problem, weights: Floats) -> Held:
    """The profile log-likelihood of ``weights @ beta`` (p,)."""
    terms, direction = split_terms(problem.terms, weights)

    def held(theta: float) -> float:
        offset = problem.records.offset + direction * theta
        shifted = replace(problem, records=replace(problem.records, offset=offset), terms=terms)
        return maximise(shifted).log_likelihood

    return held


def split_terms(terms: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Terms (n, p) as those that leave ``weights @ beta`` alone (n, p - 1), and its own (n,)."""
    j = int(np.argmax(np.abs(weights)))
    own = terms[:, j] / weights[j]
    others = [i for i in range(weights.size) if i != j]
    return terms[:, others] - own[:, None] * weights[others], own
