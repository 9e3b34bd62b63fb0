"""The cumulative hazard without a model, and the survival that is its exponential."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from cohort.cohort import Cohort
from cohort.errors import QuestionError, one_of

from ..asked import check_asked
from ..cox.weighted_records import outcome_code
from ..curve import Curve
from ..question import Question
from ..records import Floats
from ..weightings import VARIANCES, Variance, check_setting
from .influence_sums import log_survival_influence_variance
from .intervals import ConfType, check_interval, check_level
from .records import (
    CurveRecords,
    Grouping,
    check_grouping,
    curve_records,
    groups_of,
    whole_cohort_only,
)
from .survival import (
    Drawn,
    SurvivalSettings,
    curve_frame,
    hazard_increments,
    interval_clause,
    is_robust,
    robust_clause,
    shared_clauses,
    survival_curve,
)
from .timeline import timeline_of

HazardScale = Literal["log", "plain", "none"]
HAZARD_SCALES = ("log", "plain", "none")


@dataclass(frozen=True, slots=True)
class NelsonAalen:
    """The Nelson-Aalen estimate of the cumulative hazard, by level of the exposure and stratum.

    Where a person may have several events, it is the mean number of events by a time (Lawless and
    Nadeau 1995, Technometrics 37:158-168), and the variance is robust by person.

    conf_type : scale of the pointwise limits ("log", "plain", "none"). variance : ModelBased() or
    Robust() by cluster, else person; without it, robust where there are weights, clusters or
    several events in a person. by, start : as in KaplanMeier. ties : "together", or "spread" as
    if tied events came one after another (Fleming and Harrington 1984).

    Nelson (1972), Technometrics 14:945-966; Aalen (1978), Annals of Statistics 6:701-726.
    """

    conf_type: HazardScale = "log"
    conf_level: float = 0.95
    variance: Variance | None = None
    by: Grouping = "exposure"
    start: float | None = None
    ties: Literal["together", "spread"] = "together"

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        check_grouping(self.by, self.start)
        if self.variance is not None:
            check_setting("variance", self.variance, VARIANCES)
        if self.conf_type not in HAZARD_SCALES:
            raise QuestionError(
                f"conf_type = '{self.conf_type}' is not known: expected {one_of(HAZARD_SCALES)}."
            )
        if self.ties not in ("together", "spread"):
            raise QuestionError(
                f"ties = '{self.ties}' is not known: expected 'together' or 'spread'."
            )

    def estimate(self, cohort: Cohort, question: Question) -> Curve:
        """The cumulative hazard at each time at which anyone has the event or leaves, by group.

        Raises UnsupportedError for a sampled design or robust variance with spread ties,
        QuestionError or SchemaError for groups that cannot be made.
        """
        check_asked(cohort, question)
        whole_cohort_only(cohort, "a cumulative hazard")
        code = outcome_code(cohort, question.outcome)
        groups = groups_of(cohort, question, self.by)
        records = curve_records(groups, (code,), self.start)
        events = np.bincount(records.person, records.event > 0)
        robust = is_robust(cohort, self.variance, recurrent=bool(events.max(initial=0) > 1))
        drawn = self._drawn(records, robust=robust)
        outcome = question.outcome or cohort.follow_up.outcome
        parts = [
            f"Nelson-Aalen cumulative hazard of '{outcome}'",
            *shared_clauses(cohort, question, self.by, self.start),
            *(["ties spread"] if self.ties == "spread" else []),
            robust_clause(cohort) if robust else "Poisson variance",
            interval_clause(self.conf_type, self.conf_level),
        ]
        return Curve(
            curve_frame(drawn, groups),
            "cumulative hazard",
            "; ".join(parts) + ".",
            self.conf_level,
            cohort.scale.unit,
        )

    def _drawn(self, records: CurveRecords, *, robust: bool) -> Drawn:
        timeline = timeline_of(records)
        spread = self.ties == "spread"
        hazard, each = hazard_increments(timeline, records, spread=spread, robust=robust)
        cumulative = timeline.running(hazard)
        variance = (
            log_survival_influence_variance(timeline, records, each, 1.0 / timeline.at_risk)
            if robust
            else timeline.running(each)
        )
        std_error = np.sqrt(variance)
        low, high = self._limits(cumulative, std_error)
        return Drawn(timeline, cumulative, std_error, low, high)

    def _limits(self, cumulative: Floats, std_error: Floats) -> tuple[Floats, Floats]:
        z = float(special.ndtri(0.5 + self.conf_level / 2))
        if self.conf_type == "none":
            return np.full_like(cumulative, np.nan), np.full_like(cumulative, np.nan)
        if self.conf_type == "plain":
            return np.maximum(cumulative - z * std_error, 0.0), cumulative + z * std_error
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(cumulative > 0, z * std_error / cumulative, np.nan)
        return cumulative * np.exp(-reach), cumulative * np.exp(reach)


@dataclass(frozen=True, slots=True)
class FlemingHarrington:
    """Survival as the exponential of minus the Nelson-Aalen estimate, by exposure and stratum.

    Settings are those of KaplanMeier; the model-based variance is that of Tsiatis (1981), Ann Stat
    9:93-98. It does not reach 0 where the last person at risk has the event.

    Fleming and Harrington (1984), Communications in Statistics 13:2469-2486; Breslow (1972), JRSS B
    34:216-217.
    """

    conf_type: ConfType = "log"
    conf_level: float = 0.95
    variance: Variance | None = None
    by: Grouping = "exposure"
    start: float | None = None
    ties: Literal["together", "spread"] = "together"

    def __post_init__(self) -> None:
        check_interval(self.conf_type, self.conf_level)
        NelsonAalen("none", self.conf_level, self.variance, self.by, self.start, self.ties)

    def estimate(self, cohort: Cohort, question: Question) -> Curve:
        """Survival S(t), by group; ``std_error`` is that of S(t).

        Raises as KaplanMeier does, and for robust variance with spread ties.
        """
        check_asked(cohort, question)
        kind: Literal["fleming-harrington", "fleming-harrington spread"] = "fleming-harrington"
        if self.ties == "spread":
            kind = "fleming-harrington spread"
        settings = SurvivalSettings(kind, self.conf_type, self.conf_level, self.variance)
        return survival_curve(cohort, question, settings, self.by, self.start)
