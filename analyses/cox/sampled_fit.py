"""The fit of a design: weighted records, the maximum, and the variance that belongs to both."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from cohort.cohort import Cohort
from cohort.declaration import SUBCOHORT
from cohort.designs import CaseCohort

from ..inference import Firth
from ..model import Matrix
from ..records import Codes, Flags, Floats, RiskRecords, each_once
from ..weightings import BorganII, Conditional, LinYing, Prentice, Robust, Samuelsen, TwoPhase
from .firth import maximise_penalised
from .fit import CoxFit, dfbeta, fit_beside, fit_cox, influence_on_beta, maximum_likelihood
from .influence import risk_residuals, summed_score_residuals, sums_by
from .plan import Plan
from .slots import without_late_weightless
from .variance import drawn_controls_variance, drawn_subcohort_variance, robust_variance
from .weighted_records import (
    Sampling,
    events_alone,
    inclusion_weighted,
    inverse_probability,
    is_case,
    matched_sets,
    prentice,
    sampling_of,
    subcohort_alone,
    without_empty_risk_sets,
)


# A likelihood without a maximum ends far out, where residuals overflow: its variance is then not
# finite, and the fit is refused with a note.
@np.errstate(over="ignore", invalid="ignore")
def fit_for(
    plan: Plan, cohort: Cohort, frame: pl.DataFrame, records: RiskRecords, columns: Matrix
) -> CoxFit:
    """The fit of a model to the records of any design, with the planned variance."""
    if isinstance(cohort.design, CaseCohort):
        fit = _fit_case_cohort(plan, cohort.design, frame, records, columns)
        return replace(fit, sample="case-cohort")
    given = columns.vectors
    if isinstance(plan.weighting, Conditional):
        records = matched_sets(records, frame)
    elif isinstance(plan.weighting, Samuelsen):
        records, once = inclusion_weighted(records, frame)
        given = columns.where(once)
    maximiser = maximise_penalised if isinstance(plan.inference, Firth) else maximum_likelihood
    fit = fit_cox(records, given, columns.names, plan.ties, maximiser)
    if plan.weighting is not None:
        fit = replace(fit, sample="nested case-control sample")
    return with_robust(fit) if isinstance(plan.variance, Robust) else fit


def with_robust(fit: CoxFit) -> CoxFit:
    """The same fit with the robust variance, summed over clusters (persons unless declared)."""
    summed = summed_score_residuals(
        fit.problem, fit.moments(nearly=True), fit.problem.records.cluster
    )
    to_beta = influence_on_beta(fit, np.eye(fit.beta.size))
    return replace(fit, covariance=to_beta.T @ robust_variance(summed) @ to_beta)


def _fit_case_cohort(
    plan: Plan, design: CaseCohort, frame: pl.DataFrame, records: RiskRecords, columns: Matrix
) -> CoxFit:
    robust = isinstance(plan.variance, Robust)
    if isinstance(plan.weighting, Prentice):
        chosen, kept = prentice(records, frame[SUBCOHORT].to_numpy())
        fit = fit_cox(chosen, columns.where(kept), columns.names, plan.ties)
        if robust:
            return with_robust(fit)
        alone = _fit_subcohort_alone(sampling_of(frame, design), records, columns, fit)
        return _estimable_by_both(replace(fit, covariance=alone.two_phase()), alone.fit)
    sampling = sampling_of(frame, design)
    if isinstance(plan.weighting, (LinYing, BorganII)):
        return _fit_inverse_probability(plan, sampling, records, columns)
    alone = _fit_subcohort_alone(sampling, records, columns)
    if robust:
        return with_robust(alone.fit)
    return replace(alone.fit, covariance=alone.two_phase())


def _estimable_by_both(fit: CoxFit, other: CoxFit) -> CoxFit:
    """A fit that is refused as well where the one that gives its variance has no maximum."""
    maximum = replace(
        fit.maximum,
        aliased=fit.aliased | other.aliased,
        monotone=fit.monotone | other.monotone,
        converged=fit.maximum.converged and other.maximum.converged,
    )
    return replace(fit, maximum=maximum)


@dataclass(frozen=True, slots=True, eq=False)
class _SubcohortAlone:
    """A fit with the subcohort alone in the risk sets, and what its variance needs."""

    fit: CoxFit
    records: RiskRecords
    sampling: Sampling

    def two_phase(self) -> Floats:
        """The model's variance plus that of drawing the subcohort."""
        fit = self.fit
        # The others have no weight in any risk set.
        drawn = np.flatnonzero(self.sampling.subcohort)
        kept = fit.kept[drawn]
        at_risk = drawn if fit.kept.all() else (np.cumsum(fit.kept) - 1)[drawn[kept]]
        residuals = risk_residuals(fit.problem, fit.moments(nearly=True), at_risk)
        one_each = _PersonRows(self.records.person[drawn])
        first = drawn[one_each.first]
        summed = one_each.summed(_of_everyone(kept, residuals))
        share, stratum = self.sampling.share[first], self.sampling.stratum[first]
        if np.diff(stratum).any():
            drawing = drawn_controls_variance(summed, stratum, share, degrees_lost=1)
        else:
            drawing = drawn_subcohort_variance(summed, share)
        to_beta = influence_on_beta(fit, np.eye(fit.beta.size))
        return np.asarray(fit.model_covariance + to_beta.T @ drawing @ to_beta)


