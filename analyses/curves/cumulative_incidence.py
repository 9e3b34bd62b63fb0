"""Cumulative incidence where outcomes compete: the estimator."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from cohort.cohort import Cohort
from cohort.errors import QuestionError, UnsupportedError, one_of

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..curve import Curve, framed
from ..question import Question
from ..records import Floats, each_once
from .aalen_johansen import (
    Incidences,
    aalen_variance,
    greenwood_variance,
    incidences_of,
    jackknife_variances,
)
from .intervals import ConfType, check_interval, probability_limits
from .product_limit import log_survival_variance
from .records import (
    CurveRecords,
    Grouping,
    Groups,
    check_grouping,
    curve_records,
    groups_of,
    once_only,
    whole_cohort_only,
)
from .survival import interval_clause, is_weighted, robust_clause, shared_clauses
from .tally import Tally, tallied
from .timeline import timeline_of

IncidenceVariance = Literal["infinitesimal jackknife", "greenwood", "aalen"]
VARIANCES = ("infinitesimal jackknife", "greenwood", "aalen")
EVENT_FREE = "event-free"


@dataclass(frozen=True, slots=True)
class CumulativeIncidence:
    """The Aalen-Johansen estimate of the risk of each outcome where outcomes compete.

    Every declared outcome of the cohort counts; what is left is "event-free". conf_type : scale of
    the pointwise limits. variance : "infinitesimal jackknife", by cluster, else person, with
    weights and late entry (that of R's survfit); or, without weights or clusters, "greenwood" (that
    of R's etm) or "aalen" (that of R's cuminc), both with Greenwood's for event-free survival. by :
    "exposure", or None for everyone together. start : draw the curve conditional on follow-up until
    this time, in the scale's unit.

    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5:141-150.
    """

    conf_type: ConfType = "log"
    conf_level: float = 0.95
    variance: IncidenceVariance = "infinitesimal jackknife"
    by: Grouping = "exposure"
    start: float | None = None

    def __post_init__(self) -> None:
        check_interval(self.conf_type, self.conf_level)
        check_grouping(self.by, self.start)
        if self.variance not in VARIANCES:
            raise QuestionError(
                f"variance = '{self.variance}' is not known: expected {one_of(VARIANCES)}."
            )

    def estimate(self, cohort: Cohort, question: Question) -> Curve:
        """Cumulative incidence of each outcome at each time at which anyone leaves, by group.

        A column ``outcome`` follows the others: the outcomes in their declared order, then
        "event-free". ``events`` counts those of the row's outcome.

        Raises UnsupportedError for a sampled design, recurrent events, or Aalen's variance with
        weights or clusters; QuestionError or SchemaError for groups that cannot be made.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a cumulative incidence")
        if question.outcome is not None:
            outcome_code(cohort, question.outcome)
        if self.variance != VARIANCES[0] and is_weighted(cohort):
            raise UnsupportedError(
                f"variance = '{self.variance}' holds without weights and clusters: expected "
                f"'{VARIANCES[0]}'."
            )
        groups = groups_of(cohort, question, self.by)
        outcomes = cohort.follow_up.outcomes
        codes = tuple(range(1, len(outcomes) + 1))
        records = curve_records(groups, codes, self.start)
        once_only(records, "a cumulative incidence")
        sample = _sample(records)
        found = incidences_of(timeline_of(sample.weighted(), len(outcomes)))
        wanted = outcomes if question.outcome is None else (question.outcome,)
        causes = [outcomes.index(one) for one in wanted] + [len(outcomes)]
        names = [*wanted, EVENT_FREE]
        frame = _frame(self, found, sample, groups, dict(zip(names, causes, strict=True)))
        return Curve(
            frame,
            "cumulative incidence",
            self._sentence(cohort, question),
            self.conf_level,
            cohort.scale.unit,
        )

    def _sentence(self, cohort: Cohort, question: Question) -> str:
        names = " and ".join(f"'{name}'" for name in cohort.follow_up.outcomes)
        shared = shared_clauses(cohort, question, self.by, self.start, competing=True)
        parts = [
            f"Aalen-Johansen cumulative incidence of {names}",
            *shared,
            f"{self.variance.capitalize()}'s variance"
            if self.variance != VARIANCES[0]
            else robust_clause(cohort),
            interval_clause(self.conf_type, self.conf_level),
        ]
        return "; ".join(parts) + "."


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Records as they are, or one of each kind with its copies."""

    records: CurveRecords
    copies: Floats | None = None

    def weighted(self) -> CurveRecords:
        """The records whose weights make the risk sets."""
        return self.records if self.copies is None else Tally(self.records, self.copies).weighted()


def _sample(records: CurveRecords) -> Sample:
    """One record of each kind, where everyone is a unit of her own."""
    kinds = tallied(records) if each_once(records.cluster) else None
    return Sample(records) if kinds is None else Sample(kinds.records, kinds.copies)


def _frame(
    settings: CumulativeIncidence,
    found: Incidences,
    sample: Sample,
    groups: Groups,
    causes: dict[str, int],
) -> pl.DataFrame:
    """The rows of each outcome by name, one after another."""
    timeline, names = found.timeline, pl.Series(list(causes))
    numbers = list(causes.values())
    variances = _variances(settings.variance, found, sample, numbers)
    parts = [
        _drawn(settings, found, cause, variance)
        for cause, variance in zip(numbers, variances, strict=True)
    ]
    events, estimate, std_error, low, high = map(np.concatenate, zip(*parts, strict=True))
    times = len(parts)
    columns: dict[str, Floats | pl.Series] = {
        "time": np.tile(timeline.time, times),
        "group": pl.Series(groups.words).gather(np.tile(timeline.group, times)),
        "at_risk": np.tile(timeline.at_risk, times),
        "events": events,
        "estimate": estimate,
        "std_error": std_error,
        "conf_low": low,
        "conf_high": high,
        "outcome": names.gather(np.repeat(np.arange(times), timeline.time.size)),
    }
    return framed(columns)


def _drawn(
    settings: CumulativeIncidence, found: Incidences, cause: int, variance: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Events, estimate, standard error and limits (K,) of a cause, or of being event-free."""
    if cause == found.incidence.shape[1]:
        estimate, events = found.limit.survival, found.timeline.any_event
    else:
        estimate, events = found.incidence[:, cause], found.timeline.events[:, cause]
    std_error = np.sqrt(np.maximum(variance, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(std_error == 0, 0.0, std_error / estimate)
    low, high = probability_limits(estimate, relative, settings.conf_type, settings.conf_level)
    return events, estimate, std_error, low, high


def _variances(
    kind: IncidenceVariance, found: Incidences, sample: Sample, causes: list[int]
) -> list[Floats]:
    """Variances (K,) of each cause, and of event-free survival after the last."""
    if kind == "infinitesimal jackknife":
        return jackknife_variances(found, sample.records, causes, sample.copies)
    by_slot = aalen_variance if kind == "aalen" else greenwood_variance
    of_log = log_survival_variance(found.timeline, found.limit)
    survival = found.limit.survival
    free = np.where(survival > 0, survival, np.nan) ** 2 * of_log
    last = found.incidence.shape[1]
    return [free if cause == last else by_slot(found, cause) for cause in causes]
