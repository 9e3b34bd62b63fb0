"""Restricted mean event-free time and mean time lost: estimators, with differences and ratios."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from cohort.cohort import Cohort
from cohort.errors import QuestionError

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..estimate import Estimates, table
from ..question import Question
from ..records import Codes, Floats
from ..rows import normal_quantile, wald_row
from ..weightings import VARIANCES, Variance, check_setting
from .intervals import check_level
from .mean_time import MeanTimes, mean_event_free, mean_lost
from .rate_tables import reference_of
from .records import (
    CurveRecords,
    Grouping,
    Groups,
    check_grouping,
    curve_records,
    groups_of,
    once_only,
    persons_by_group,
    whole_cohort_only,
)
from .survival import is_robust, robust_clause, shared_clauses

HELD = "follow-up ends before the horizon; the curve is held level to it"

NO_EVENT = "no event by the horizon leaves no error to estimate: the interval has no width"


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean event-free time up to a horizon, by group, with differences and ratios of groups.

    until : the horizon, in the scale's unit. variance : ModelBased() (Greenwood) or Robust() by
    cluster, else person; without it, robust where there are weights or clusters. by, start : as in
    KaplanMeier; time counts from ``start``, else from the origin.

    Royston and Parmar (2013), BMC Medical Research Methodology 13:152.
    """

    until: float
    conf_level: float = 0.95
    variance: Variance | None = None
    by: Grouping = "exposure"
    start: float | None = None

    def __post_init__(self) -> None:
        _check(self.until, self.conf_level, self.by, self.start)
        if self.variance is not None:
            check_setting("variance", self.variance, VARIANCES)

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """A row a group, then a difference and a ratio of each level against the reference.

        Measures: "restricted mean time", its "difference" (std_error on the scale of time) and its
        "ratio" (std_error of the log). A note says where a curve was held level to the horizon.

        Raises UnsupportedError for a sampled design or recurrent events, QuestionError or
        SchemaError for groups that cannot be made.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a restricted mean")
        robust = is_robust(cohort, self.variance)
        code = outcome_code(cohort, question.outcome)
        groups = groups_of(cohort, question, self.by)
        records = curve_records(groups, (code,), self.start)
        once_only(records, "a restricted mean")
        found = mean_event_free(records, self.until, self.start or 0.0)
        covariance = found.robust if robust else np.diag(found.model)
        rows = _rows(cohort, question, groups, records, self)
        unit = cohort.scale.unit
        outcome = question.outcome or cohort.follow_up.outcome
        parts = [
            f"mean time without '{outcome}' up to {self.until:g} {unit} (Kaplan-Meier)",
            *shared_clauses(cohort, question, self.by, self.start),
            robust_clause(cohort) if robust else "Greenwood's variance",
            f"{100 * self.conf_level:g} % Wald intervals, ratios on the log scale",
        ]
        frame = table(
            list(
                rows.all(found, covariance, "restricted mean time", "robust" if robust else "model")
            )
        )
        return Estimates(frame, "; ".join(parts) + ".", tuple(("crude", s) for s in groups.steps))


@dataclass(frozen=True, slots=True)
class TimeLost:
    """Mean time lost to an outcome up to a horizon, where outcomes compete.

    The area under the outcome's cumulative incidence. until : the horizon, in the scale's unit.
    The variance is the infinitesimal jackknife by cluster, else person. by, start : as in
    KaplanMeier.

    Andersen (2013), Statistics in Medicine 32:5278-5285.
    """

    until: float
    conf_level: float = 0.95
    by: Grouping = "exposure"
    start: float | None = None

    def __post_init__(self) -> None:
        _check(self.until, self.conf_level, self.by, self.start)

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """A row a group, then a difference and a ratio of each level against the reference.

        Measures: "mean time lost", its "difference" and its "ratio". The outcome is that of the
        question; every declared outcome ends event-free time.

        Raises as RestrictedMean does.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a mean time lost")
        cause = outcome_code(cohort, question.outcome) - 1
        outcomes = cohort.follow_up.outcomes
        groups = groups_of(cohort, question, self.by)
        records = curve_records(groups, tuple(range(1, len(outcomes) + 1)), self.start)
        once_only(records, "a mean time lost")
        found = mean_lost(records, len(outcomes), self.until, cause)
        rows = _rows(cohort, question, groups, records, self, cause)
        parts = [
            f"mean time lost to '{outcomes[cause]}' up to {self.until:g} {cohort.scale.unit} "
            "(area under the Aalen-Johansen cumulative incidence)",
            *shared_clauses(cohort, question, self.by, self.start, competing=True),
            robust_clause(cohort),
            f"{100 * self.conf_level:g} % Wald intervals, ratios on the log scale",
        ]
        frame = table(list(rows.all(found, found.robust, "mean time lost", "robust")))
        return Estimates(frame, "; ".join(parts) + ".", tuple(("crude", s) for s in groups.steps))


