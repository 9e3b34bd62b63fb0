"""Estimands as functions of integrated hazards in two worlds, with jackknife Monte Carlo errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from cohort.errors import NotEstimableError

from ..streams import FloatArray
from .integrals import AT_RISK, EVENTS, LOST, SEEN_AT_RISK, SEEN_EVENTS

WIDEST_LOG_RATIO = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Integrals:
    """Sums over women by batch, year of age and quantity, in one world.

    sums : (batches, years, 6), see ``integrate``. women : (batches,) their number, or weight.
    """

    sums: FloatArray
    women: FloatArray

    def without(self, batch: int) -> "Integrals":
        """Everything but one batch, as a single batch."""
        keep = np.arange(len(self.women)) != batch
        return Integrals(self.sums[keep].sum(axis=0)[None], self.women[keep].sum()[None])


Estimand = Callable[[Integrals, Integrals], float]


def mean_by_year(world: Integrals, quantity: int) -> FloatArray:
    """Mean of a quantity within each year of age, per woman, shape (years,)."""
    total: FloatArray = world.sums[:, :, quantity].sum(axis=0) / world.women.sum()
    return total


def risk(world: Integrals, age: int) -> float:
    """Probability of the outcome before an age (whole years), other deaths coming first."""
    return float(mean_by_year(world, EVENTS)[:age].sum())


def years_lost(world: Integrals, age: int) -> float:
    """Expected years between the outcome and an age (Andersen 2013, Stat Med 32:5278-85)."""
    return float(mean_by_year(world, LOST)[:age].sum())


def years_free(world: Integrals, age: int) -> float:
    """Expected years alive and free of the outcome before an age (the restricted mean)."""
    return float(mean_by_year(world, AT_RISK)[:age].sum())


def cox_root(events: Sequence[FloatArray], at_risk: Sequence[FloatArray]) -> float:
    """Log hazard ratio that solves the Cox score of the mean of two worlds.

    events, at_risk : for the exposed and the unexposed world, (years,) each. The least-false value
    of Struthers and Kalbfleisch (1986, Biometrika 73:363-9) with both worlds equally frequent.

    Raises NotEstimableError when a world has no events.
    """
    a1, a0 = events
    y1, y0 = at_risk
    if a1.sum() <= 0 or a0.sum() <= 0:
        raise NotEstimableError("one of the two worlds has no expected event: no hazard ratio.")
    live = (y1 > 0) & (y0 > 0)

    def score(beta: float) -> float:
        share = np.exp(beta) * y1[live] / (np.exp(beta) * y1[live] + y0[live])
        return float((a1[live] - (a1[live] + a0[live]) * share).sum())

    return float(brentq(score, -WIDEST_LOG_RATIO, WIDEST_LOG_RATIO, xtol=1e-12))


def cause_specific_log_ratio(exposed: Integrals, unexposed: Integrals) -> float:
    """Marginal cause-specific Cox log hazard ratio without censoring."""
    both = (exposed, unexposed)
    return cox_root(
        [mean_by_year(w, EVENTS) for w in both], [mean_by_year(w, AT_RISK) for w in both]
    )


def seen_log_ratio(exposed: Integrals, unexposed: Integrals) -> float:
    """Marginal Cox log hazard ratio for this entry, follow-up and censoring."""
    both = (exposed, unexposed)
    return cox_root(
        [mean_by_year(w, SEEN_EVENTS) for w in both],
        [mean_by_year(w, SEEN_AT_RISK) for w in both],
    )


def subdistribution_log_ratio(exposed: Integrals, unexposed: Integrals) -> float:
    """Least-false Fine-Gray log ratio without censoring: those who died stay at risk.

    Fine and Gray (1999), J Am Stat Assoc 94:496-509. For women watched from one common age.
    """
    both = (exposed, unexposed)
    events = [mean_by_year(w, EVENTS) for w in both]
    watched = [mean_by_year(w, AT_RISK) > 0 for w in both]
    at_risk = [on * (1.0 - np.cumsum(a) + 0.5 * a) for on, a in zip(watched, events, strict=True)]
    return cox_root(events, at_risk)


def with_error(estimand: Estimand, exposed: Integrals, unexposed: Integrals) -> tuple[float, float]:
    """Value and its Monte Carlo standard error, by leaving out one batch at a time.

    Efron (1982), *The Jackknife*, equation 3.3; the same women are in both worlds, and leave both.
    """
    value = estimand(exposed, unexposed)
    batches = len(exposed.women)
    left = np.array([estimand(exposed.without(b), unexposed.without(b)) for b in range(batches)])
    error = np.sqrt((batches - 1) / batches * np.sum((left - left.mean()) ** 2))
    return value, float(error)
