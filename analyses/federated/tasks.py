"""What a study document asks of every site: its models and their fits, read without any data."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from cohort import CaseCohort, CaseControl, Categorical, Continuous
from cohort.cohort import Cohort, Provenance
from cohort.declaration import CLUSTER, ENTRY, EVENT, EXIT, PERSON, STRATUM, WEIGHT, Declaration
from cohort.errors import StudyError, UnsupportedError

from ..cox.estimator import Cox
from ..cox.plan import Plan, check_outcome, plan_for
from ..cox.words import method_sentence
from ..inference import Wald
from ..model import Comparison, Model, matrix, models_of
from ..study.parts import Asked, Study
from ..study.sources import FileSource
from ..study.writing import document_text
from ..weightings import Prentice, Robust, TwoPhase

VARIANCE_FIT = " (variance)"
"""Prentice's two-phase variance is that of the Self-Prentice fit at its own maximum."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One model of the study.

    fits : the names of its fits, of the coefficients first, of the variance last. columns : names
    of the coefficients. place : of its question and its estimator in the document.
    """

    name: str
    asked: Asked
    plan: Plan
    model: Model
    fits: tuple[str, ...]
    columns: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    method: str
    outcome: str
    place: tuple[int, int]


def document_hash(study: Study) -> str:
    """The SHA-256 of what a document says; comments and line endings do not count."""
    return hashlib.sha256(document_text(study).encode("utf-8")).hexdigest()


def tasks_of(study: Study) -> tuple[Task, ...]:
    """Every model that the sites fit together, in the order of the document.

    Raises UnsupportedError or StudyError naming what cannot be done between owners.
    """
    _check(study)
    tasks: list[Task] = []
    for question, asked in enumerate(study.questions):
        cohort = _hollow(study, asked)
        check_outcome(cohort, asked.question.outcome)
        for estimator, cox in enumerate(study.estimators):
            assert isinstance(cox, Cox)
            tasks += _models(cohort, asked, cox, (question, estimator))
    return tuple(tasks)


def _models(cohort: Cohort, asked: Asked, cox: Cox, place: tuple[int, int]) -> Iterator[Task]:
    weighting, variance = plan_for(cohort, cox.ties, cox.weighting, cox.variance)
    plan = Plan(cox.ties, weighting, variance, cox.inference, cox.conf_level)
    for model in models_of(cohort, asked.question):
        name = f"question {place[0] + 1}, estimator {place[1] + 1}, {model.name}"
        columns = matrix(cohort, cohort.frame, model)
        two = isinstance(weighting, Prentice) and isinstance(variance, TwoPhase)
        yield Task(
            name=name,
            asked=asked,
            plan=plan,
            model=model,
            fits=(name, name + VARIANCE_FIT) if two else (name,),
            columns=columns.names,
            comparisons=columns.comparisons,
            method=method_sentence(plan, cohort, asked.question),
            outcome=asked.question.outcome or cohort.follow_up.outcome,
            place=place,
        )


def with_robust_plan(study: Study, task: Task) -> Task:
    """The same task with a robust variance, because some site's records ask for it."""
    plan = replace(task.plan, variance=Robust())
    method = method_sentence(plan, _hollow(study, task.asked), task.asked.question)
    return replace(task, plan=plan, method=method)


def _check(study: Study) -> None:
    if not isinstance(study.source, FileSource):
        raise StudyError(
            "a study between owners reads a file at each site: expected [source] file = the same "
            "name everywhere, beside the document."
        )
    if study.source.sha256 is not None:
        raise StudyError(
            "[source] sha256 is of one file, but every site has its own: leave it out of a "
            "document that sites share."
        )
    if isinstance(study.design, CaseControl):
        raise UnsupportedError(
            "a case-control study has no follow-up for Cox regression, and logistic regression is "
            "not built between owners."
        )
    for place, one in enumerate(study.estimators, start=1):
        _check_estimator(one, f"[[estimators]] number {place}")
    for variable in study.variables:
        if isinstance(variable, Categorical) and variable.levels is None:
            raise StudyError(
                f"variable '{variable.name}' has no levels in the document, and sites may hold "
                "different ones: declare levels = [...], so that all have the same columns."
            )


def _check_estimator(one: object, where: str) -> None:
    if not isinstance(one, Cox):
        raise UnsupportedError(
            f"{where} is {type(one).__name__}: between owners only Cox regression is built, since "
            "the others need event times or counts of few; leave it out of the shared document."
        )
    if one.ties == "exact":
        raise UnsupportedError(
            f"{where} has exact ties, which are not built between owners: use 'efron' or 'breslow'."
        )
    if one.inference != Wald():
        raise UnsupportedError(
            f"{where} has {type(one.inference).__name__}() limits, which need a fit for each of "
            "many values held: between owners use Wald()."
        )


def _hollow(study: Study, asked: Asked) -> Cohort:
    """A cohort of no records that declares what the document does."""
    source = study.source
    assert isinstance(source, FileSource)
    follow_up = study.follow_up if asked.follow_up is None else None
    if asked.follow_up is not None:
        follow_up = study.other_follow_up[asked.follow_up]
    assert follow_up is not None
    schema: dict[str, pl.DataType] = {
        PERSON: pl.Int64(), ENTRY: pl.Float64(), EXIT: pl.Float64(), EVENT: pl.Int8(),
    }  # fmt: skip
    hidden = {WEIGHT: source.weight, CLUSTER: source.cluster, STRATUM: follow_up.stratum}
    schema |= {name: pl.Float64() for name, column in hidden.items() if column is not None}
    for variable in study.variables:
        if isinstance(variable, Continuous):
            schema[variable.name] = pl.Float64()
        elif isinstance(variable, Categorical):
            schema[variable.name] = pl.Series(list(variable.levels or ()), strict=False).dtype
        else:
            schema[variable.name] = pl.Boolean()
    declaration = Declaration(
        source.person, follow_up, study.design, study.variables, source.weight, source.offset,
        source.cluster,
    )  # fmt: skip
    return Cohort(pl.DataFrame(schema=schema), declaration, (), Provenance("no records", 0))


def declared_size(study: Study, stratum: str) -> int | None:
    """The persons of a sampling stratum before sampling, where the document says it."""
    design = study.design
    if not isinstance(design, CaseCohort) or design.cohort_size is None:
        return None
    if isinstance(design.cohort_size, int):
        return design.cohort_size
    sizes = {str(code): persons for code, persons in design.cohort_size.items()}
    return sizes.get(stratum)
