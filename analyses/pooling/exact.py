"""Exact inference in one 2x2 table, from its distribution given all four margins.

Given the margins, the number of exposed cases s has the noncentral hypergeometric distribution
P(s) proportional to C(m, s) C(n, k - s) psi^s, with m exposed, n unexposed, k cases and odds
ratio psi. Everything is solved in log psi and sums are taken in logarithms. Breslow and Day
(1980), Statistical Methods in Cancer Research I, section 4.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

from cohort.errors import ConvergenceError, NotEstimableError

from .two_by_two import TableEstimate, TwoByTwo, check_conf_level

LOG_ROOT_TOLERANCE = 1e-13
"""Roots are found to this much in log psi: far below what a count can tell, above rounding."""
SAME_PROBABILITY = 1e-7
"""Tables whose probabilities agree to this are equally probable in Fisher's p-value, as in R."""
WIDEST_LOG_ODDS_RATIO = 700.0

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FisherTest:
    """P-values of no association, given the margins.

    p_value : two-sided, over all tables no more probable than the one seen (Fisher; R).
    p_less, p_greater : one-sided, for an odds ratio below or above 1.
    p_twice : twice the smaller one-sided value; it agrees with the exact limits.
    p_midp : twice the smaller one-sided mid-p value; it agrees with the mid-p limits.
    """

    p_value: float
    p_less: float
    p_greater: float
    p_twice: float
    p_midp: float


@dataclass(frozen=True, slots=True, eq=False)
class _Conditional:
    """The support and its log weights; ``seen`` is the number of exposed cases."""

    support: FloatArray
    log_weight: FloatArray
    seen: int

    @property
    def at_lowest(self) -> bool:
        return bool(self.seen == self.support[0])

    @property
    def at_highest(self) -> bool:
        return bool(self.seen == self.support[-1])

    def log_probability(self, log_psi: float) -> FloatArray:
        terms: FloatArray = self.log_weight + self.support * log_psi
        return terms - logsumexp(terms)

    def mean(self, log_psi: float) -> float:
        return float(np.sum(self.support * np.exp(self.log_probability(log_psi))))

    def log_upper_tail(self, log_psi: float, share: float) -> float:
        """Log of P(S > seen) + share x P(S = seen)."""
        return self._log_tail(log_psi, self.support > self.seen, share)

    def log_lower_tail(self, log_psi: float, share: float) -> float:
        """Log of P(S < seen) + share x P(S = seen)."""
        return self._log_tail(log_psi, self.support < self.seen, share)

    def _log_tail(self, log_psi: float, beyond: NDArray[np.bool_], share: float) -> float:
        logs = self.log_probability(log_psi)
        here = logs[self.support == self.seen] + log(share)
        return float(logsumexp(np.concatenate([logs[beyond], here])))


def exact_odds_ratio(table: TwoByTwo, *, conf_level: float = 0.95) -> TableEstimate:
    """Conditional maximum likelihood odds ratio with exact limits.

    Each limit leaves (1 - conf_level)/2 in its tail (Cornfield 1956, Proc Third Berkeley Symp
    4:135-148). When the count of exposed cases is at the end of its range, the estimate is 0 or
    infinite and the interval one-sided; the note says so. p_value is twice the smaller tail, which
    agrees with the limits; Fisher's own two-sided value is in `fisher_test`.

    Raises NotEstimableError when a margin is empty.
    """
    return _conditional_estimate(table, "exact conditional", conf_level)


def midp_odds_ratio(table: TwoByTwo, *, conf_level: float = 0.95) -> TableEstimate:
    """Conditional maximum likelihood odds ratio with mid-p limits.

    As `exact_odds_ratio`, but the table seen counts half in each tail: less conservative, and no
    longer guaranteed to cover (Lancaster 1961, J Am Stat Assoc 56:223-234).
    """
    return _conditional_estimate(table, "mid-p conditional", conf_level)


