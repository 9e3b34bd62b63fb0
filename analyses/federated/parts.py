"""What a site fits for one model: its risk records by design, and the sums they give."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from cohort.case_cohort import share_drawn
from cohort.cohort import Cohort
from cohort.declaration import SAMPLING_STRATUM, SUBCOHORT
from cohort.designs import CaseCohort
from cohort.errors import NotEstimableError, SchemaError
from cohort.variables import Code

from ..cox.fit import check_size
from ..cox.influence import score_residuals, sums_by
from ..cox.partial_likelihood import Problem, Ties, derivatives, moments
from ..cox.slots import slots_of
from ..cox.standardised import standardised
from ..cox.weighted_records import (
    Sampling,
    inclusion_weighted,
    is_case,
    matched_sets,
    need_controls,
    outcome_code,
    plain_records,
    prentice,
    strata_columns,
    subcohort_alone,
    without_empty_risk_sets,
)
from ..model import matrix, usable
from ..records import Codes, Flags, Floats, RiskRecords
from ..sums_by_code import counts_of
from ..weightings import (
    BorganII,
    Conditional,
    LinYing,
    Prentice,
    Robust,
    Samuelsen,
    TwoPhase,
)
from .messages import DrawnSums, Matrix, StratumCounts, Sums, Vector
from .tasks import Task

Sample = dict[str, StratumCounts]
NOISE = 1e-13
"""Information of an event on a column of variance 1, below which it is rounding error."""
WHOLE = "all"
"""The name of the one sampling stratum of a subcohort that was drawn from everybody."""


@dataclass(frozen=True, slots=True, eq=False)
class TaskRecords:
    """The records of a site that are complete for a model.

    values : (n, p). dropped : records left out as incomplete.
    """

    frame: pl.DataFrame
    records: RiskRecords
    values: Floats
    dropped: int


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One fit of a site.

    scale : (p,) powers of two by which the columns are divided, so that sums are not rounded;
    varies : (p,). given : the records of the fit; problem holds those at risk for any event.
    drawn : (n,) records at risk whose persons were drawn, stratum : (n,) place among ``strata``.
    left_out : cases that fail while nobody drawn is at risk.
    """

    fit: str
    given: RiskRecords
    kept: Flags
    problem: Problem
    scale: Floats
    varies: Flags
    sampling: Sampling | None = None
    strata: tuple[str, ...] = ()
    left_out: int = 0


def task_records(cohort: Cohort, task: Task) -> TaskRecords:
    """The records of a site for one model.

    Raises SchemaError when a value is missing that the question refuses, or the site's columns are
    not those of the document.
    """
    question = task.asked.question
    kept = usable(cohort, task.model, question)
    frame = cohort.frame.filter(pl.Series(kept))
    columns = matrix(cohort, frame, task.model)
    if columns.names != task.columns:
        raise SchemaError(
            f"the model '{task.name}' has other columns on these data than in the document: write "
            "the levels of every categorical variable as they stand in the data."
        )
    code = outcome_code(cohort, question.outcome)
    records = plain_records(frame, code, strata_columns(cohort, task.model.strata))
    return TaskRecords(frame, records, columns.values, int((~kept).sum()))


def stratum_counts(cohort: Cohort, task: Task, held: TaskRecords) -> tuple[StratumCounts, ...]:
    """How a site drew each of its sampling strata, and who of them is in a model.

    Raises DesignError when neither the document nor the data say how large the cohort was.
    """
    design = cohort.design
    if not isinstance(design, CaseCohort):
        return ()
    share_drawn(design)
    subcohort, case = held.frame[SUBCOHORT].to_numpy(), is_case(held.records)
    names, codes = _strata_of(held.frame)
    once = _first_records(held.records)

    def persons(which: Flags) -> list[int]:
        return [int(n) for n in counts_of(codes, (once & which).astype(np.float64), len(names))]

    inside = zip(names, persons(subcohort), persons(case), persons(subcohort & ~case), strict=True)
    present = {name: tuple(counts) for name, *counts in inside}
    sizes, drawn = _by_name(design.cohort_size), _by_name(design.drawn)
    return tuple(
        StratumCounts(task.name, name, size, drawn.get(name, 0), *present.get(name, (0, 0, 0)))
        for name, size in sizes.items()
        if name in present or drawn.get(name, 0)
    )


