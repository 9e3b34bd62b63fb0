"""Small-study effects: do the less precise studies report larger effects?

Tests of funnel asymmetry cannot tell publication bias from real differences, and with fewer than
ten studies they tell little at all: the result says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scipy.stats import t as student

from cohort.errors import ConvergenceError, NotEstimableError

from .heterogeneity import Sample, weigh
from .pool import FIXED, Pooled, check_poolable, pool
from .study_estimate import StudyEstimate

FEW_STUDIES = 10
"""Below this number a test for asymmetry is not recommended (Sterne et al. 2011, BMJ 343:d4002)."""
MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class SmallStudyTest:
    """A test of funnel asymmetry: statistic (t or Kendall's tau), degrees of freedom, p-value."""

    method: str
    statistic: float
    df: int | None
    p_value: float
    studies: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrimAndFill:
    """Studies that an even funnel would have had besides, and the pool with them.

    missing : how many. side : on which side of the pool they would lie, "low" or "high".
    """

    missing: int
    side: str
    filled: Pooled
    warnings: tuple[str, ...]


def egger_test(estimates: Sequence[StudyEstimate]) -> SmallStudyTest:
    """Regression of the value on its standard error, weighted by precision, t test of the slope.

    Egger et al. (1997), BMJ 315:629-634, with the multiplicative error of ordinary weighted
    regression. Raises NotEstimableError for fewer than three studies or equal standard errors.
    """
    y, variances = _arrays(estimates, at_least=3)
    std_errors = np.sqrt(variances)
    if np.ptp(std_errors) <= 1e-12 * std_errors.max():
        raise NotEstimableError("all studies have one standard error: asymmetry cannot be seen.")
    x = np.column_stack([np.ones(len(y)), std_errors])
    at = weigh(Sample(y, np.diag(variances), x), 0.0)
    df = len(y) - 2
    std_error = sqrt(float(at.covariance[1, 1]) * at.rss / df)
    if std_error == 0:
        raise NotEstimableError("the studies lie exactly on a line: the test has no error to use.")
    statistic = float(at.beta[1]) / std_error
    p_value = float(2 * student.sf(abs(statistic), df))
    return SmallStudyTest("Egger", statistic, df, p_value, len(y), _few(len(y)))


def begg_test(estimates: Sequence[StudyEstimate]) -> SmallStudyTest:
    """Kendall's rank correlation of the standardised values with their variances.

    Begg and Mazumdar (1994), Biometrics 50:1088-1101. Exact p-value without ties.
    """
    y, variances = _arrays(estimates, at_least=3)
    at = weigh(Sample(y, np.diag(variances), np.ones((len(y), 1))), 0.0)
    standardised = (y - at.beta[0]) / np.sqrt(variances - float(at.covariance[0, 0]))
    tau, p_value = kendalltau(standardised, variances)
    if not np.isfinite(tau):
        raise NotEstimableError("the values or the variances are all equal: no rank correlation.")
    return SmallStudyTest("Begg-Mazumdar", float(tau), None, float(p_value), len(y), _few(len(y)))


def trim_and_fill(
    estimates: Sequence[StudyEstimate], *, method: str = FIXED, conf_level: float = 0.95
) -> TrimAndFill:
    """Trim the studies that have no counterpart, then fill in their mirror images.

    Estimator L0 of Duval and Tweedie (2000), Biometrics 56:455-463; the side is opposite to the
    lean of the funnel, from the regression on the standard error. A sensitivity analysis, not a
    correction: the filled studies do not exist.
    """
    y, variances = _arrays(estimates, at_least=3)
    x = np.column_stack([np.ones(len(y)), np.sqrt(variances)])
    slope = float(weigh(Sample(y, np.diag(variances), x), 0.0).beta[1])
    sign = -1.0 if slope < 0 else 1.0
    order = np.argsort(sign * y, kind="stable")
    ordered = [_mirrored(estimates[i], 0.0, sign < 0) for i in order]
    missing, centre = _missing_by_l0(ordered, method)
    images = [
        _mirrored(one, centre, True, name=f"image of {one.study}")
        for one in ordered[len(ordered) - missing :]
    ]
    images = [_mirrored(one, 0.0, sign < 0, name=one.study) for one in images]
    filled = pool([*estimates, *images], method=method, conf_level=conf_level)
    return TrimAndFill(missing, "low" if sign > 0 else "high", filled, _few(len(y)))


def _missing_by_l0(ordered: Sequence[StudyEstimate], method: str) -> tuple[int, float]:
    """How many of the highest studies lack a counterpart, and the centre without them."""
    k = len(ordered)
    missing = 0
    for _ in range(MOST_STEPS):
        if k - missing < 2:
            raise NotEstimableError("trimming leaves fewer than two studies.")
        centre = pool(ordered[: k - missing], method=method).value
        deviation = np.array([one.value - centre for one in ordered])
        ranks = np.argsort(np.argsort(np.abs(deviation), kind="stable"), kind="stable") + 1
        above = float(ranks[deviation > 0].sum())
        before, missing = missing, max(0, round((4 * above - k * (k + 1)) / (2 * k - 1)))
        if missing == before:
            return missing, centre
    raise ConvergenceError("trim and fill goes back and forth between two numbers of studies.")


def _mirrored(
    one: StudyEstimate, centre: float, turn: bool, *, name: str | None = None
) -> StudyEstimate:
    value = 2 * centre - one.value if turn else one.value
    return StudyEstimate(name or one.study, one.measure, value, one.variance)


def _arrays(
    estimates: Sequence[StudyEstimate], *, at_least: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    check_poolable(estimates, FIXED, "normal", 0.95)
    if len(estimates) < at_least:
        raise NotEstimableError(
            f"a test for small-study effects needs {at_least} studies, not {len(estimates)}."
        )
    return (
        np.array([one.value for one in estimates]),
        np.array([one.variance for one in estimates]),
    )


def _few(studies: int) -> tuple[str, ...]:
    if studies >= FEW_STUDIES:
        return ()
    return (
        f"{studies} studies: tests of small-study effects need about {FEW_STUDIES}; "
        "a large p-value here is no sign of their absence.",
    )
