"""Pooling of study estimates: fixed and random effects, correlated studies, prediction.

A pool never mixes measures, and it says what its reader must know (shared women, few studies) in
`Pooled.warnings`. The arithmetic is in `heterogeneity.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from cohort.errors import NotEstimableError, SchemaError, nearest

from .heterogeneity import (
    TAU2_METHODS,
    Heterogeneity,
    Sample,
    Weighted,
    estimate_tau2,
    heterogeneity,
    i2_and_h2,
    q_profile,
    weigh,
)
from .overlap import overlap_warnings
from .study_estimate import StudyEstimate, on_measure_scale
from .two_by_two import check_conf_level, normal_quantile

Limits = Literal["normal", "knapp-hartung"]
FloatArray = NDArray[np.float64]

FIXED = "FE"
METHODS = (FIXED, *TAU2_METHODS)
METHOD_NAMES = {
    "FE": "fixed effect, inverse variance",
    "DL": "random effects, DerSimonian-Laird",
    "HE": "random effects, Hedges",
    "HS": "random effects, Hunter-Schmidt",
    "SJ": "random effects, Sidik-Jonkman",
    "PM": "random effects, Paule-Mandel",
    "ML": "random effects, maximum likelihood",
    "REML": "random effects, restricted maximum likelihood",
}
SINGULAR = 1e-10
"""Smallest eigenvalue of a correlation matrix that is not taken for 0."""
FEW_FOR_TAU2 = 5
"""Below this many studies a pool warns that the variance between them is hardly known: a rule of
thumb, ours."""

CLOSER_THAN_CHANCE = (
    "the studies agree better than chance allows at this level: no tau2 fits, and both limits are 0"
)


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled estimate.

    estimate, conf_low, conf_high : on the scale of the measure. value, std_error : on the scale of
    analysis, the logarithm for a ratio. statistic, p_value : of no effect; df None for normal
    limits. weights : of the studies, adding to 1. warnings : what the reader must know.
    """

    measure: str
    method: str
    limits: str
    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    value: float
    std_error: float
    statistic: float
    df: int | None
    p_value: float
    heterogeneity: Heterogeneity
    studies: tuple[str, ...]
    weights: tuple[float, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeterogeneityLimits:
    """Q-profile limits: of tau2, and of I2 (percent) and H2 at those.

    note : says so when the studies agree better than chance allows and both limits are 0.
    """

    conf_level: float
    tau2: tuple[float, float]
    i2: tuple[float, float]
    h2: tuple[float, float]
    note: str = ""


def pool(
    estimates: Sequence[StudyEstimate],
    *,
    method: str = "REML",
    limits: Limits = "normal",
    conf_level: float = 0.95,
    covariance: FloatArray | None = None,
) -> Pooled:
    """Pool study estimates of one measure.

    method : "FE" (fixed effect) or one of "DL", "HE", "HS", "SJ", "PM", "ML", "REML".
    limits : "normal", or "knapp-hartung" for random effects (Knapp and Hartung 2003, Stat Med
    22:2693-2710).
    covariance : (k, k) of the values on the scale of analysis, when studies are correlated
    (generalised least squares); its diagonal must be their variances.

    Raises SchemaError for mixed measures, a study named twice, an unknown method or a matrix that
    is no covariance; NotEstimableError for fewer than two studies.
    """
    check_poolable(estimates, method, limits, conf_level)
    sample = sample_of(estimates, np.ones((len(estimates), 1)), covariance)
    return pool_sample(estimates, sample, method, limits, conf_level)


def pool_sample(
    estimates: Sequence[StudyEstimate],
    sample: Sample,
    method: str,
    limits: str,
    conf_level: float,
) -> Pooled:
    """The pool of checked studies; a single one is itself under the fixed effect."""
    at, spread = fit_sample(sample, method)
    factor, df = limits_factor(at, sample, limits)
    value, std_error = float(at.beta[0]), sqrt(float(at.covariance[0, 0])) * factor
    low, high, statistic, p_value = interval(value, std_error, df, conf_level)
    shares = at.w.sum(axis=0) / at.w.sum()
    warnings = pool_warnings(estimates, sample, method, factor)
    if shares.min() < 0:
        warnings += ("a study has a negative weight: its correlation with others outweighs it.",)
    measure = estimates[0].measure
    return Pooled(
        measure=measure,
        method=method,
        limits=limits,
        estimate=on_measure_scale(measure, value),
        conf_low=on_measure_scale(measure, low),
        conf_high=on_measure_scale(measure, high),
        conf_level=conf_level,
        value=value,
        std_error=std_error,
        statistic=statistic,
        df=df,
        p_value=p_value,
        heterogeneity=spread,
        studies=tuple(estimate.study for estimate in estimates),
        weights=tuple(float(share) for share in shares),
        warnings=warnings,
    )


def leave_one_out(
    estimates: Sequence[StudyEstimate], *, method: str = "REML", conf_level: float = 0.95
) -> tuple[tuple[str, Pooled], ...]:
    """The pool without each study in turn: (study left out, pool of the others).

    Raises as `pool` does, and NotEstimableError for fewer than three studies.
    """
    check_poolable(estimates, method, "normal", conf_level)
    return tuple(
        (
            left.study,
            pool(
                [one for one in estimates if one is not left], method=method, conf_level=conf_level
            ),
        )
        for left in estimates
    )


def prediction_interval(
    pooled: Pooled, *, quantile: Literal["t", "normal"] = "t"
) -> tuple[float, float]:
    """Where the value of a new study of this kind would lie, on the scale of the measure.

    value +- quantile x sqrt(std_error^2 + tau2). quantile "t" has k - 2 degrees of freedom
    (Higgins, Thompson and Spiegelhalter 2009, J R Stat Soc A 172:137-159); "normal" is that of R's
    metafor 3.8, narrower with few studies.

    Raises NotEstimableError for a fixed effect, and for fewer than three studies.
    """
    if quantile not in ("t", "normal"):
        raise SchemaError(f"unknown quantile '{quantile}': expected 't' or 'normal'.")
    if pooled.method == FIXED:
        raise NotEstimableError("a fixed effect predicts no new study: pool with random effects.")
    k = len(pooled.studies)
    if k < 3:
        raise NotEstimableError(f"a prediction interval needs three studies, not {k}.")
    tail = (1 - pooled.conf_level) / 2
    times = float(student.isf(tail, k - 2)) if quantile == "t" else float(norm.isf(tail))
    reach = times * sqrt(pooled.std_error**2 + pooled.heterogeneity.tau2)
    return (
        on_measure_scale(pooled.measure, pooled.value - reach),
        on_measure_scale(pooled.measure, pooled.value + reach),
    )


def heterogeneity_limits(
    estimates: Sequence[StudyEstimate],
    *,
    conf_level: float = 0.95,
    covariance: FloatArray | None = None,
) -> HeterogeneityLimits:
    """Q-profile limits of tau2, and the I2 and H2 that belong to them.

    Viechtbauer (2007), Stat Med 26:37-52. Raises as `pool` does.
    """
    check_poolable(estimates, FIXED, "normal", conf_level)
    sample = sample_of(estimates, np.ones((len(estimates), 1)), covariance)
    low, high = q_profile(sample, conf_level)
    at_low, at_high = i2_and_h2(sample, low), i2_and_h2(sample, high)
    return HeterogeneityLimits(
        conf_level=conf_level,
        tau2=(low, high),
        i2=(at_low[0], at_high[0]),
        h2=(at_low[1], at_high[1]),
        note=CLOSER_THAN_CHANCE if high == 0 else "",
    )


def check_poolable(
    estimates: Sequence[StudyEstimate], method: str, limits: str, conf_level: float
) -> None:
    """Refuse what no pool can mean: mixed measures, one study, a study twice, unknown words."""
    check_conf_level(conf_level)
    if method not in METHODS:
        raise SchemaError(f"unknown method of pooling '{method}': {nearest(method, METHODS)}")
    if limits not in ("normal", "knapp-hartung"):
        raise SchemaError(f"unknown limits '{limits}': expected 'normal' or 'knapp-hartung'.")
    if limits == "knapp-hartung" and method == FIXED:
        raise SchemaError("Knapp-Hartung limits belong to random effects: name such a method.")
    if len(estimates) < 2:
        raise NotEstimableError(f"a pool needs at least two studies, not {len(estimates)}.")
    measures = sorted({estimate.measure for estimate in estimates})
    if len(measures) > 1:
        raise SchemaError(
            f"the studies report {len(measures)} measures ({', '.join(measures)}): they are not "
            "the same quantity and are never pooled. Pool each measure by itself."
        )
    names = [estimate.study for estimate in estimates]
    if len(set(names)) < len(names):
        raise SchemaError("a study is named twice in one pool: each counts once.")


def sample_of(
    estimates: Sequence[StudyEstimate], x: FloatArray, covariance: FloatArray | None = None
) -> Sample:
    """The studies as arrays, with a design x (k, p) and a covariance checked against them.

    Raises SchemaError for a matrix that is no covariance of these studies.
    """
    y = np.array([estimate.value for estimate in estimates])
    variances = np.array([estimate.variance for estimate in estimates])
    if covariance is None:
        return Sample(y, np.diag(variances), x)
    v = np.array(covariance, dtype=np.float64)
    if v.shape != (len(y), len(y)) or not np.allclose(v, v.T, rtol=1e-9, atol=0):
        raise SchemaError(f"the covariance must be a symmetric matrix of {len(y)} by {len(y)}.")
    if not np.allclose(np.diag(v), variances, rtol=1e-9, atol=0):
        raise SchemaError("the diagonal of the covariance is not the studies' variances.")
    if np.linalg.eigvalsh(v / np.sqrt(np.outer(variances, variances))).min() <= SINGULAR:
        raise SchemaError(
            "the covariance is not positive definite: these correlations cannot all hold at once."
        )
    return Sample(y, v, x)


def fit_sample(sample: Sample, method: str) -> tuple[Weighted, Heterogeneity]:
    """Estimate tau2 by the named method and weigh the studies with it."""
    if method == FIXED:
        return weigh(sample, 0.0), heterogeneity(sample, 0.0, None)
    tau2, std_error = estimate_tau2(sample, method)
    return weigh(sample, tau2), heterogeneity(sample, tau2, std_error)


def limits_factor(at: Weighted, sample: Sample, limits: str) -> tuple[float, int | None]:
    """What limits multiply the standard error by, and their degrees of freedom (None: normal)."""
    if limits == "normal":
        return 1.0, None
    return sqrt(at.rss / sample.df), sample.df


def interval(
    value: float, std_error: float, df: int | None, conf_level: float
) -> tuple[float, float, float, float]:
    """Lower and upper limit, statistic and two-sided p-value of no effect."""
    tail = (1 - conf_level) / 2
    reach = normal_quantile(conf_level) if df is None else float(student.isf(tail, df))
    if std_error == 0:
        raise NotEstimableError("the studies agree exactly: Knapp-Hartung limits have no width.")
    statistic = value / std_error
    p_value = 2 * (norm.sf(abs(statistic)) if df is None else student.sf(abs(statistic), df))
    return value - reach * std_error, value + reach * std_error, statistic, float(p_value)


def pool_warnings(
    estimates: Sequence[StudyEstimate], sample: Sample, method: str, factor: float
) -> tuple[str, ...]:
    """What the reader of a pool must know."""
    k = len(estimates)
    warnings = list(overlap_warnings(estimates, sample.v))
    if method != FIXED and k < FEW_FOR_TAU2:
        warnings.append(f"{k} studies: the variance between them is hardly known.")
    if factor < 1:
        warnings.append("Knapp-Hartung limits are narrower than the normal ones here.")
    if any(estimate.measure == "relative risk" for estimate in estimates):
        warnings.append("relative risk: the sources do not say whether risks or rates.")
    warnings += [f"{one.study}: {one.note}." for one in estimates if one.note]
    return tuple(warnings)
