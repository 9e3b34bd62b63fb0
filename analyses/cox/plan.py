"""What an estimator will do with a cohort: settings resolved, and unfit combinations refused."""

from dataclasses import dataclass

import numpy as np

from cohort.cohort import Cohort
from cohort.declaration import CLUSTER, EVENT, PERSON, WEIGHT
from cohort.designs import CaseCohort, CaseControl, FullCohort, NestedCaseControl
from cohort.errors import NotEstimableError, UnsupportedError, one_of

from ..inference import Inference, Wald
from ..model import Prepared
from ..question import Question
from ..weightings import (
    BorganI,
    BorganII,
    Conditional,
    LinYing,
    ModelBased,
    Prentice,
    Robust,
    Samuelsen,
    SelfPrentice,
    TwoPhase,
    Variance,
    Weighting,
    choices,
)
from .partial_likelihood import Ties
from .weighted_records import outcome_code


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a Cox analysis, defaults resolved."""

    ties: Ties
    weighting: Weighting | None
    variance: Variance
    inference: Inference
    conf_level: float


def plan_for(
    cohort: Cohort, ties: Ties, weighting: Weighting | None, variance: Variance | None
) -> tuple[Weighting | None, Variance]:
    """The weighting and variance that will be used for a cohort.

    Raises UnsupportedError naming the property that cannot be honoured, and the choices.
    """
    design = cohort.design
    if ties == "exact":
        _check_exact(cohort, weighting, variance)
    if isinstance(design, FullCohort):
        return _full_cohort(cohort, weighting, variance)
    if isinstance(design, CaseControl):
        raise UnsupportedError(
            "a case-control study has no follow-up for Cox regression: its odds ratios come from "
            "logistic regression."
        )
    fitting = _choices(design)
    kind = _design_words(design)
    if weighting is None:
        raise UnsupportedError(
            f"the cohort is a {kind}, so the estimator must name its weighting: {choices(fitting)}"
            ". Unweighted, cases would be over-represented in the risk sets."
        )
    if not isinstance(weighting, fitting):
        raise UnsupportedError(
            f"{type(weighting).__name__}() does not fit a {kind}: expected {choices(fitting)}."
        )
    if WEIGHT in cohort.frame.columns:
        raise UnsupportedError(
            f"a {kind} with sampling weights of its own is not supported: its weights are computed "
            "from the design."
        )
    if variance is None and CLUSTER in cohort.frame.columns:
        return weighting, Robust()
    return weighting, _sampled_variance(weighting, variance)


def _full_cohort(
    cohort: Cohort, weighting: Weighting | None, variance: Variance | None
) -> tuple[None, Variance]:
    if weighting is not None:
        raise UnsupportedError(
            f"weighting = {type(weighting).__name__}() is for a sampled design, but this is a full "
            "cohort: leave it out."
        )
    if isinstance(variance, TwoPhase):
        raise UnsupportedError("TwoPhase() is for a sampled design, but this is a full cohort.")
    if variance is not None:
        return None, variance
    return None, Robust() if _wants_robust(cohort) else ModelBased()


def check_outcome(cohort: Cohort, outcome: str | None) -> None:
    """Refuse an outcome whose cases a case-cohort did not measure.

    Raises UnsupportedError: cases outside the subcohort would be missing from the events.
    """
    design = cohort.design
    if not isinstance(design, CaseCohort) or outcome is None:
        return
    measured = design.cases or (cohort.follow_up.outcome,)
    if outcome not in measured:
        raise UnsupportedError(
            f"the cases of '{outcome}' were not all measured: the case-cohort took those of "
            f"{one_of(measured)}. If they were, name them in cases of the design."
        )


def check_events(cohort: Cohort, question: Question, one: Prepared) -> None:
    """Refuse a model whose records hold no event of the outcome.

    Raises NotEstimableError.
    """
    if (one.frame[EVENT] == outcome_code(cohort, question.outcome)).any():
        return
    raise NotEstimableError(
        f"none of the {len(one.frame):,} records in the model '{one.model.name}' ends with "
        f"'{question.outcome or cohort.follow_up.outcome}': a hazard ratio needs events."
    )


def check_sets(cohort: Cohort, outcome: str | None) -> None:
    """Refuse an outcome that the matched sets of a nested case-control sample were not drawn for.

    Raises UnsupportedError.
    """
    own = cohort.follow_up.outcome
    if isinstance(cohort.design, NestedCaseControl) and outcome not in (None, own):
        raise UnsupportedError(
            f"the sets were drawn for cases of '{own}', not of '{outcome}': within them nobody is "
            "a case of another outcome. Draw sets for that outcome, or weight the sample by "
            "Samuelsen()."
        )


def check_inference(plan: Plan) -> None:
    """Refuse likelihood limits where the likelihood is not that of independent persons.

    Raises UnsupportedError.
    """
    if isinstance(plan.inference, Wald):
        return
    name = type(plan.inference).__name__
    if not isinstance(plan.weighting, Conditional | None) or not isinstance(
        plan.variance, ModelBased
    ):
        raise UnsupportedError(
            f"{name}() needs an unweighted likelihood of independent persons: it has no "
            f"counterpart for robust or two-phase variances; use {choices((Wald,))}."
        )
    if plan.ties == "exact":
        raise UnsupportedError(f"{name}() is not built for exact ties: use 'efron' or 'breslow'.")


def _check_exact(cohort: Cohort, weighting: Weighting | None, variance: Variance | None) -> None:
    weighted = WEIGHT in cohort.frame.columns or not isinstance(weighting, Conditional | None)
    if weighted or isinstance(variance, Robust) or (variance is None and _wants_robust(cohort)):
        raise UnsupportedError(
            "exact ties are built for unweighted risk sets with a model-based variance: choose "
            f"ties = 'efron', or name the variance {choices((ModelBased,))}."
        )


def _wants_robust(cohort: Cohort) -> bool:
    if WEIGHT in cohort.frame.columns or CLUSTER in cohort.frame.columns:
        return True
    person, happened = cohort.frame[PERSON].to_numpy(), cohort.frame[EVENT].to_numpy() > 0
    return bool(np.bincount(person[happened]).max(initial=0) > 1)


def _choices(design: CaseCohort | NestedCaseControl) -> tuple[type, ...]:
    if isinstance(design, NestedCaseControl):
        return (Conditional, Samuelsen)
    if design.stratum is None:
        return (Prentice, SelfPrentice, LinYing)
    return (BorganI, BorganII)


def _design_words(design: CaseCohort | NestedCaseControl) -> str:
    if isinstance(design, NestedCaseControl):
        return "nested case-control sample"
    return "case-cohort" if design.stratum is None else "stratified case-cohort"


def _sampled_variance(weighting: Weighting, variance: Variance | None) -> Variance:
    conditional = isinstance(weighting, Conditional)
    if variance is None:
        if conditional:
            return ModelBased()
        return Robust() if isinstance(weighting, Samuelsen) else TwoPhase()
    if isinstance(variance, ModelBased) and not conditional:
        raise UnsupportedError(
            "a model-based variance ignores that the persons were drawn, and is too small: "
            f"expected {choices((TwoPhase, Robust))}."
        )
    if isinstance(variance, TwoPhase) and (conditional or isinstance(weighting, Samuelsen)):
        raise UnsupportedError(
            f"TwoPhase() is not built for {type(weighting).__name__}(): expected "
            f"{choices((ModelBased, Robust) if conditional else (Robust,))}."
        )
    weighted = isinstance(weighting, (LinYing, BorganII))
    if variance == TwoPhase("robust") and not weighted:
        raise UnsupportedError(
            f"TwoPhase('robust') is not built for {type(weighting).__name__}(): expected "
            f"{choices((TwoPhase, Robust))}."
        )
    return variance
