"""The baseline hazard of a Cox model, and the curves it predicts, with intervals.

Efron's hazard under an Efron fit. The standard error is that of Tsiatis (1981), Ann Stat 9:93, and
Link (1984), Biometrics 40:601: events and coefficients both count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cohort.errors import QuestionError

from ..records import Codes, Floats
from .fit import CoxFit
from .partial_likelihood import tie_sums


@dataclass(frozen=True, slots=True, eq=False)
class BaselineHazard:
    """Increments of a baseline cumulative hazard, one a slot.

    time, stratum : (K,). hazard : (K,) increment for terms at ``centre`` (p,) and offset 0.
    variance : (K,) increment of its variance with the coefficients known. mean_hazard : (K, p) the
    increment times the risk-set means less centre.
    """

    time: Floats
    stratum: Codes
    hazard: Floats
    variance: Floats
    mean_hazard: Floats
    centre: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Covariates (p,) held on (start, stop] of the time scale; a path is one after another."""

    start: float
    stop: float
    values: Floats


def baseline_hazard(fit: CoxFit) -> BaselineHazard:
    """The baseline hazard at the mean of the terms; move it with ``exp((x - centre) @ beta)``.

    An offset counts as 0 (R's basehaz takes its mean).

    Raises UnsupportedError for a sampled design.
    """
    own = _at_own_centres(fit)
    if fit.apart is None:
        return own
    apart = fit.apart[own.stratum]
    with np.errstate(over="ignore"):  # Where strata lie too far apart, a hazard is infinite.
        move = np.exp(-apart @ fit.beta)
    return replace(
        own,
        hazard=own.hazard * move,
        variance=own.variance * move**2,
        mean_hazard=(own.mean_hazard + own.hazard[:, None] * apart) * move[:, None],
    )


def _at_own_centres(fit: CoxFit) -> BaselineHazard:
    """The baseline hazard of each stratum where its own terms were centred."""
    fit.need_full_cohort("the baseline hazard")
    at = fit.moments()
    sums = tie_sums(fit.problem, at)
    s0 = at.s0[:, None]
    slope = (sums.uu[:, None] * (at.s1 / s0) - sums.uv[:, None] * (at.d1 / s0)) / s0 * fit.scale
    shrink = np.exp(-at.shift)
    slots = fit.problem.slots
    return BaselineHazard(
        slots.time,
        slots.stratum,
        at.hazard * shrink,
        sums.uu * (shrink / at.s0) ** 2,
        slope * shrink,
        fit.centre,
    )


def cumulative_hazard(
    fit: CoxFit, times: Floats, path: Sequence[Stretch], *, stratum: int = 0
) -> tuple[Floats, Floats]:
    """Predicted cumulative hazard along a path of covariates, and its standard error, (t,) each.

    times : (t,) at which it is wanted. stratum : the code of the stratum whose hazard is used.

    Raises QuestionError when the stratum has no event.
    """
    base = _at_own_centres(fit)
    mine = base.stratum == stratum
    if not mine.any():
        raise QuestionError(f"stratum {stratum} has no event, so it has no baseline hazard.")
    centre = base.centre if fit.apart is None else base.centre + fit.apart[stratum]
    order = np.searchsorted(base.time[mine], times, side="right")
    hazard = np.zeros(int(mine.sum()))
    variance = np.zeros_like(hazard)
    drift = np.zeros((hazard.size, fit.beta.size))
    for stretch in path:
        here = (base.time[mine] > stretch.start) & (base.time[mine] <= stretch.stop)
        away = stretch.values - centre
        risk = float(np.exp(away @ fit.beta))
        step = base.hazard[mine] * here * risk
        hazard += step
        variance += base.variance[mine] * here * risk**2
        drift += step[:, None] * away - (base.mean_hazard[mine] * here[:, None]) * risk
    total = np.concatenate(([0.0], np.cumsum(hazard)))[order]
    known = np.concatenate(([0.0], np.cumsum(variance)))[order]
    moved = np.vstack((np.zeros_like(fit.beta), np.cumsum(drift, axis=0)))[order]
    unknown = np.einsum("ij,jk,ik->i", moved, fit.covariance, moved)
    return total, np.sqrt(known + unknown)