def _by_name(counts: int | Mapping[Code, int] | None) -> dict[str, int]:
    if isinstance(counts, Mapping):
        return {str(code): persons for code, persons in counts.items()}
    return {} if counts is None else {WHOLE: counts}


def _strata_of(frame: pl.DataFrame) -> tuple[list[str], Codes]:
    if SAMPLING_STRATUM not in frame.columns:
        return [WHOLE], np.zeros(len(frame), dtype=np.int64)
    words = [str(one) for one in frame[SAMPLING_STRATUM].to_list()]
    names = sorted(set(words))
    place = {name: code for code, name in enumerate(names)}
    return names, np.array([place[word] for word in words], dtype=np.int64)


def _first_records(records: RiskRecords) -> Flags:
    first = np.zeros(records.size, dtype=bool)
    first[np.unique(records.person, return_index=True)[1]] = True
    return first


def parts_of(task: Task, held: TaskRecords, sample: Sample) -> tuple[Part, ...]:
    """The fits of one model of a site; sample : how all sites together drew each stratum."""
    records, values, plan = held.records, held.values, task.plan
    if isinstance(plan.weighting, Conditional):
        records = matched_sets(records, held.frame)
    elif isinstance(plan.weighting, Samuelsen):
        records, once = inclusion_weighted(records, held.frame)
        values = values[once]
    elif plan.weighting is not None:
        return _case_cohort(task, held, sample)
    return (_part(task, task.fits[0], records, values, plan.ties),)


def _case_cohort(task: Task, held: TaskRecords, sample: Sample) -> tuple[Part, ...]:
    sampling, strata = _sampling(held.frame, sample)
    plan = task.plan
    if isinstance(plan.weighting, (LinYing, BorganII)):
        chosen, kept = _inverse_probability(held.records, sampling, [sample[s] for s in strata])
        part = _part(task, task.fits[0], chosen, held.values[kept], plan.ties)
        return (replace(part, sampling=sampling.where(kept), strata=strata),)
    parts: tuple[Part, ...] = ()
    if isinstance(plan.weighting, Prentice):
        chosen, kept = prentice(held.records, sampling.subcohort)
        parts = (_part(task, task.fits[0], chosen, held.values[kept], plan.ties),)
        if len(task.fits) == 1:
            return parts
    chosen, kept = subcohort_alone(held.records, sampling)
    chosen, left_out = without_empty_risk_sets(chosen)
    alone = _part(task, task.fits[-1], chosen, held.values[kept], "breslow")
    alone = replace(
        alone, sampling=sampling.where(kept), strata=strata, left_out=0 if parts else left_out
    )
    return (*parts, alone)


def _sampling(frame: pl.DataFrame, sample: Sample) -> tuple[Sampling, tuple[str, ...]]:
    names, codes = _strata_of(frame)
    # A site may open without a drawn person of its own in a stratum: all sites' share comes later.
    share = np.array([sample[name].drawn / sample[name].size or 1.0 for name in names])
    return Sampling(frame[SUBCOHORT].to_numpy(), codes, share[codes]), tuple(names)


def _inverse_probability(
    records: RiskRecords, sampling: Sampling, counts: list[StratumCounts]
) -> tuple[RiskRecords, Flags]:
    """Cases with weight 1, other drawn persons by the share of all sites' non-cases drawn."""
    fraction = np.array([control_share(one) for one in counts])
    case = is_case(records)
    weight = np.where(case, 1.0, 1.0 / fraction[sampling.stratum])
    kept = case | sampling.subcohort
    weighted = replace(records, event_weight=weight, risk_weight=weight)
    return weighted.where(kept), kept


def control_share(one: StratumCounts) -> float:
    """The share of a stratum's non-cases that was drawn."""
    if not one.controls:
        return 1.0
    non_cases = one.present / (one.drawn / one.size) - one.cases
    need_controls(np.array([non_cases]), np.array([float(one.controls)]))
    return min(one.controls / non_cases, 1.0)