def median_unbiased_odds_ratio(table: TwoByTwo) -> float:
    """The odds ratio at which both mid-p tails are one half; 0 or inf at the end of the range.

    Raises NotEstimableError when a margin is empty.
    """
    given = _conditional(table)
    if given.at_lowest or given.at_highest:
        return 0.0 if given.at_lowest else inf
    return exp(_root(lambda psi: given.log_upper_tail(psi, 0.5) - log(0.5)))


def fisher_test(table: TwoByTwo) -> FisherTest:
    """Fisher's exact test of no association: two-sided, one-sided, doubled and mid-p.

    Fisher (1935), J R Stat Soc 98:39-82. Raises NotEstimableError when a margin is empty.
    """
    given = _conditional(table)
    logs = given.log_probability(0.0)
    here = float(logs[given.support == given.seen][0])
    as_rare = logs <= here + np.log1p(SAME_PROBABILITY)
    tails = {
        share: (exp(given.log_upper_tail(0.0, share)), exp(given.log_lower_tail(0.0, share)))
        for share in (1.0, 0.5)
    }
    return FisherTest(
        p_value=min(1.0, exp(float(logsumexp(logs[as_rare])))),
        p_less=min(1.0, tails[1.0][1]),
        p_greater=min(1.0, tails[1.0][0]),
        p_twice=min(1.0, 2 * min(tails[1.0])),
        p_midp=min(1.0, 2 * min(tails[0.5])),
    )


def _conditional_estimate(table: TwoByTwo, variance: str, conf_level: float) -> TableEstimate:
    check_conf_level(conf_level)
    given = _conditional(table)
    share = 1.0 if variance == "exact conditional" else 0.5
    target = log((1 - conf_level) / 2)
    low, high = 0.0, inf
    if not given.at_lowest:
        low = exp(_root(lambda psi: given.log_upper_tail(psi, share) - target))
    if not given.at_highest:
        high = exp(_root(lambda psi: target - given.log_lower_tail(psi, share)))
    if given.at_lowest:
        estimate, log_estimate = 0.0, None
    elif given.at_highest:
        estimate, log_estimate = inf, None
    else:
        log_estimate = _root(lambda psi: given.mean(psi) - given.seen)
        estimate = exp(log_estimate)
    test = fisher_test(table)
    return TableEstimate(
        measure="odds ratio",
        variance=variance,
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        log_estimate=log_estimate,
        p_value=test.p_twice if share == 1.0 else test.p_midp,
        note=_one_sided_note(given, conf_level),
    )


def _one_sided_note(given: _Conditional, conf_level: float) -> str:
    if not (given.at_lowest or given.at_highest):
        return ""
    value, side = ("0", "upper") if given.at_lowest else ("infinite", "lower")
    level = 100 * (1 + conf_level) / 2
    return (
        f"an empty cell: the estimate is {value} and only the {side} limit is informative "
        f"(one-sided {level:g} %)"
    )


def _conditional(table: TwoByTwo) -> _Conditional:
    a, b, c, d = table.cells
    m, n, k = a + b, c + d, a + c
    lowest, highest = max(0, k - n), min(k, m)
    if lowest == highest:
        raise NotEstimableError(
            "given its margins the table could not have been otherwise (a margin is 0): it holds "
            "no information on the odds ratio."
        )
    s = np.arange(lowest, highest + 1, dtype=np.float64)
    log_weight = -(
        gammaln(s + 1) + gammaln(m - s + 1) + gammaln(k - s + 1) + gammaln(n - k + s + 1)
    )
    return _Conditional(s, log_weight - log_weight.max(), a)


def _root(increasing: Callable[[float], float]) -> float:
    """Where an increasing function of log psi crosses 0; the bracket doubles until it holds it."""
    reach = 2.0
    while increasing(-reach) > 0 or increasing(reach) < 0:
        reach *= 2
        if reach > WIDEST_LOG_ODDS_RATIO:
            raise ConvergenceError(
                "the limit of the odds ratio lies beyond exp(700) or below exp(-700): check counts."
            )
    return float(brentq(increasing, -reach, reach, xtol=LOG_ROOT_TOLERANCE, rtol=8.9e-16))
