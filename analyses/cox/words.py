"""What a Cox analysis says about itself: the method sentence and the notes on rows."""

import numpy as np

from cohort.cohort import Cohort

from ..model import Matrix
from ..question import Question
from ..records import Flags, RiskRecords
from ..weightings import BorganI, ModelBased, Prentice, Robust, SelfPrentice, Variance
from .fit import CoxFit
from .plan import Plan

NO_VARIANCE = 1e-12
"""Share of the model's variance below which another is the rounding error of none."""
_WEIGHTING_WORDS = {
    "Prentice": "a case-cohort weighted as by Prentice (1986)",
    "SelfPrentice": "a case-cohort weighted as by Self and Prentice (1988), ties by Breslow",
    "LinYing": "a case-cohort weighted as by Lin and Ying (1993)",
    "BorganI": "a stratified case-cohort weighted as by Borgan et al. (2000) I, ties by Breslow",
    "BorganII": "a stratified case-cohort weighted as by Borgan et al. (2000) II",
    "Conditional": "matched sets of a nested case-control sample, each its own stratum",
    "Samuelsen": "a nested case-control sample weighted as by Samuelsen (1997)",
}


def variance_word(variance: Variance) -> str:
    """The word for a variance in the estimates: "model", "robust" or "two-phase"."""
    if isinstance(variance, ModelBased):
        return "model"
    return "robust" if isinstance(variance, Robust) else "two-phase"


def method_sentence(plan: Plan, cohort: Cohort, question: Question) -> str:
    """The sentence for a methods section, every default that was used included."""
    follow_up = cohort.follow_up
    parts = [
        f"Cox regression of '{question.outcome or follow_up.outcome}' on '{question.exposure}'"
    ]
    parts.append(
        f"time scale: {follow_up.scale.name}, in {follow_up.scale.unit}"
        + (" with late entry" if follow_up.entry is not None else "")
    )
    strata = [*question.strata]
    if follow_up.stratum is not None and follow_up.stratum not in strata:
        strata.append(follow_up.stratum)
    if strata:
        parts.append("baseline hazards separate by " + " and ".join(strata))
    if follow_up.competing:
        parts.append("cause-specific, other outcomes censoring")
    if plan.weighting is not None:
        parts.append(_WEIGHTING_WORDS[type(plan.weighting).__name__])
    if not isinstance(plan.weighting, (SelfPrentice, BorganI)):
        parts.append(f"ties by {plan.ties.capitalize()}")
    parts.append(_variance_clause(plan, cohort))
    level = f"{100 * plan.conf_level:g} %"
    parts.append(
        {
            "Wald": f"{level} Wald intervals on the log scale",
            "Profile": f"{level} profile-likelihood intervals, likelihood ratio tests",
            "Firth": f"Firth's penalised likelihood, {level} profile intervals of it",
        }[type(plan.inference).__name__]
    )
    missing = "complete cases of each model" if question.missing == "complete case" else ""
    return "; ".join(part for part in (*parts, missing) if part) + "."


def _variance_clause(plan: Plan, cohort: Cohort) -> str:
    variance = plan.variance
    if isinstance(variance, ModelBased):
        return "model-based variance"
    if isinstance(variance, Robust):
        cluster = cohort.declaration.cluster
        return f"robust variance by {'person' if cluster is None else cluster}"
    if isinstance(plan.weighting, Prentice):
        return (
            "two-phase variance of the Self-Prentice fit at its own maximum with Breslow's ties, "
            "as R's cch reports it for Prentice's method"
        )
    return "two-phase variance"


def notes(variance: Variance, records: RiskRecords, fit: CoxFit) -> str | None:
    """What a reader of a row must know: limits of the likelihood, few units, the fit's remarks."""
    told = list(fit.remarks)
    if fit.monotone.any():
        running = next(n for n, one in zip(fit.names, fit.monotone, strict=True) if one)
        told.append(f"the likelihood is monotone in '{running}': this estimate is its limit")
    if isinstance(variance, Robust):
        units = int(np.count_nonzero(np.bincount(records.cluster)))
        if units < variance.fewest_clusters:
            told.append(
                f"robust variance from only {units} independent units: it tends to be too small"
            )
    return "; ".join(told) or None


def not_estimable(fit: CoxFit) -> Flags:
    """Coefficients with no estimate, (p,): aliased, monotone, or all when nothing converged.

    Nor has one without a variance, as with a single cluster, whose influence sums to 0 but for
    rounding: there is nothing to say how far off it may be.
    """
    least = NO_VARIANCE * np.diag(fit.model_covariance)
    refused = undetermined(fit) | fit.monotone | ~(np.diag(fit.covariance) > least)
    if not fit.maximum.converged and not fit.monotone.any():
        refused = np.ones_like(refused)
    return refused


def undetermined(fit: CoxFit) -> Flags:
    """Coefficients that the records at risk do not determine, (p,)."""
    return fit.maximum.undetermined


def alias_note(fit: CoxFit, columns: Matrix, used: Flags) -> str:
    """Why a row has no estimate."""
    for name, aliased in zip(columns.names, used & fit.aliased, strict=True):
        if aliased:
            return (
                f"'{name}' is aliased: constant in the risk sets, or determined by the other terms"
            )
    if (used & undetermined(fit)).any():
        return nobody_note(fit.names, used & undetermined(fit))
    if (used & fit.monotone).any():
        running = [n for n, one in zip(columns.names, used & fit.monotone, strict=True) if one]
        return (
            f"the likelihood is monotone in '{running[0]}': every event, or none, falls on one "
            "side, and the hazard ratio is infinite or 0"
        )
    names = [name for name, one in zip(columns.names, used, strict=True) if one]
    if fit.maximum.converged:
        return f"no information on the variance of {', '.join(names)}: too few independent units"
    return f"no convergence in {fit.maximum.iterations} iterations for {', '.join(names)}"


def nobody_note(names: tuple[str, ...], undetermined: Flags) -> str:
    """Why a coefficient that the records do not determine has no estimate."""
    first = next(name for name, one in zip(names, undetermined, strict=True) if one)
    return (
        f"'{first}' is compared with nobody: its reference level is at risk at no event, nobody of "
        "whom it tells has the event, or the other terms determine the comparison; a reference "
        "level that has events may let others be estimated"
    )