def _part(task: Task, fit: str, records: RiskRecords, values: Floats, ties: Ties) -> Part:
    names = task.columns
    slots = slots_of(records)
    if not slots.count:
        raise NotEstimableError(f"no event happens while anybody is at risk ('{fit}').")
    kept = slots.active
    # The site's own centre: a constant of a stratum cancels out of its likelihood.
    found = standardised(tuple(values.T), kept, records.stratum)
    check_size(names, found.scale)
    varies: Flags = np.asarray(found.terms.any(axis=0))
    scale = np.where(varies, 2.0 ** np.rint(np.log2(found.scale)), 1.0)
    terms = found.terms * (found.scale / scale)
    problem = Problem(records.where(kept), slots.of_active(), terms, ties)
    terms[:, _noise(problem)] = 0.0
    problem = Problem(problem.records, problem.slots, terms, ties)
    return Part(fit, records, kept, problem, scale, varies)


def _noise(problem: Problem) -> Flags:
    """Columns that vary in no risk set, (p,): their information is rounding error, even below 0."""
    _, _, information = derivatives(problem, moments(problem, np.zeros(problem.terms.shape[1])))
    return np.asarray(np.diag(information) <= NOISE * float(problem.weight.sum()))


def semi_definite(information: Floats) -> Floats:
    """The information (p, p) with directions that rounding left below 0 taken as without any."""
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    kept = np.flatnonzero(size)
    units = np.outer(size, size)[np.ix_(kept, kept)]
    values, axes = np.linalg.eigh(information[np.ix_(kept, kept)] / units)
    if kept.size == size.size and not (values < 0).any():
        return information
    found = np.zeros_like(information)
    found[np.ix_(kept, kept)] = (axes * np.maximum(values, 0.0)) @ axes.T * units
    return found


def sums_of(part: Part, beta: Floats, task: Task, *, pieces: bool) -> Sums:
    """What a fit adds up to at beta (p,), in the units of the data; the caller checks it."""
    at = moments(part.problem, beta * part.scale)
    value, score, information = derivatives(part.problem, at)
    sums = Sums(
        part.fit,
        value,
        vector(score * part.scale),
        square(semi_definite(information) * np.outer(part.scale, part.scale)),
    )
    last = part.fit == task.fits[-1]
    if not (pieces and last):
        return sums
    residuals = score_residuals(part.problem, at)
    if isinstance(task.plan.variance, Robust):
        by_unit = sums_by(part.given.cluster[part.kept], residuals.total * part.scale)
        return replace(sums, meat=square(by_unit.T @ by_unit))
    if part.sampling is None:
        return sums
    person = np.unique(part.given.person, return_inverse=True)[1]
    first = np.unique(person, return_index=True)[1]
    sampling = part.sampling
    weighted = isinstance(task.plan.weighting, (LinYing, BorganII))
    # Those at risk at no event have no influence, but were drawn: they count in their stratum.
    rows = np.zeros((part.given.size, part.scale.size))
    rows[part.kept] = (residuals.total if weighted else residuals.risk) * part.scale
    each = sums_by(person, rows)
    drawn = sampling.subcohort if not weighted else ~is_case(part.given)
    meat = None
    if task.plan.variance == TwoPhase("robust"):
        meat = square(each.T @ (each / part.given.risk_weight[first][:, None]))
    found = _by_stratum(each[drawn[first]], sampling.stratum[first][drawn[first]], part.strata)
    return replace(sums, meat=meat, drawn=found)


def _by_stratum(each: Floats, stratum: Codes, strata: tuple[str, ...]) -> tuple[DrawnSums, ...]:
    found = []
    for code in np.unique(stratum):
        inside = each[stratum == code]
        found.append(
            DrawnSums(
                strata[code], len(inside), vector(inside.sum(axis=0)), square(inside.T @ inside)
            )
        )
    return tuple(found)


def vector(values: Floats) -> Vector:
    """An array (p,) as plain numbers."""
    return tuple(float(value) for value in values)


def square(values: Floats) -> Matrix:
    """An array (p, p) as plain numbers."""
    return tuple(vector(row) for row in values)
