"""Cox regression: hazard ratios of an exposure, by design, weighting and variance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from cohort.cohort import Cohort, Step, step, time_at_risk
from cohort.errors import NotEstimableError, QuestionError

from .cox_words import alias_note, method_sentence, robust_note, variance_word
from .estimate import Estimates, table
from .fit import CoxFit
from .model import Matrix, Model, matrix, models_of, usable
from .partial_likelihood import Ties
from .plan import Plan, plan_for
from .question import Question
from .sampled_fit import fit_for
from .weighted_records import outcome_code, plain_records, strata_columns
from .weightings import Variance, Weighting


@dataclass(frozen=True, slots=True)
class Cox:
    """Cox proportional hazards regression.

    ties : "efron" or "breslow". weighting : how a sampled design is weighted; none for a full
    cohort. variance : ModelBased(), Robust() or TwoPhase(); without it, the design's own: model for
    a full cohort, robust where there are sampling weights, clusters or recurrent events, two-phase
    for a case-cohort. conf_level : of the Wald intervals, on the log scale.

    Cox (1972), JRSS B 34:187-220; Efron (1977), JASA 72:557-565; Breslow (1974), Biometrics
    30:89-99.
    """

    ties: Ties = "efron"
    weighting: Weighting | None = None
    variance: Variance | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        if self.ties not in ("efron", "breslow"):
            raise QuestionError(
                f"ties = '{self.ties}' is not known: expected 'efron' or 'breslow'."
            )
        if not 0 < self.conf_level < 1:
            raise QuestionError(f"conf_level = {self.conf_level}: expected between 0 and 1.")

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """Hazard ratios of the exposure, a row for each contrast and adjustment set.

        Raises UnsupportedError when a property of the cohort cannot be honoured,
        NotEstimableError without any event, SchemaError or QuestionError for what was asked.
        """
        weighting, variance = plan_for(cohort, self.ties, self.weighting, self.variance)
        plan = Plan(self.ties, weighting, variance, self.conf_level)
        rows: list[dict[str, Any]] = []
        fits, names, steps = [], [], []
        for model in models_of(cohort, question):
            fitted = _fit_model(plan, cohort, question, model)
            rows += fitted.rows
            fits.append(fitted.fit)
            names.append(model.name)
            steps += [(model.name, one) for one in fitted.steps]
        sentence = method_sentence(plan, cohort, question)
        return Estimates(table(rows), sentence, tuple(steps), tuple(fits), tuple(names))


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    fit: CoxFit
    rows: list[dict[str, Any]]
    steps: tuple[Step, ...]


def _fit_model(plan: Plan, cohort: Cohort, question: Question, model: Model) -> _Fitted:
    kept = usable(cohort, model, question)
    frame = cohort.frame if kept.all() else cohort.frame.filter(pl.Series(kept))
    outcome = question.outcome or cohort.follow_up.outcome
    records = plain_records(
        frame, outcome_code(cohort, question.outcome), strata_columns(cohort, model.strata)
    )
    if not records.event.any():
        raise NotEstimableError(
            f"none of the {len(frame):,} records in the model '{model.name}' ends with "
            f"'{outcome}': a hazard ratio needs events."
        )
    columns = matrix(cohort, frame, model)
    fit = fit_for(plan, cohort, frame, records, columns)
    steps: tuple[Step, ...] = ()
    if not kept.all():
        steps = (step(f"incomplete for the model '{model.name}'", frame),)
    shared = {
        "outcome": outcome,
        "exposure": str(model.exposure),
        "adjustment": model.adjustment,
        "measure": "hazard ratio",
        "conf_level": plan.conf_level,
        "variance": variance_word(plan.variance),
        "ties": fit.ties,
        "persons": int(np.count_nonzero(np.bincount(records.person))),
        "events": int(records.event.sum()),
        "person_time": float(time_at_risk(frame).sum()),
        "dropped": int((~kept).sum()),
        "converged": fit.maximum.converged,
        "note": robust_note(plan.variance, records),
    }
    return _Fitted(fit, [shared | row for row in _rows(plan, fit, columns)], steps)


def _rows(plan: Plan, fit: CoxFit, columns: Matrix) -> list[dict[str, Any]]:
    z = float(special.ndtri(0.5 + plan.conf_level / 2))
    rows = []
    for one in columns.comparisons:
        row: dict[str, Any] = {
            "variable": one.variable,
            "contrast": one.contrast,
            "modifier_level": one.modifier_level,
        }
        used = one.weights != 0
        finished = fit.maximum.converged or bool(fit.monotone.any())
        if (used & (fit.aliased | fit.monotone)).any() or not finished:
            rows.append(row | {"note": alias_note(fit, columns, used)})
            continue
        log_estimate = float(one.weights @ fit.beta)
        std_error = float(np.sqrt(one.weights @ fit.covariance @ one.weights))
        row |= {
            "log_estimate": log_estimate,
            "std_error": std_error,
            "estimate": float(np.exp(log_estimate)),
            "conf_low": float(np.exp(log_estimate - z * std_error)),
            "conf_high": float(np.exp(log_estimate + z * std_error)),
            "p_value": float(2 * special.ndtr(-abs(log_estimate / std_error))),
        }
        rows.append(row)
    return rows
