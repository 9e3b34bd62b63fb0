"""Variance between studies: the arithmetic of random effects, on arrays.

The model is y = X beta + u + e with e ~ N(0, V) known and u ~ N(0, tau2 I): y is (k,) the studies'
values on the scale of analysis, V (k, k) their covariance (diagonal when they are independent),
X (k, p) a column of ones and any moderators. W = (V + tau2 I)^-1 and
P = W - W X (X'W X)^-1 X'W. The moment formulas are those of Viechtbauer (2005), J Educ Behav Stat
30:261-293, and DerSimonian and Kacker (2007), Contemp Clin Trials 28:105-114, written for a full V.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2

from cohort.errors import ConvergenceError, SchemaError, nearest

FloatArray = NDArray[np.float64]

TAU2_METHODS = ("DL", "HE", "HS", "SJ", "PM", "ML", "REML")
"""DerSimonian-Laird, Hedges, Hunter-Schmidt, Sidik-Jonkman, Paule-Mandel, maximum likelihood,
restricted maximum likelihood."""
GRID_STEPS = 240
WIDEST_TAU2 = 1e8
"""The search for tau2 gives up at this multiple of the spread of the studies."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The studies as arrays: values y (k,), covariance v (k, k), design x (k, p)."""

    y: FloatArray
    v: FloatArray
    x: FloatArray

    @property
    def df(self) -> int:
        """Studies minus columns of the design."""
        return int(self.x.shape[0] - self.x.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Generalised least squares at one tau2.

    beta (p,), covariance (p, p), w (k, k), projection P (k, k), rss = y'Py.
    """

    beta: FloatArray
    covariance: FloatArray
    w: FloatArray
    projection: FloatArray
    rss: float


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How far the studies differ beyond chance.

    q, df, p_value : Cochran's Q with fixed-effect weights (residual Q with moderators).
    tau2, tau2_std_error : variance between studies; std_error None for a fixed effect.
    i2 : share of variance due to it, in percent; h2 : total over sampling variance.
    log_likelihood, restricted_log_likelihood : at this tau2.
    """

    q: float
    df: int
    p_value: float
    tau2: float
    tau2_std_error: float | None
    i2: float
    h2: float
    log_likelihood: float
    restricted_log_likelihood: float


def weigh(sample: Sample, tau2: float) -> Weighted:
    """Generalised least squares with covariance V + tau2 I."""
    inverse = np.linalg.inv(sample.v + tau2 * np.eye(len(sample.y)))
    w: FloatArray = np.asarray((inverse + inverse.T) / 2, dtype=np.float64)
    wx = w @ sample.x
    covariance: FloatArray = np.asarray(np.linalg.inv(sample.x.T @ wx), dtype=np.float64)
    beta = covariance @ (wx.T @ sample.y)
    residual = sample.y - sample.x @ beta
    projection = w - wx @ covariance @ wx.T
    return Weighted(beta, covariance, w, projection, float(residual @ w @ residual))


def estimate_tau2(sample: Sample, method: str) -> tuple[float, float]:
    """The variance between studies and its standard error, cut off at 0.

    method : one of `TAU2_METHODS`. Raises SchemaError for another word.
    """
    if method not in TAU2_METHODS:
        raise SchemaError(f"unknown method '{method}': {nearest(method, TAU2_METHODS)}")
    if method in ("ML", "REML"):
        tau2 = _likelihood_tau2(sample, restricted=method == "REML")
        at = weigh(sample, tau2)
        matrix = at.w if method == "ML" else at.projection
        return tau2, sqrt(2 / float(np.sum(matrix * matrix)))
    if method == "PM":
        tau2 = tau2_where_q_is(sample, float(sample.df))
        k = len(sample.y)
        w = weigh(sample, tau2).w
        return tau2, sqrt(2 * k**2 / sample.df) / float(np.trace(w))
    return _quadratic_tau2(sample, method)


def heterogeneity(sample: Sample, tau2: float, tau2_std_error: float | None) -> Heterogeneity:
    """Q, I2, H2 and the log-likelihoods at a given tau2.

    With tau2_std_error None the effects are fixed, and I2 = (Q - df)/Q, H2 = Q/df; otherwise
    I2 = tau2/(tau2 + s2) with the typical sampling variance s2 of Higgins and Thompson (2002),
    Stat Med 21:1539-1558.
    """
    fixed = weigh(sample, 0.0)
    q, df = fixed.rss, sample.df
    if tau2_std_error is None:
        i2 = 100 * max(0.0, (q - df) / q) if df > 0 and q > 0 else 0.0
        h2 = q / df if df > 0 else 1.0
    else:
        i2, h2 = i2_and_h2(sample, tau2)
    ml, reml = _log_likelihoods(sample, tau2)
    return Heterogeneity(
        q=q,
        df=df,
        p_value=float(chi2.sf(q, df)) if df > 0 else 1.0,
        tau2=tau2,
        tau2_std_error=tau2_std_error,
        i2=i2,
        h2=h2,
        log_likelihood=ml,
        restricted_log_likelihood=reml,
    )


def i2_and_h2(sample: Sample, tau2: float) -> tuple[float, float]:
    """I2 in percent and H2 at a given tau2, with the typical sampling variance."""
    typical = sample.df / float(np.trace(weigh(sample, 0.0).projection))
    return 100 * tau2 / (tau2 + typical), 1 + tau2 / typical


def q_profile(sample: Sample, conf_level: float) -> tuple[float, float]:
    """Limits of tau2: where the generalised Q equals the chi-square quantiles.

    Viechtbauer (2007), Stat Med 26:37-52. A limit below 0 is 0.
    """
    tail = (1 - conf_level) / 2
    low = tau2_where_q_is(sample, float(chi2.isf(tail, sample.df)))
    high = tau2_where_q_is(sample, float(chi2.ppf(tail, sample.df)))
    return low, high


def tau2_where_q_is(sample: Sample, target: float) -> float:
    """The tau2 at which y'P(tau2)y falls to a target; 0 when it is already below it at 0.

    Paule and Mandel (1982), J Res Natl Bur Stand 87:377-385, with the target k - p.
    """

    def excess(tau2: float) -> float:
        return weigh(sample, tau2).rss - target

    if excess(0.0) <= 0:
        return 0.0
    high = _scale(sample)
    while excess(high) > 0:
        high *= 4
        if high > WIDEST_TAU2 * _scale(sample):
            raise ConvergenceError("tau2 has no upper limit: Q never falls to its target.")
    return float(brentq(excess, 0.0, high, xtol=1e-16 * high, rtol=8.9e-16))


def _quadratic_tau2(sample: Sample, method: str) -> tuple[float, float]:
    """Moment methods: tau2 is linear in a quadratic form y'Ay with AX = 0."""
    k = len(sample.y)
    plain = Sample(sample.y, np.eye(k), sample.x)
    if method in ("DL", "HS"):
        fixed = weigh(sample, 0.0)
        divisor = float(np.trace(fixed.projection if method == "DL" else fixed.w))
        tau2 = (fixed.rss - (sample.df if method == "DL" else k)) / divisor
        form = fixed.projection / divisor
    elif method == "HE":
        unweighted = weigh(plain, 0.0)
        form = unweighted.projection / sample.df
        tau2 = unweighted.rss / sample.df - float(np.trace(form @ sample.v))
    else:
        start = float(np.var(sample.y))
        if start == 0:
            return 0.0, 0.0
        first = weigh(sample, start)
        form = first.projection * start / sample.df
        tau2 = start * first.rss / sample.df
    tau2 = max(0.0, tau2)
    spread = form @ (sample.v + tau2 * np.eye(k))
    return tau2, sqrt(2 * float(np.sum(spread * spread.T)))


def _likelihood_tau2(sample: Sample, *, restricted: bool) -> float:
    """The highest point of the (restricted) likelihood of tau2, by grid and then by root.

    The profile can have more than one hill, and Fisher scoring climbs whichever is nearest: the
    grid finds the highest one first.
    """

    def score(tau2: float) -> float:
        at = weigh(sample, tau2)
        w = at.projection if restricted else at.w
        py = at.projection @ sample.y
        return float(py @ py) - float(np.trace(w))

    scale = _scale(sample)
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, GRID_STEPS) * scale])
    heights = [_log_likelihoods(sample, float(tau2))[int(restricted)] for tau2 in grid]
    best = int(np.argmax(heights))
    if best == len(grid) - 1:
        raise ConvergenceError("the likelihood of tau2 still rises at ten thousand times the data.")
    low, high = float(grid[max(best - 1, 0)]), float(grid[best + 1])
    if best == 0 and score(0.0) <= 0:
        return 0.0
    return _crossing(score, low, high)


def _crossing(score: Callable[[float], float], low: float, high: float) -> float:
    if score(low) <= 0 or score(high) >= 0:
        raise ConvergenceError("the likelihood of tau2 has no single highest point in its bracket.")
    return float(brentq(score, low, high, xtol=1e-16 * high, rtol=8.9e-16))


def _log_likelihoods(sample: Sample, tau2: float) -> tuple[float, float]:
    at = weigh(sample, tau2)
    _, log_det_w = np.linalg.slogdet(at.w)
    _, log_det_c = np.linalg.slogdet(at.covariance)
    _, log_det_x = np.linalg.slogdet(sample.x.T @ sample.x)
    k = len(sample.y)
    shared = log_det_w - at.rss
    ml = (shared - k * log(2 * pi)) / 2
    reml = (shared + log_det_c + log_det_x - sample.df * log(2 * pi)) / 2
    return float(ml), float(reml)


def _scale(sample: Sample) -> float:
    """A length for searches in tau2: the spread of the studies or their sampling variance."""
    scale = max(float(np.var(sample.y)), float(np.mean(np.diag(sample.v))))
    return scale if 0 < scale < inf else 1.0
