"""Logistic regression of case-control studies: odds ratios, unmatched or within matched sets."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import scipy

from cohort.cohort import Cohort, Step
from cohort.declaration import CLUSTER, EVENT, OFFSET, SET, SUBCOHORT, WEIGHT
from cohort.designs import CaseCohort, CaseControl, NestedCaseControl
from cohort.errors import NotEstimableError, UnsupportedError, row_list

from .asked import check_asked
from .cox.fit import fit_cox
from .cox.partial_likelihood import Ties
from .cox.plan import check_outcome, check_sets
from .cox.variance import aliased_columns, undetermined_columns
from .cox.weighted_records import matched_sets, outcome_code, plain_records
from .cox.words import alias_note, not_estimable, notes
from .estimate import Estimates, table
from .model import Matrix, Prepared, prepared
from .question import Question
from .records import Flags, Floats, RiskRecords
from .rows import wald_rows
from .weightings import ModelBased


@dataclass(frozen=True, slots=True)
class Logistic:
    """Unconditional logistic regression of an unmatched case-control study, or of a case-cohort.

    The odds ratio is the rate ratio when controls were sampled from those at risk, and the risk's
    odds ratio when they were sampled from the non-cases; the constant has no meaning. Prentice and
    Pyke (1979), Biometrika 66:403-411. In a case-cohort sample the cases are compared with the
    members of the subcohort who are no cases, their follow-up ignored, as many papers have done.
    Fitted by statsmodels.
    """

    conf_level: float = 0.95

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """Odds ratios of the exposure, a row for each contrast and adjustment set.

        Raises UnsupportedError for another design, matched sets, weights or strata.
        """
        check_asked(cohort, question)
        design = cohort.design
        if not _unmatched(cohort):
            raise UnsupportedError(
                "Logistic() is for an unmatched case-control study or an unstratified case-cohort "
                "with one record a person: a matched one needs ConditionalLogistic(), and a cohort "
                "Cox()."
            )
        _check_honoured(cohort, "Logistic()", OFFSET)
        if question.strata:
            raise UnsupportedError(
                "Logistic() has no strata: put the stratum among the terms that are adjusted for."
            )
        check_outcome(cohort, question.outcome)
        rows: list[dict[str, Any]] = []
        steps: list[tuple[str, Step]] = []
        for one in prepared(cohort, question):
            records = plain_records(one.frame, outcome_code(cohort, question.outcome), ())
            _check_controls(cohort, one.frame, records.event)
            fit = _fit_logistic(one.columns, records.event)
            found = wald_rows(
                one.columns.comparisons,
                fit.beta,
                fit.covariance,
                fit.refused,
                fit.why,
                self.conf_level,
            )
            shared = _shared(cohort, question, one, records, self.conf_level)
            rows += [shared | row for row in found]
            steps += one.steps
        compared = (
            "cases and of the subcohort without them, follow-up ignored"
            if isinstance(design, CaseCohort)
            else "a case-control study"
        )
        method = (
            f"Unconditional logistic regression of {compared}; odds ratios; model-based "
            f"variance; {100 * self.conf_level:g} % Wald intervals on the log scale."
        )
        return Estimates(table(rows), method, tuple(steps))


def _check_honoured(cohort: Cohort, name: str, *more: str) -> None:
    """Refuse what is declared of the records and would be passed over.

    Raises UnsupportedError.
    """
    words = {WEIGHT: "sampling weights", CLUSTER: "clusters", OFFSET: "an offset"}
    for column in (WEIGHT, CLUSTER, *more):
        if column in cohort.frame.columns:
            raise UnsupportedError(
                f"the data declare {words[column]}, which {name} does not honour: its odds ratios "
                "or their errors would be wrong. Declare the data without."
            )


def _check_controls(cohort: Cohort, frame: pl.DataFrame, case: Flags) -> None:
    """Refuse controls who are in the sample only because they are cases of another outcome.

    Raises UnsupportedError: sampled for their disease, they do not stand for those without it.
    """
    other = (frame[EVENT].to_numpy() > 0) & ~case
    if isinstance(cohort.design, CaseCohort):
        other &= ~frame[SUBCOHORT].to_numpy()
    if other.any():
        raise UnsupportedError(
            f"{other.sum():,} of {len(frame):,} records ({row_list(np.flatnonzero(other))}) are "
            "cases of another outcome, sampled as such: they are no controls. Leave them out, or "
            "take the design of this outcome alone."
        )


def _unmatched(cohort: Cohort) -> bool:
    """Cases and others compared once each, all others with the same chance of being sampled."""
    design = cohort.design
    if isinstance(design, CaseCohort):
        return design.stratum is None and cohort.persons == len(cohort.frame)
    return isinstance(design, CaseControl) and design.matched_set is None


@dataclass(frozen=True, slots=True)
class ConditionalLogistic:
    """Conditional logistic regression within matched sets.

    ties : "exact" counts every choice of cases in a set; "efron" and "breslow" approximate it, and
    all agree when each set has one case. Breslow and Day (1980), IARC 32, chapter 7.
    """

    ties: Ties = "exact"
    conf_level: float = 0.95

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """Odds ratios of the exposure, a row for each contrast and adjustment set.

        Sets without a case or without a control carry no information and are kept uncounted.

        Raises UnsupportedError unless the design has matched sets.
        """
        check_asked(cohort, question)
        design = cohort.design
        if (
            not isinstance(design, (CaseControl, NestedCaseControl))
            or SET not in cohort.frame.columns
        ):
            raise UnsupportedError(
                "ConditionalLogistic() needs matched sets: declare matched_set in a design of "
                "kind CaseControl or NestedCaseControl."
            )
        _check_honoured(cohort, "ConditionalLogistic()")
        if question.strata:
            raise UnsupportedError("ConditionalLogistic() has no strata beside the matched sets.")
        check_sets(cohort, question.outcome)
        rows: list[dict[str, Any]] = []
        fits, names = [], []
        steps: list[tuple[str, Step]] = []
        for one in prepared(cohort, question):
            plain = plain_records(one.frame, outcome_code(cohort, question.outcome), ())
            if isinstance(design, CaseControl):
                _check_controls(cohort, one.frame, plain.event)
            records = matched_sets(plain, one.frame)
            if not records.event.any():
                raise NotEstimableError("no matched set has a case.")
            fit = fit_cox(records, one.columns.vectors, one.columns.names, self.ties)
            found = wald_rows(
                one.columns.comparisons,
                fit.beta,
                fit.covariance,
                not_estimable(fit),
                partial(alias_note, fit, one.columns),
                self.conf_level,
            )
            shared = _shared(cohort, question, one, records, self.conf_level)
            told = {"ties": self.ties, "note": notes(ModelBased(), records, fit)}
            rows += [shared | told | row for row in found]
            fits.append(fit)
            names.append(one.model.name)
            steps += one.steps
        method = (
            "Conditional logistic regression within matched sets; odds ratios; several cases in a "
            f"set by the {self.ties} likelihood; model-based variance; "
            f"{100 * self.conf_level:g} % Wald intervals on the log scale."
        )
        return Estimates(table(rows), method, tuple(steps), tuple(fits), tuple(names))


def _shared(
    cohort: Cohort, question: Question, one: Prepared, records: RiskRecords, conf_level: float
) -> dict[str, Any]:
    return {
        "outcome": question.outcome or cohort.follow_up.outcome,
        "exposure": str(one.model.exposure),
        "adjustment": one.model.adjustment,
        "measure": "odds ratio",
        "conf_level": conf_level,
        "variance": "model",
        "persons": int(np.count_nonzero(np.bincount(records.person))),
        "events": int(records.event.sum()),
        "dropped": one.dropped,
        "converged": True,
    }


@dataclass(frozen=True, slots=True, eq=False)
class _LogisticFit:
    """beta (p,) and covariance (p, p) without the constant; refused (p,) cannot be estimated."""

    names: tuple[str, ...]
    beta: Floats
    covariance: Floats
    aliased: Flags
    separated: Flags

    @property
    def refused(self) -> Flags:
        return self.aliased | self.separated

    def why(self, used: Flags) -> str:
        name = next(n for n, one in zip(self.names, used & self.refused, strict=True) if one)
        if (used & self.aliased).any():
            return f"'{name}' is aliased: constant, or determined by the other terms"
        return f"'{name}' separates cases from controls: the odds ratio is infinite or 0"


def _fit_logistic(columns: Matrix, case: Flags) -> _LogisticFit:
    import statsmodels.api as sm

    if case.all() or not case.any():
        raise NotEstimableError("an odds ratio needs cases and controls; one of them has nobody.")
    rows, separated = np.ones(case.size, dtype=bool), np.zeros(len(columns.names), dtype=bool)
    while True:
        x = columns.values[rows]
        centred = x - x.mean(axis=0)
        crossed = centred.T @ centred
        aliased = aliased_columns(crossed)
        kept = np.flatnonzero(~aliased)
        scale = centred[:, kept].std(axis=0)
        design = np.column_stack((np.ones(len(x)), centred[:, kept] / scale))
        direction, settled = _separating(design, case[rows])
        if not settled.any():
            break
        # Where one is infinite, those whom it settles tell nothing of the others (Clarkson and
        # Jennrich 1991, JRSS B 53:417-426): without them its column has no variation left.
        separated[kept[direction[1:]]] = True
        rows[rows] = ~settled
        if case[rows].all() or not case[rows].any():
            return _nothing_left(columns.names, separated)
    beta, covariance = np.zeros(len(columns.names)), np.zeros((len(columns.names),) * 2)
    model = sm.GLM(case[rows].astype(np.float64), design, family=sm.families.Binomial())
    fitted = model.fit(tol=1e-14, maxiter=100, tol_criterion="params")
    beta[kept] = np.asarray(fitted.params)[1:] / scale
    inner = np.asarray(fitted.cov_params())[1:, 1:] / np.outer(scale, scale)
    covariance[np.ix_(kept, kept)] = inner
    unclear = undetermined_columns(crossed, aliased) & ~separated
    return _LogisticFit(columns.names, beta, covariance, unclear, separated)


def _nothing_left(names: tuple[str, ...], separated: Flags) -> _LogisticFit:
    """A fit in which every case is told from every control."""
    p = len(names)
    return _LogisticFit(names, np.zeros(p), np.zeros((p, p)), ~separated, separated)


def _separating(design: Floats, case: Flags) -> tuple[Flags, Flags]:
    """Columns along which cases and controls can be told apart, (p + 1,), and who are, (n,).

    A linear programme, as Konis (2007, Oxford DPhil thesis): the largest total margin of a
    direction that puts nobody on the wrong side is 0 unless the data are separated.
    """
    signed = np.where(case, 1.0, -1.0)[:, None] * design
    found = scipy.optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(design)), bounds=(-1, 1)
    )
    direction = np.zeros(design.shape[1]) if found.x is None else np.asarray(found.x)
    margin = signed @ direction
    if margin.sum() <= 1e-7:
        return np.zeros(direction.size, dtype=bool), np.zeros(len(design), dtype=bool)
    return np.abs(direction) > 1e-7, margin > 1e-7
