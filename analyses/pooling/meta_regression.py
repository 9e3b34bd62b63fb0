"""Moderators and subgroups: do the studies' values go with something about the studies?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from scipy.stats import f as fisher_f

from cohort.errors import NotEstimableError, SchemaError

from .heterogeneity import Heterogeneity, Sample, weigh
from .pool import (
    FIXED,
    Limits,
    Pooled,
    check_poolable,
    fit_sample,
    interval,
    limits_factor,
    pool_sample,
    pool_warnings,
    sample_of,
)
from .study_estimate import StudyEstimate
from .two_by_two import ChiSquare

FloatArray = NDArray[np.float64]
ALIASED = 1e-10
"""A moderator whose part not explained by the others is below this share of it is aliased."""


@dataclass(frozen=True, slots=True)
class ModeratorTest:
    """Test that no moderator matters: chi-square, or F with ``residual_df`` (Knapp-Hartung)."""

    statistic: float
    df: int
    residual_df: int | None
    p_value: float


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient of a meta-regression, on the scale of analysis per unit of the moderator."""

    term: str
    value: float
    std_error: float
    conf_low: float
    conf_high: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class MetaRegression:
    """A meta-regression: intercept and moderators, residual heterogeneity, test of all moderators.

    df : of the t distribution of Knapp-Hartung limits; None for normal limits.
    """

    measure: str
    method: str
    limits: str
    conf_level: float
    coefficients: tuple[Coefficient, ...]
    heterogeneity: Heterogeneity
    moderators: ModeratorTest
    df: int | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Pools by subgroup, and the test that they are one."""

    pools: tuple[tuple[str, Pooled], ...]
    difference: ChiSquare


def meta_regression(
    estimates: Sequence[StudyEstimate],
    moderators: Mapping[str, Sequence[float]],
    *,
    method: str = "REML",
    limits: Limits = "normal",
    conf_level: float = 0.95,
) -> MetaRegression:
    """Regress the studies' values on moderators, a number for each study.

    Raises as `pool` does; also SchemaError for a moderator of another length or that is not
    finite, and NotEstimableError for too few studies or moderators that are constant or collinear.
    """
    check_poolable(estimates, method, limits, conf_level)
    x = _design(len(estimates), moderators)
    # Orthonormal columns: a moderator such as the year of publication would lose digits in X'WX.
    q, r = np.linalg.qr(x)
    sample = sample_of(estimates, q)
    at, spread = fit_sample(sample, method)
    factor, df = limits_factor(at, sample, limits)
    back = np.linalg.inv(r)
    values = back @ at.beta
    covariance = back @ at.covariance @ back.T * factor**2
    coefficients = []
    for term, value, variance in zip(
        ("intercept", *moderators), values, np.diag(covariance), strict=True
    ):
        std_error = sqrt(float(variance))
        low, high, statistic, p_value = interval(float(value), std_error, df, conf_level)
        coefficients.append(
            Coefficient(term, float(value), std_error, low, high, statistic, p_value)
        )
    return MetaRegression(
        measure=estimates[0].measure,
        method=method,
        limits=limits,
        conf_level=conf_level,
        coefficients=tuple(coefficients),
        heterogeneity=spread,
        moderators=_moderator_test(values[1:], covariance[1:, 1:], df),
        df=df,
        warnings=pool_warnings(estimates, sample, method, factor),
    )


def subgroup_pools(
    estimates: Sequence[StudyEstimate],
    groups: Sequence[str],
    *,
    method: str = FIXED,
    conf_level: float = 0.95,
) -> Subgroups:
    """Pool within subgroups, and test that the subgroups have one value.

    The test is Cochran's Q of the subgroups' pooled values, chi-square with (subgroups - 1) degrees
    of freedom; with the fixed effect it is Q in all minus Q within. Random effects take a tau2 of
    their own in each subgroup.

    Raises as `pool` does, and NotEstimableError for a single subgroup.
    """
    if len(groups) != len(estimates):
        raise SchemaError(f"{len(groups):,} group labels for {len(estimates):,} studies.")
    names = list(dict.fromkeys(groups))
    if len(names) < 2:
        raise NotEstimableError("a test between subgroups needs at least two of them.")
    check_poolable(estimates, method, "normal", conf_level)
    pools = []
    for name in names:
        members = [one for one, group in zip(estimates, groups, strict=True) if group == name]
        pools.append((name, _pool_or_single(members, method, conf_level)))
    between = Sample(
        np.array([pooled.value for _, pooled in pools]),
        np.diag([pooled.std_error**2 for _, pooled in pools]),
        np.ones((len(pools), 1)),
    )
    q, df = weigh(between, 0.0).rss, len(pools) - 1
    test = ChiSquare(
        "the subgroups have one value", "Q between subgroups", q, df, float(chi2.sf(q, df))
    )
    return Subgroups(tuple(pools), test)


def _design(studies: int, moderators: Mapping[str, Sequence[float]]) -> FloatArray:
    if not moderators:
        raise SchemaError("a meta-regression needs at least one moderator; without one, pool.")
    columns = [np.ones(studies)]
    for name, values in moderators.items():
        column = np.asarray(values, dtype=np.float64)
        if column.shape != (studies,) or not np.all(np.isfinite(column)):
            raise SchemaError(
                f"moderator '{name}' must be one finite number for each of the {studies} studies."
            )
        columns.append(column)
    if studies <= len(columns):
        raise NotEstimableError(
            f"{studies} studies cannot carry {len(columns)} coefficients: at least one more needed."
        )
    x = np.column_stack(columns)
    _, r = np.linalg.qr(x)
    left = np.abs(np.diag(r)) / np.linalg.norm(x, axis=0)
    for name, share in zip(("intercept", *moderators), left, strict=True):
        if share < ALIASED:
            raise NotEstimableError(
                f"moderator '{name}' is constant or follows from the others: leave it out."
            )
    return x


def _moderator_test(values: FloatArray, covariance: FloatArray, df: int | None) -> ModeratorTest:
    m = len(values)
    wald = float(values @ np.linalg.solve(covariance, values))
    if df is None:
        return ModeratorTest(wald, m, None, float(chi2.sf(wald, m)))
    return ModeratorTest(wald / m, m, df, float(fisher_f.sf(wald / m, m, df)))


def _pool_or_single(members: Sequence[StudyEstimate], method: str, conf_level: float) -> Pooled:
    """A subgroup of one study is that study: its own value and variance, nothing between."""
    chosen = method if len(members) > 1 else FIXED
    sample = sample_of(members, np.ones((len(members), 1)))
    return pool_sample(members, sample, chosen, "normal", conf_level)
