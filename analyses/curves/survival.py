"""Survival curves by group, from records to a frame: what the estimators of survival share."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from cohort.cohort import Cohort
from cohort.declaration import CLUSTER, WEIGHT
from cohort.errors import UnsupportedError

from ..cox.weighted_records import outcome_code
from ..curve import Curve, framed
from ..question import Question
from ..records import Floats
from ..weightings import ModelBased, Robust, Variance
from .influence_sums import log_survival_influence_variance
from .intervals import ConfType, probability_limits
from .product_limit import log_survival_variance, product_limit, tied_hazard
from .records import (
    CurveRecords,
    Grouping,
    Groups,
    curve_records,
    groups_of,
    once_only,
    whole_cohort_only,
)
from .timeline import Timeline, timeline_of

Kind = Literal["kaplan-meier", "fleming-harrington", "fleming-harrington spread"]
_WORDS = {
    "kaplan-meier": "Kaplan-Meier",
    "fleming-harrington": "Fleming-Harrington (exponential of the Nelson-Aalen estimate)",
    "fleming-harrington spread": "Fleming-Harrington (exponential hazard, ties spread)",
}


@dataclass(frozen=True, slots=True)
class SurvivalSettings:
    """How survival is estimated and bounded."""

    kind: Kind
    conf_type: ConfType
    conf_level: float
    variance: Variance | None


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A curve on arrays: (K,) each, along the slots of its timeline."""

    timeline: Timeline
    estimate: Floats
    std_error: Floats
    conf_low: Floats
    conf_high: Floats


def survival_curve(
    cohort: Cohort,
    question: Question,
    settings: SurvivalSettings,
    by: Grouping,
    start: float | None,
) -> Curve:
    """Survival until the outcome of a question, by group.

    Raises as the estimators say.
    """
    name = "a Kaplan-Meier curve" if settings.kind == "kaplan-meier" else "a survival curve"
    whole_cohort_only(cohort, name)
    robust = is_robust(cohort, settings.variance)
    code = outcome_code(cohort, question.outcome)
    groups = groups_of(cohort, question, by)
    records = curve_records(groups, (code,), start)
    once_only(records, "a survival curve")
    drawn = drawn_survival(records, settings, robust=robust)
    outcome = question.outcome or cohort.follow_up.outcome
    sentence = [f"{_WORDS[settings.kind]} survival until '{outcome}'"]
    sentence += shared_clauses(cohort, question, by, start)
    errors = "Greenwood" if settings.kind == "kaplan-meier" else "Tsiatis"
    sentence.append(robust_clause(cohort) if robust else f"{errors}'s variance")
    sentence.append(interval_clause(settings.conf_type, settings.conf_level))
    return Curve(
        curve_frame(drawn, groups),
        "survival",
        "; ".join(sentence) + ".",
        settings.conf_level,
        cohort.scale.unit,
    )


def drawn_survival(records: CurveRecords, settings: SurvivalSettings, *, robust: bool) -> Drawn:
    """Survival of curve records with errors and limits.

    Raises UnsupportedError for robust variance with spread ties.
    """
    timeline = timeline_of(records)
    if settings.kind == "kaplan-meier":
        survival, variance = _product_limit_survival(timeline, records, robust=robust)
    else:
        spread = settings.kind == "fleming-harrington spread"
        survival, variance = _exponential_survival(timeline, records, robust, spread)
    relative = np.where(survival > 0, np.sqrt(variance), np.nan)
    low, high = probability_limits(survival, relative, settings.conf_type, settings.conf_level)
    return Drawn(timeline, survival, survival * relative, low, high)


def _product_limit_survival(
    timeline: Timeline, records: CurveRecords, *, robust: bool
) -> tuple[Floats, Floats]:
    limit = product_limit(timeline)
    if robust:
        variance = log_survival_influence_variance(timeline, records, limit.odds, limit.left)
    else:
        variance = log_survival_variance(timeline, limit)
    return limit.survival, variance


