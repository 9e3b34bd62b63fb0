"""What a cohort shows before any model: survival curves and incidence rates."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cohort.cohort import Cohort, time_at_risk
from cohort.declaration import CLUSTER, EVENT, PERSON, WEIGHT
from cohort.errors import QuestionError, one_of

from .asked import check_asked
from .cox.weighted_records import outcome_code
from .curve import Curve
from .curves.intervals import ConfType, check_interval, check_level
from .curves.person_time import (
    RATE_LIMITS,
    RateLimits,
    Tally,
    byar_limits,
    log_limits,
    poisson_limits,
    tally,
)
from .curves.rate_tables import has_recurrent, no_event_at_zero
from .curves.records import Grouping, Groups, check_grouping, groups_of, whole_cohort_only
from .curves.survival import SurvivalSettings, is_robust, robust_clause, survival_curve
from .estimate import Estimates, table
from .question import Question
from .records import Flags
from .weightings import VARIANCES, Variance, check_setting


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """The Kaplan-Meier estimate of survival, by level of the exposure and stratum.

    conf_type : scale of the pointwise limits ("log", "log-log", "plain", "logit", "arcsine",
    "none"). variance : ModelBased() (Greenwood) or Robust() (infinitesimal jackknife by cluster,
    else person); without it, robust where there are weights or clusters. by : "exposure", or None
    for everyone together. start : draw the curve conditional on follow-up up to this time, in the
    scale's unit.

    Kaplan and Meier (1958), JASA 53:457-481. Conventions are those of R's survival package: at
    risk on (entry, exit], events before censorings.
    """

    conf_type: ConfType = "log"
    conf_level: float = 0.95
    variance: Variance | None = None
    by: Grouping = "exposure"
    start: float | None = None

    def __post_init__(self) -> None:
        check_interval(self.conf_type, self.conf_level)
        check_grouping(self.by, self.start)
        if self.variance is not None:
            check_setting("variance", self.variance, VARIANCES)

    def estimate(self, cohort: Cohort, question: Question) -> Curve:
        """Survival S(t) at each time at which anyone has the event or leaves, by group.

        ``std_error`` is that of S(t), null where S is 0; limits are null where their scale has
        none. A further column ``censored`` counts those who leave without the event.

        Raises UnsupportedError for a sampled design or recurrent events, QuestionError or
        SchemaError for groups that cannot be made.
        """
        check_asked(cohort, question)
        settings = SurvivalSettings("kaplan-meier", self.conf_type, self.conf_level, self.variance)
        return survival_curve(cohort, question, settings, self.by, self.start)


@dataclass(frozen=True, slots=True)
class IncidenceRate:
    """Events over person-time, by level of the exposure and stratum.

    per : person-time that the rate refers to, in the scale's unit. limits : "exact" (Poisson),
    "log" (Wald on the log scale) or "byar". variance : ModelBased() or Robust() by cluster, else
    person; without it, robust where there are weights, clusters or several events in a person. A
    robust variance always comes with Wald limits on the log scale. by : "exposure", or None for
    everyone together.

    Exact limits: Garwood (1936), Biometrika 28:437-442. Byar: Breslow and Day (1987), Statistical
    Methods in Cancer Research II, equation 2.10.
    """

    per: float = 1000.0
    conf_level: float = 0.95
    limits: RateLimits = "exact"
    variance: Variance | None = None
    by: Grouping = "exposure"

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        check_grouping(self.by)
        if self.variance is not None:
            check_setting("variance", self.variance, VARIANCES)
        if not (isinstance(self.per, (int, float)) and 0 < self.per < np.inf):
            raise QuestionError(f"per = {self.per!r}: expected a positive amount of person-time.")
        if self.limits not in RATE_LIMITS:
            raise QuestionError(
                f"limits = '{self.limits}' is not known: expected {one_of(RATE_LIMITS)}."
            )

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """Rates, one row a group, with the measure "incidence rate".

        The level stands in ``contrast``, the stratum in ``modifier_level``; ``std_error`` is that
        of the log rate, null without events.

        Raises UnsupportedError for a sampled design, FollowUpError for events at time 0.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a rate")
        code = outcome_code(cohort, question.outcome)
        groups = groups_of(cohort, question, self.by)
        happened = groups.frame[EVENT].to_numpy() == code
        no_event_at_zero(groups, happened)
        found = _tallied(groups, happened)
        robust = is_robust(cohort, self.variance, recurrent=has_recurrent(groups, happened))
        outcome = question.outcome or cohort.follow_up.outcome
        shared = {
            "outcome": outcome,
            "exposure": question.exposure,
            "variable": groups.variable or "all",
            "adjustment": "crude",
            "measure": "incidence rate",
            "conf_level": self.conf_level,
            "dropped": len(cohort.frame) - len(groups.frame),
            "converged": True,
        }
        rows = [
            shared | _labels(groups, place) | self._row(found, place, robust)
            for place in range(len(groups.words))
        ]
        sentence = self._sentence(cohort, question, robust)
        return Estimates(table(rows), sentence, tuple(("crude", one) for one in groups.steps))

    def _row(self, found: Tally, place: int, robust: bool) -> dict[str, Any]:
        events, time = float(found.events[place]), float(found.person_time[place])
        row: dict[str, Any] = {
            "persons": int(found.persons[place]),
            "events": int(found.counts[place]),
            "person_time": time,
            "variance": "robust" if robust else "exact" if self.limits == "exact" else "model",
        }
        if time <= 0:
            return row | {"note": "no person-time, so there is no rate"}
        row["estimate"] = events / time * self.per
        if events > 0:
            variance = float(found.log_variance[place]) if robust else 1 / events
            row |= {"log_estimate": math.log(row["estimate"]), "std_error": math.sqrt(variance)}
        elif robust or self.limits == "log":
            return row | {"note": "no event: the log scale gives no limits"}
        if robust or self.limits == "log":
            low, high = log_limits(events, variance, self.conf_level)
        else:
            limits = poisson_limits if self.limits == "exact" else byar_limits
            low, high = limits(events, self.conf_level)
        return row | {"conf_low": low / time * self.per, "conf_high": high / time * self.per}

    def _sentence(self, cohort: Cohort, question: Question, robust: bool) -> str:
        scale = cohort.scale
        limits = {
            "exact": "exact Poisson limits",
            "log": "Wald limits on the log scale",
            "byar": "limits by Byar's approximation",
        }[self.limits]
        within = [*([] if self.by is None else [question.exposure]), *question.strata]
        parts = [
            f"incidence rates of '{question.outcome or cohort.follow_up.outcome}' per "
            f"{self.per:g} {scale.person_time_unit} ({scale.name})",
            *([f"by {' and '.join(within)}"] if within else []),
            *(
                [f"records weighted by '{cohort.declaration.weight}'"]
                if WEIGHT in cohort.frame.columns
                else []
            ),
            *([robust_clause(cohort)] if robust else []),
            f"{100 * self.conf_level:g} % "
            + ("Wald limits on the log scale" if robust else limits),
        ]
        return "; ".join(parts) + "."


def _tallied(groups: Groups, happened: Flags) -> Tally:
    frame = groups.frame
    weight = frame[WEIGHT].to_numpy() if WEIGHT in frame.columns else np.ones(len(frame))
    person = frame[PERSON].to_numpy().astype(np.int64)
    cluster = frame[CLUSTER].to_numpy().astype(np.int64) if CLUSTER in frame.columns else person
    return tally(groups.code, happened, time_at_risk(frame), weight, cluster, person)


def _labels(groups: Groups, place: int) -> dict[str, str | None]:
    return {
        "contrast": groups.exposure[place] or "all",
        "modifier_level": groups.stratum[place],
    }