def _of_everyone(kept: Flags, influence: Floats) -> Floats:
    """The influence of every record of a sample, (n, p): 0 of those at risk at no event.

    They were drawn all the same, and count in the means and sizes of their sampling strata.
    """
    if kept.all():
        return influence
    whole = np.zeros((kept.size, influence.shape[1]))
    whole[kept] = influence
    return whole


class _PersonRows:
    """Codes 0.. of the persons among some records, and the first record of each."""

    __slots__ = ("code", "first")

    def __init__(self, person: Codes) -> None:
        if each_once(person):
            self.first = self.code = np.arange(person.size)
            return
        _, self.first, self.code = np.unique(person, return_index=True, return_inverse=True)

    def summed(self, values: Floats) -> Floats:
        """Rows (n, p) summed within persons."""
        return values if self.first is self.code else sums_by(self.code, values)


def _fit_subcohort_alone(
    sampling: Sampling, records: RiskRecords, columns: Matrix, near: CoxFit | None = None
) -> _SubcohortAlone:
    """The fit of the subcohort alone.

    near : Prentice's fit to the same sample, whose terms and slots then serve.
    """
    chosen, kept = subcohort_alone(records, sampling)
    fit = None if near is None else _fit_beside(near, chosen)
    if fit is None:
        chosen, empty = without_empty_risk_sets(chosen)
        fit = fit_cox(chosen, columns.where(kept), columns.names, "breslow")
        if empty:
            told = f"{empty} cases fail with nobody of the subcohort at risk and are left out"
            fit = replace(fit, remarks=(told,))
    return _SubcohortAlone(fit, chosen, sampling.where(kept))


def _fit_beside(near: CoxFit, chosen: RiskRecords) -> CoxFit | None:
    """The fit of the subcohort alone beside Prentice's; None where an event has nobody at risk.

    Both keep the same records, of whom the same are at risk: a case outside the subcohort is at
    risk at her own event, and how early she enters does not matter where she has no weight.
    """
    records = chosen.where(near.kept)
    slots = without_late_weightless(near.problem.slots, records)
    if events_alone(records, slots).size:
        return None
    return fit_beside(near, records, slots, "breslow")


def _fit_inverse_probability(
    plan: Plan, sampling: Sampling, records: RiskRecords, columns: Matrix
) -> CoxFit:
    chosen, kept, share = inverse_probability(records, sampling)
    fit = fit_cox(chosen, columns.where(kept), columns.names, plan.ties)
    if isinstance(plan.variance, Robust):
        return with_robust(fit)
    rows = _PersonRows(chosen.person)
    control = ~is_case(chosen)[rows.first]
    influence = rows.summed(_of_everyone(fit.kept, dfbeta(fit)))
    stratum = sampling.stratum[kept][rows.first][control]
    drawn = share[rows.first][control]
    lost = 0 if isinstance(plan.weighting, LinYing) else 1
    drawing = drawn_controls_variance(influence[control], stratum, drawn, degrees_lost=lost)
    first = fit.model_covariance
    if plan.variance == TwoPhase("robust"):
        weight = chosen.risk_weight[rows.first]
        first = influence.T @ (influence / weight[:, None])
    return replace(fit, covariance=first + drawing)
