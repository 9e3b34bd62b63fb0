"""How a method did over replicates: each measure with its Monte Carlo standard error.

Morris, White and Crowther (2019), Stat Med 38:2074-102, table 6; type S and type M errors after
Gelman and Carlin (2014), Perspect Psychol Sci 9:641-51.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from cohort.errors import QuestionError, nearest

Floats = NDArray[np.float64]
Value = tuple[float, float, int]
"""A measure, its Monte Carlo standard error, and the replicates it rests on."""

MEASURES = (
    "bias", "empirical SE", "model SE", "relative error in model SE", "MSE", "coverage",
    "bias-eliminated coverage", "rejection", "type S", "type M", "convergence",
    "coverage, worst case", "relative precision", "mean estimate", "mean truth", "mean events",
)  # fmt: skip
FEWEST = 2
"""Replicates needed for a standard deviation."""
NONE: Value = (math.nan, math.nan, 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Replicates:
    """Replicates of one method that have an estimate, (n,) each, of ``drawn`` in all.

    low, high : limits; rejects : whether the null value 0 is rejected.
    """

    number: NDArray[np.int64]
    estimate: Floats
    truth: Floats
    std_error: Floats
    low: Floats
    high: Floats
    rejects: NDArray[np.bool_]
    drawn: int

    @property
    def error(self) -> Floats:
        return self.estimate - self.truth


def measures(rows: pl.DataFrame, level: float = 0.05, reference: str | None = None) -> pl.DataFrame:
    """Measures of every method in every scenario, long.

    rows : of ``run_replicate``, any number of replicates. level : of the test that the truth is 0
    (no effect). reference : the method that the precision of the others is compared with; the
    first of each scenario without it.

    Columns: scenario, method, measure, value, mcse, n. Values are on the scale of the rows (logs
    for ratios); relative error and relative precision are in per cent. All rest on the ``n``
    replicates that have an estimate, except "convergence", the share that have one, and "coverage,
    worst case", in which a replicate without an estimate counts as one that missed the truth.
    "rejection" is power, or the type I error where the truth is 0. "type S" is the share of wrong
    signs, and "type M" the mean exaggeration of the size, among estimates that reject. A measure
    that does not exist is null (type S and M where the truth is 0; a standard deviation of fewer
    than 2). A share of 0 or 1 has the error of two more hits and misses. With a truth of each
    draw's own, the empirical SE is the standard deviation of the error.

    Raises QuestionError for an unknown reference, or a level outside 0 to 1.
    """
    if not 0 < level < 1:
        raise QuestionError(f"level = {level}: expected between 0 and 1.")
    known = rows["method"].unique(maintain_order=True).to_list()
    if reference is not None and reference not in known:
        raise QuestionError(f"no method '{reference}': {nearest(reference, known)}")
    found: list[dict[str, Any]] = []
    for (scenario,), mine in rows.group_by("scenario", maintain_order=True):
        methods = {
            str(name): _replicates(frame, level)
            for (name,), frame in mine.group_by("method", maintain_order=True)
        }
        best = reference if reference in methods else next(iter(methods))
        for name, one in methods.items():
            told = {measure: of(one) for measure, of in _OF_ALL.items()}
            told |= {
                measure: of(one) if len(one.estimate) else NONE for measure, of in _OF_SOME.items()
            }
            if name != best:
                told["relative precision"] = _relative_precision(one, methods[best])
            told["mean events"] = _mean_events(mine.filter(pl.col("method") == name))
            found += [
                {"scenario": scenario, "method": name, "measure": measure}
                | dict(zip(("value", "mcse", "n"), told[measure], strict=True))
                for measure in MEASURES
                if measure in told
            ]
    schema = {
        "scenario": pl.String, "method": pl.String, "measure": pl.String, "value": pl.Float64,
        "mcse": pl.Float64, "n": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(found, schema=schema).with_columns(pl.col("value", "mcse").fill_nan(None))


def _replicates(frame: pl.DataFrame, level: float) -> _Replicates:
    there = frame.filter(pl.col("converged"))
    estimate, se = _floats(there, "estimate"), _floats(there, "std_error")
    p_value = _floats(there, "p_value")
    p_value = np.where(np.isnan(p_value), 2 * norm.sf(np.abs(estimate / se)), p_value)
    return _Replicates(
        there["replicate"].to_numpy(),
        estimate,
        _floats(there, "truth"),
        se,
        _floats(there, "conf_low"),
        _floats(there, "conf_high"),
        p_value < level,
        len(frame),
    )


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    return frame[name].fill_null(math.nan).to_numpy().astype(np.float64)


def _mean(values: Floats) -> Value:
    n = len(values)
    if n == 0:
        return NONE
    error = float(values.std(ddof=1)) / math.sqrt(n) if n >= FEWEST else math.nan
    return float(values.mean()), error, n


def _share(hits: NDArray[np.bool_], of: int | None = None) -> Value:
    n = len(hits) if of is None else of
    if n == 0:
        return NONE
    p = float(hits.sum()) / n
    return p, share_error(p, n), n


def share_error(share: float, n: int) -> float:
    """The Monte Carlo standard error of a share of n replicates.

    Of 0 or 1 it is that of two more hits and misses each: 0 would claim certainty (Agresti and
    Coull 1998, Am Stat 52:119-26).
    """
    if share in (0.0, 1.0):
        share, n = (share * n + 2) / (n + 4), n + 4
    return math.sqrt(share * (1 - share) / n)


def _spread(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) >= FEWEST else math.nan


def _empirical_se(one: _Replicates) -> Value:
    n, s = len(one.error), _spread(one.error)
    return s, s / math.sqrt(2 * (n - 1)) if n >= FEWEST else math.nan, n


def _squared(one: _Replicates) -> tuple[Floats, float, float]:
    """Squared standard errors, their mean and their variance."""
    squares = one.std_error**2
    return squares, float(squares.mean()), _spread(squares) ** 2


def _model_se(one: _Replicates) -> Value:
    squares, mean, variance = _squared(one)
    n = len(squares)
    return math.sqrt(mean), math.sqrt(variance / (4 * n * mean)), n


def _relative_error(one: _Replicates) -> Value:
    squares, mean, variance = _squared(one)
    n, s = len(squares), _spread(one.error)
    if n < FEWEST or s == 0:
        return NONE
    ratio = math.sqrt(mean) / s
    error = ratio * math.sqrt(variance / (4 * n * mean**2) + 1 / (2 * (n - 1)))
    return 100 * (ratio - 1), 100 * error, n


def _covers(one: _Replicates) -> NDArray[np.bool_]:
    return np.asarray((one.low <= one.truth) & (one.truth <= one.high))


def _coverage_about_mean(one: _Replicates) -> Value:
    middle = one.truth + one.error.mean()
    return _share((one.low <= middle) & (middle <= one.high))


def _wrong_sign(one: _Replicates) -> Value:
    told = one.rejects & (one.truth != 0)
    return _share(np.sign(one.estimate[told]) != np.sign(one.truth[told]))


def _exaggeration(one: _Replicates) -> Value:
    told = one.rejects & (one.truth != 0)
    return _mean(np.abs(one.estimate[told] / one.truth[told]))


_OF_ALL: dict[str, Callable[[_Replicates], Value]] = {
    "convergence": lambda one: _share(np.ones(len(one.estimate), dtype=np.bool_), one.drawn),
    "coverage, worst case": lambda one: _share(_covers(one), one.drawn),
}
_OF_SOME: dict[str, Callable[[_Replicates], Value]] = {
    "bias": lambda one: _mean(one.error),
    "empirical SE": _empirical_se,
    "model SE": _model_se,
    "relative error in model SE": _relative_error,
    "MSE": lambda one: _mean(one.error**2),
    "coverage": lambda one: _share(_covers(one)),
    "bias-eliminated coverage": _coverage_about_mean,
    "rejection": lambda one: _share(one.rejects),
    "type S": _wrong_sign,
    "type M": _exaggeration,
    "mean estimate": lambda one: _mean(one.estimate),
    "mean truth": lambda one: _mean(one.truth),
}


def _relative_precision(one: _Replicates, reference: _Replicates) -> Value:
    """Gain in precision over the reference in the replicates that both have, in per cent."""
    _, mine, theirs = np.intersect1d(one.number, reference.number, return_indices=True)
    n = len(mine)
    if n <= FEWEST:
        return NONE
    a, b = reference.error[theirs], one.error[mine]
    if _spread(a) == 0 or _spread(b) == 0:
        return NONE
    ratio = (_spread(a) / _spread(b)) ** 2
    rho = float(np.corrcoef(a, b)[0, 1])
    return 100 * (ratio - 1), 200 * ratio * math.sqrt(max(1 - rho**2, 0.0) / (n - 1)), n


def _mean_events(frame: pl.DataFrame) -> Value:
    return _mean(frame["events"].drop_nulls().to_numpy().astype(np.float64))