def _exponential_survival(
    timeline: Timeline, records: CurveRecords, robust: bool, spread: bool
) -> tuple[Floats, Floats]:
    hazard, each = hazard_increments(timeline, records, spread=spread, robust=robust)
    variance = (
        log_survival_influence_variance(timeline, records, each, 1.0 / timeline.at_risk)
        if robust
        else timeline.running(each)
    )
    return np.exp(-timeline.running(hazard)), variance


def hazard_increments(
    timeline: Timeline, records: CurveRecords, *, spread: bool, robust: bool
) -> tuple[Floats, Floats]:
    """Increments (K,) of the cumulative hazard and of its variance.

    Raises UnsupportedError for robust variance with spread ties.
    """
    if not spread:
        hazard = timeline.any_event / timeline.at_risk
        return hazard, hazard / timeline.at_risk
    if robust:
        raise UnsupportedError(
            "spread ties have no robust variance here: expected ties='together', or "
            "variance=ModelBased() where it holds."
        )
    leave = (timeline.slots.past - 1)[records.event > 0]
    return tied_hazard(timeline, np.bincount(leave, minlength=timeline.time.size))


def curve_frame(drawn: Drawn, groups: Groups) -> pl.DataFrame:
    """The frame of a curve: columns of CURVE_SCHEMA, then ``censored``."""
    timeline = drawn.timeline
    words = pl.Series(groups.words)
    columns: dict[str, Floats | pl.Series] = {
        "time": timeline.time,
        "group": words.gather(timeline.group),
        "at_risk": timeline.at_risk,
        "events": timeline.any_event,
        "estimate": drawn.estimate,
        "std_error": drawn.std_error,
        "conf_low": drawn.conf_low,
        "conf_high": drawn.conf_high,
        "censored": timeline.censored,
    }
    return framed(columns)


def is_weighted(cohort: Cohort) -> bool:
    """Whether records have sampling weights or are clustered."""
    return WEIGHT in cohort.frame.columns or CLUSTER in cohort.frame.columns


def is_robust(cohort: Cohort, variance: Variance | None, *, recurrent: bool = False) -> bool:
    """Whether a curve's variance is robust: as asked, else where the records call for it.

    Raises UnsupportedError for a two-phase variance.
    """
    if variance is None:
        return is_weighted(cohort) or recurrent
    if not isinstance(variance, (ModelBased, Robust)):
        raise UnsupportedError("TwoPhase() is for a sampled design, but this is a full cohort.")
    return isinstance(variance, Robust)


def shared_clauses(
    cohort: Cohort,
    question: Question,
    by: Grouping,
    start: float | None,
    *,
    competing: bool = False,
) -> list[str]:
    """The parts of a method sentence that all curves share.

    competing : whether the curve is of all outcomes together, so that none censors.
    """
    follow_up = cohort.follow_up
    clauses = [
        f"time scale: {follow_up.scale.name}, in {follow_up.scale.unit}"
        + (" with late entry" if follow_up.entry is not None else "")
    ]
    within = [*([question.exposure] if by is not None else []), *question.strata]
    if within:
        clauses.append("by " + " and ".join(within))
    if start is not None:
        clauses.append(f"conditional on follow-up until {start:g} {follow_up.scale.unit}")
    others = [one for one in follow_up.outcomes if one != (question.outcome or follow_up.outcome)]
    if others and not competing:
        clauses.append("other outcomes censor, so this is no probability while they compete")
    if WEIGHT in cohort.frame.columns:
        clauses.append(f"records weighted by '{cohort.declaration.weight}'")
    if question.missing == "complete case":
        clauses.append("complete cases of the groups")
    return clauses


def robust_clause(cohort: Cohort) -> str:
    """The words for an infinitesimal-jackknife variance and its units."""
    unit = "person" if CLUSTER not in cohort.frame.columns else str(cohort.declaration.cluster)
    return f"robust (infinitesimal jackknife) variance by {unit}"


def interval_clause(conf_type: str, conf_level: float) -> str:
    """The words for pointwise limits."""
    if conf_type == "none":
        return "no limits"
    scale = "untransformed scale" if conf_type == "plain" else f"{conf_type} scale"
    return f"{100 * conf_level:g} % pointwise limits on the {scale}"