def _check(until: float, conf_level: float, by: str | None, start: float | None) -> None:
    check_level(conf_level)
    check_grouping(by, until, start)
    if not (start or 0.0) < until < np.inf:
        raise QuestionError(
            f"until = {until:g}: expected a finite horizon after "
            + (f"start = {start:g}." if start is not None else "the origin.")
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What the rows of one estimation share, and how groups pair off."""

    groups: Groups
    shared: dict[str, Any]
    persons: Codes
    events: Codes
    reference: str | None
    conf_level: float

    def all(
        self, found: MeanTimes, covariance: Floats, measure: str, variance: str
    ) -> Iterator[dict[str, Any]]:
        """Rows of every group, then of every comparison within a stratum."""
        shared = self.shared | {"variance": variance}
        z = normal_quantile(self.conf_level)
        for g in range(len(self.groups.words)):
            row = shared | self._counts([g]) | {"measure": measure}
            row |= {
                "contrast": self.groups.exposure[g] or "all",
                "modifier_level": self.groups.stratum[g],
                "note": HELD if found.short[g] else None,
            }
            error = float(np.sqrt(covariance[g, g]))
            yield row | _wald(float(found.mean[g]), error, z, floor=0.0)
        for g, against in self._pairs():
            row = shared | self._counts([g, against])
            row |= {
                "contrast": f"{self.groups.exposure[g]} vs {self.reference}",
                "modifier_level": self.groups.stratum[g],
                "note": HELD if found.short[g] or found.short[against] else None,
            }
            a, b = float(found.mean[g]), float(found.mean[against])
            pair = covariance[np.ix_([g, against], [g, against])]
            slope = np.array([1.0, -1.0])
            error = float(np.sqrt(slope @ pair @ slope))
            yield row | {"measure": f"difference in {measure}"} | _wald(a - b, error, z)
            row["measure"] = f"ratio of {measure}"
            if not (a > 0 and b > 0):
                yield row | {"note": "a mean of 0 has no ratio"}
                continue
            slope = np.array([1 / a, -1 / b])
            error = float(np.sqrt(slope @ pair @ slope))
            yield row | _ratio(a / b, error, self.conf_level)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        groups = self.groups
        if self.reference is None:
            return
        home = {
            groups.stratum[g]: g for g, word in enumerate(groups.exposure) if word == self.reference
        }
        for g, word in enumerate(groups.exposure):
            if word != self.reference and groups.stratum[g] in home:
                yield g, home[groups.stratum[g]]

    def _counts(self, groups: list[int]) -> dict[str, int]:
        return {
            "persons": int(self.persons[groups].sum()),
            "events": int(self.events[groups].sum()),
        }


def _rows(
    cohort: Cohort,
    question: Question,
    groups: Groups,
    records: CurveRecords,
    settings: "RestrictedMean | TimeLost",
    cause: int = 0,
) -> _Rows:
    size = len(groups.words)
    counted = (records.event == cause + 1) & (records.exit <= settings.until)
    shared = {
        "outcome": question.outcome or cohort.follow_up.outcome,
        "exposure": question.exposure,
        "variable": groups.variable or "all",
        "adjustment": "crude",
        "conf_level": settings.conf_level,
        "dropped": len(cohort.frame) - len(groups.frame),
        "converged": True,
    }
    return _Rows(
        groups,
        shared,
        persons_by_group(records.person, records.group, size),
        np.bincount(records.group[counted], minlength=size),
        reference_of(cohort, groups),
        settings.conf_level,
    )


def _ratio(value: float, error: float, conf_level: float) -> dict[str, Any]:
    if error > 0:
        return wald_row(float(np.log(value)), error, conf_level)
    shared: dict[str, Any] = dict.fromkeys(("estimate", "conf_low", "conf_high"), value)
    return shared | {"log_estimate": float(np.log(value)), "std_error": 0.0, "note": NO_EVENT}


def _wald(value: float, error: float, z: float, floor: float = -np.inf) -> dict[str, Any]:
    row: dict[str, Any] = {
        "estimate": value,
        "std_error": error,
        "conf_low": max(value - z * error, floor),
        "conf_high": value + z * error,
    }
    if not error > 0:
        return row | {"note": NO_EVENT}
    if floor == -np.inf:
        row["p_value"] = float(2 * special.ndtr(-abs(value / error)))
    return row
