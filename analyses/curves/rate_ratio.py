"""Ratios and differences of rates between levels of an exposure, crude and Mantel-Haenszel."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from scipy import special

from cohort.cohort import Cohort
from cohort.errors import QuestionError, one_of

from ..asked import check_asked
from ..estimate import Estimates, table
from ..question import Question
from ..records import Floats
from ..rows import normal_quantile, wald_row
from .intervals import check_level
from .rate_tables import rate_tables

RatioLimits = Literal["exact", "mid-p", "log"]
RATIO_LIMITS = ("exact", "mid-p", "log")
ROOT = 1e-14


@dataclass(frozen=True, slots=True)
class RateRatio:
    """Ratio of incidence rates, each level of the exposure against its reference.

    limits : "exact" and "mid-p" are conditional on the number of events (binomial), "log" is Wald
    on the log scale; their p-values go with them, twice the smaller tail for the first two. With
    strata in the question: a row in each, and the Mantel-Haenszel ratio over them (Wald).

    Conditional limits: Rothman, Greenland and Lash (2008), Modern Epidemiology, 3rd ed., chapter
    14; Mantel-Haenszel: Greenland and Robins (1985), Biometrics 41:55-68.
    """

    limits: RatioLimits = "exact"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        if self.limits not in RATIO_LIMITS:
            raise QuestionError(
                f"limits = '{self.limits}' is not known: expected {one_of(RATIO_LIMITS)}."
            )

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """A row a level (and stratum), with the measure "rate ratio".

        Raises UnsupportedError for a sampled design, weights, clusters or several events in a
        person, FollowUpError for events at time 0, QuestionError without a reference level.
        """
        check_asked(cohort, question)
        tables = rate_tables(cohort, question, self.conf_level)
        rows: list[dict[str, Any]] = []
        for one in tables.levels:
            for stratum in one.strata:
                row = tables.shared | one.labels(stratum, "rate ratio")
                rows.append(row | _ratio(*stratum.counts, self.limits, self.conf_level))
            if len(one.strata) > 1 or question.strata:
                row = tables.shared | one.labels(None, "rate ratio")
                rows.append(row | {"note": MANTEL_HAENSZEL} | self._pooled(one.counts()))
        limits = {
            "exact": "exact conditional limits",
            "mid-p": "mid-p conditional limits",
            "log": "Wald limits on the log scale",
        }
        sentence = tables.sentence("rate ratios", limits[self.limits], self.conf_level)
        return Estimates(table(rows), sentence, tables.steps)

    def _pooled(self, counts: Floats) -> dict[str, Any]:
        d1, t1, d0, t0 = counts
        time = t1 + t0
        above, below = float((d1 * t0 / time).sum()), float((d0 * t1 / time).sum())
        if not (above > 0 and below > 0):
            return {"note": "a level has no event where the other has time, so no common ratio"}
        variance = float(((d1 + d0) * t1 * t0 / time**2).sum()) / (above * below)
        return {"variance": "Mantel-Haenszel"} | wald_row(
            float(np.log(above / below)), float(np.sqrt(variance)), self.conf_level
        )


@dataclass(frozen=True, slots=True)
class RateDifference:
    """Difference of incidence rates, each level of the exposure less its reference.

    per : person-time that the rates refer to, in the scale's unit. Wald limits. With strata in the
    question: a row in each, and the Mantel-Haenszel difference over them.

    Greenland and Robins (1985), Biometrics 41:55-68.
    """

    per: float = 1000.0
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        if not 0 < self.per < np.inf:
            raise QuestionError(f"per = {self.per}: expected a positive amount of person-time.")

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """A row a level (and stratum), with the measure "rate difference".

        Raises as RateRatio does.
        """
        check_asked(cohort, question)
        tables = rate_tables(cohort, question, self.conf_level)
        rows: list[dict[str, Any]] = []
        for one in tables.levels:
            for stratum in one.strata:
                row = tables.shared | one.labels(stratum, "rate difference")
                rows.append(row | self._row(stratum.array()))
            if len(one.strata) > 1 or question.strata:
                row = tables.shared | one.labels(None, "rate difference")
                rows.append(row | {"note": MANTEL_HAENSZEL} | self._row(one.counts(), pooled=True))
        unit = cohort.scale.person_time_unit
        sentence = tables.sentence(
            f"rate differences per {self.per:g} {unit}", "Wald limits", self.conf_level
        )
        return Estimates(table(rows), sentence, tables.steps)

    def _row(self, counts: Floats, *, pooled: bool = False) -> dict[str, Any]:
        d1, t1, d0, t0 = counts
        if not (t1 > 0).all() or not (t0 > 0).all():
            return {"note": "no person-time in one of the two, so there is no difference"}
        weight = t1 * t0 / (t1 + t0)
        share = weight / weight.sum()
        value = float(share @ (d1 / t1 - d0 / t0)) * self.per
        error = float(np.sqrt(share**2 @ (d1 / t1**2 + d0 / t0**2))) * self.per
        z = normal_quantile(self.conf_level)
        row = {
            "estimate": value,
            "std_error": error,
            "conf_low": value - z * error,
            "conf_high": value + z * error,
            "variance": "Mantel-Haenszel" if pooled else "model",
        }
        if not error > 0:
            return {"note": "no event in either, so no interval", "estimate": value}
        return row | {"p_value": float(2 * special.ndtr(-abs(value / error)))}


MANTEL_HAENSZEL = "over the strata, by Mantel and Haenszel"


def _ratio(
    exposed: tuple[int, float], unexposed: tuple[int, float], limits: str, conf_level: float
) -> dict[str, Any]:
    """One crude ratio from events and person-time of two levels."""
    (d1, t1), (d0, t0) = exposed, unexposed
    if not (t1 > 0 and t0 > 0):
        return {"note": "no person-time in one of the two, so there is no ratio"}
    if d1 + d0 == 0:
        return {"note": "no event in either, so there is no ratio"}
    row: dict[str, Any] = {"variance": "model" if limits == "log" else limits}
    if d1 and d0:
        wald = wald_row(float(np.log(d1 * t0 / (d0 * t1))), (1 / d1 + 1 / d0) ** 0.5, conf_level)
        if limits == "log":
            return row | wald
        row |= {name: wald[name] for name in ("estimate", "log_estimate", "std_error")}
    elif limits == "log":
        return {"note": "a level has no event: the log scale gives no limits"}
    else:
        row |= {"estimate": 0.0 if d1 == 0 else np.inf, "note": "a level has no event"}
    low, high = _share_limits(d1, d1 + d0, limits == "mid-p", conf_level)
    scale = t0 / t1
    row["conf_low"] = low / (1 - low) * scale
    row["conf_high"] = high / (1 - high) * scale if high < 1 else np.inf
    row["p_value"] = _tail_doubled(d1, d1 + d0, t1 / (t1 + t0), limits == "mid-p")
    return row


def _share_limits(d1: int, total: int, midp: bool, conf_level: float) -> tuple[float, float]:
    """Limits of the exposed share of the events: Clopper and Pearson's, or mid-p."""
    tail = (1 - conf_level) / 2
    low = 0.0 if d1 == 0 else float(special.betaincinv(d1, total - d1 + 1, tail))
    high = 1.0 if d1 == total else float(special.betainccinv(d1 + 1, total - d1, tail))
    if not midp:
        return low, high
    # The mid-p interval lies inside the exact one.
    if d1 > 0:
        low = _root(lambda p: _upper(d1, total, p, midp=True) - tail, low, d1 / total)
    if d1 < total:
        high = _root(lambda p: _upper(total - d1, total, 1 - p, midp=True) - tail, d1 / total, high)
    return low, high


def _root(function: Any, low: float, high: float) -> float:
    return float(scipy.optimize.brentq(function, low, high, xtol=1e-300, rtol=4 * ROOT))


def _upper(count: int, total: int, p: float, *, midp: bool) -> float:
    """P(X >= count), or P(X > count) + P(X = count) / 2, for X binomial."""
    at_least = float(special.betainc(count, total - count + 1, p)) if count else 1.0
    if not midp:
        return at_least
    beyond = float(special.betainc(count + 1, total - count, p)) if count < total else 0.0
    return (at_least + beyond) / 2


def _tail_doubled(count: int, total: int, p: float, midp: bool) -> float:
    tails = (
        _upper(count, total, p, midp=midp),
        _upper(total - count, total, 1 - p, midp=midp),
    )
    return min(1.0, 2 * min(tails))
