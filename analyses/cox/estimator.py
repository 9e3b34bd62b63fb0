"""Cox regression: hazard ratios of an exposure, by design, weighting and variance."""

from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np

from cohort.cohort import Cohort, Step, each_once, time_at_risk
from cohort.errors import QuestionError

from ..asked import check_asked
from ..curves.intervals import check_level
from ..estimate import Estimates, table
from ..inference import Inference, Wald
from ..model import Matrix, Prepared, prepared
from ..parts import one_thread_each
from ..question import Question
from ..rows import wald_rows
from ..weightings import (
    VARIANCES,
    WEIGHTINGS,
    Conditional,
    Variance,
    Weighting,
    check_setting,
)
from .fit import CoxFit
from .likelihood_rows import likelihood_row
from .partial_likelihood import Ties
from .plan import Plan, check_events, check_inference, check_outcome, check_sets, plan_for
from .sampled_fit import fit_for
from .weighted_records import outcome_code, plain_records, strata_columns
from .words import alias_note, method_sentence, not_estimable, notes, undetermined, variance_word


@dataclass(frozen=True, slots=True)
class Cox:
    """Cox proportional hazards regression.

    ties : "efron", "breslow", or "exact" for small strata. weighting : how a sampled design is
    weighted; none for a full cohort. variance : ModelBased(), Robust() or TwoPhase(); without it,
    robust where there are clusters, sampling weights or recurrent events, else the design's own:
    model for a full cohort, two-phase for a case-cohort. conf_level : of the intervals, on the log
    scale. inference : Wald(), or Profile() or Firth() for sparse exposures.

    Cox (1972), JRSS B 34:187-220; Efron (1977), JASA 72:557-565; Breslow (1974), Biometrics
    30:89-99.
    """

    ties: Ties = "efron"
    weighting: Weighting | None = None
    variance: Variance | None = None
    conf_level: float = 0.95
    inference: Inference = Wald()

    def __post_init__(self) -> None:
        if self.ties not in ("efron", "breslow", "exact"):
            raise QuestionError(
                f"ties = '{self.ties}' is not known: expected 'efron', 'breslow' or 'exact'."
            )
        check_level(self.conf_level)
        if self.weighting is not None:
            check_setting("weighting", self.weighting, WEIGHTINGS)
        if self.variance is not None:
            check_setting("variance", self.variance, VARIANCES)
        check_setting("inference", self.inference, get_args(Inference))

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """Hazard ratios of the exposure, a row for each contrast and adjustment set.

        Raises UnsupportedError when a property of the cohort cannot be honoured,
        NotEstimableError without any event, SchemaError or QuestionError for what was asked.
        """
        check_asked(cohort, question)
        weighting, variance = plan_for(cohort, self.ties, self.weighting, self.variance)
        plan = Plan(self.ties, weighting, variance, self.inference, self.conf_level)
        check_inference(plan)
        check_outcome(cohort, question.outcome)
        if isinstance(weighting, Conditional):
            check_sets(cohort, question.outcome)
        rows: list[dict[str, Any]] = []
        fits, names = [], []
        steps: list[tuple[str, Step]] = []
        for one in prepared(cohort, question):
            with one_thread_each():
                fit, found = _fit_model(plan, cohort, question, one)
            rows += found
            fits.append(fit)
            names.append(one.model.name)
            steps += one.steps
        sentence = method_sentence(plan, cohort, question)
        return Estimates(table(rows), sentence, tuple(steps), tuple(fits), tuple(names))


def _fit_model(
    plan: Plan, cohort: Cohort, question: Question, one: Prepared
) -> tuple[CoxFit, list[dict[str, Any]]]:
    check_events(cohort, question, one)
    model, frame, columns = one.model, one.frame, one.columns
    outcome = question.outcome or cohort.follow_up.outcome
    records = plain_records(
        frame, outcome_code(cohort, question.outcome), strata_columns(cohort, model.strata)
    )
    fit = fit_for(plan, cohort, frame, records, columns)
    shared = {
        "outcome": outcome,
        "exposure": str(model.exposure),
        "adjustment": model.adjustment,
        "measure": "hazard ratio",
        "conf_level": plan.conf_level,
        "variance": variance_word(plan.variance),
        "ties": fit.ties,
        "persons": int(np.count_nonzero(np.bincount(fit.given.person))),
        "events": int(fit.given.event.sum()),
        "person_time": float(time_at_risk(each_once(frame)).sum()),
        "dropped": one.dropped,
        "converged": fit.maximum.converged,
        "note": notes(plan.variance, records, fit),
    }
    return fit, [shared | row for row in _rows(plan, fit, one.columns)]


def _rows(plan: Plan, fit: CoxFit, columns: Matrix) -> list[dict[str, Any]]:
    rows = wald_rows(
        columns.comparisons,
        fit.beta,
        fit.covariance,
        not_estimable(fit),
        partial(alias_note, fit, columns),
        plan.conf_level,
    )
    if isinstance(plan.inference, Wald):
        return rows
    settled = fit.maximum.converged or bool(fit.monotone.any())
    return [
        row
        if (undetermined(fit) & (one.weights != 0)).any() or not settled
        else likelihood_row(plan.inference, fit, one, plan.conf_level)
        for row, one in zip(rows, columns.comparisons, strict=True)
    ]
