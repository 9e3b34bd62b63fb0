"""Cox regression of a cohort that stays on disk, or on the workers of a cluster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cohort.cohort import Cohort, Step
from cohort.errors import NotEstimableError, QuestionError, SchemaError, UnsupportedError
from cohort.progress import Listener, Meter
from cohort.scanned import ScannedCohort
from cohort.variables import Categorical, Continuous

from ..asked import check_streamed
from ..cox.estimator import Cox
from ..cox.fit import check_size
from ..cox.plan import Plan, plan_for
from ..cox.weighted_records import outcome_code, strata_columns
from ..cox.words import method_sentence, variance_word
from ..estimate import Estimates, table
from ..inference import Wald
from ..model import Comparison, Model, matrix, models_of
from ..question import Question
from ..rows import wald_rows
from ..weightings import ModelBased, Robust, Variance
from .crew import Crew, OnCluster, OnDisk
from .decode import Counts, Order, term
from .fit import Passes, StreamedFit, fit_streamed
from .notes import not_estimable, note_of, why_not
from .slotted import grid_of

DECODING, PLACING, PASS = 4.0, 1.0, 1.0
"""Work per record, in passes: what the time left is reckoned from."""
TYPICAL_PASSES = 15.0


@dataclass(frozen=True, slots=True)
class Streamed:
    """A Cox model of a scanned cohort: the same numbers as in memory, with little memory.

    cox : the model; its weighting must be none and its inference Wald(). scratch : a folder with
    room for about 30 bytes a record, where a temporary folder is made and removed again; the
    system's own without it. client : a ``dask.distributed.Client`` whose workers hold the parts
    instead, each of them all columns of its files in compact form. progress : called with a
    Progress after each file of each pass; the time left assumes five Newton steps.

    Memory is bounded by two batches and the event times: a few arrays of event times by terms.
    The sums are those of ``Cox``, added batch by batch and file by file in their order, so the
    answer is the same to the last bit whether one process or any number of workers made them.
    """

    cox: Cox
    scratch: Path | None = None
    client: Any = None
    progress: Listener | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.cox, Cox):
            raise QuestionError("the model that is streamed is a Cox(): give it as cox.")

    def estimate(self, cohort: ScannedCohort, question: Question) -> Estimates:
        """Hazard ratios of the exposure, a row for each contrast and adjustment set.

        The estimates carry no fits: curves, residuals and tests of proportional hazards need the
        records.

        Raises UnsupportedError for exact ties, likelihood limits and sampled designs; otherwise as
        ``Cox.estimate``.
        """
        check_streamed(cohort, question)
        if not isinstance(cohort, ScannedCohort):
            raise UnsupportedError(
                f"Streamed() is for a cohort made by scan_parquet, not {type(cohort).__name__}: "
                "one in memory is fitted by Cox() itself."
            )
        plan = _plan(self.cox, cohort)
        rows: list[dict[str, Any]] = []
        steps: list[tuple[str, Step]] = []
        empty = cohort.without_records()
        models = list(models_of(empty, question))
        meter = Meter(
            self.progress,
            len(models) * cohort.records * (DECODING + PLACING + PASS * TYPICAL_PASSES),
        )
        for model in models:
            task = _Task(plan, cohort, empty, question, model)
            with self._crew() as crew:
                found, step = _estimated(task, crew, meter)
            rows += found
            steps += step
        sentence = method_sentence(plan, empty, question)
        return Estimates(table(rows), sentence, tuple(steps))

    @contextmanager
    def _crew(self) -> Iterator[Crew]:
        crew: Crew = OnDisk(self.scratch) if self.client is None else OnCluster(self.client)
        try:
            yield crew
        finally:
            crew.close()


def _plan(cox: Cox, cohort: ScannedCohort) -> Plan:
    """The settings of the analysis, defaults resolved.

    Raises UnsupportedError for what needs all records at once.
    """
    if cox.ties == "exact":
        raise UnsupportedError(
            "exact ties are not built for a streamed fit: choose ties='efron' or 'breslow'."
        )
    if not isinstance(cox.inference, Wald):
        raise UnsupportedError(
            f"{type(cox.inference).__name__}() is not built for a streamed fit, each of its "
            "limits being many fits: use Wald()."
        )
    declaration = cohort.declaration
    depends = declaration.weight is not None or declaration.cluster is not None or cohort.recurrent
    default: Variance = Robust() if depends else ModelBased()
    variance = default if cox.variance is None else cox.variance
    weighting, variance = plan_for(cohort.without_records(), cox.ties, cox.weighting, variance)
    return Plan(cox.ties, weighting, variance, cox.inference, cox.conf_level)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One model of a question; empty : the cohort without its records."""

    plan: Plan
    cohort: ScannedCohort
    empty: Cohort
    question: Question
    model: Model

    @property
    def outcome(self) -> str:
        return self.question.outcome or self.cohort.follow_up.outcome

    def order(self) -> Order:
        """What the parts must decode."""
        return Order(
            cohort=self.cohort,
            question=self.question,
            model=self.model,
            code=outcome_code(self.empty, self.question.outcome),
            strata=strata_columns(self.empty, self.model.strata),
            clustered=isinstance(self.plan.variance, Robust),
        )


def _estimated(
    task: _Task, crew: Crew, meter: Meter
) -> tuple[list[dict[str, Any]], list[tuple[str, Step]]]:
    columns = matrix(task.empty, _made_up(task.empty), task.model)
    names = tuple(term(place) for place in range(len(columns.names)))
    parts, counts = task.cohort.parts, []
    each = task.cohort.records / len(parts)
    for part, one in zip(parts, crew.decode(task.order(), parts), strict=True):
        counts.append(one)
        meter.add("decoding", DECODING * part.rows)
    _check(task, counts)
    grid = grid_of(counts)
    crew.place(grid, counts)
    meter.add("placing", PLACING * task.cohort.records)
    passes = Passes(crew, grid, names, task.plan.ties, lambda stage: meter.add(stage, PASS * each))
    check_size(columns.names, passes.frame.scale)
    fit = fit_streamed(passes, robust=isinstance(task.plan.variance, Robust))
    dropped = sum(one.dropped for one in counts)
    return _rows(task, counts, fit, columns.names, columns.comparisons), _steps(
        task.model, counts, dropped
    )


def _made_up(empty: Cohort) -> pl.DataFrame:
    """One record with some value of every variable: names and contrasts need no more."""
    some: dict[str, Any] = {}
    for variable in empty.variables:
        if isinstance(variable, Categorical):
            some[variable.name] = (variable.levels or (None,))[0]
        else:
            some[variable.name] = 1.0 if isinstance(variable, Continuous) else False
    return pl.DataFrame({name: [value] for name, value in some.items()})


def _check(task: _Task, counts: Sequence[Counts]) -> None:
    records = sum(one.records for one in counts)
    if not records:
        raise SchemaError(f"no record is complete for the model '{task.model.name}'.")
    if not sum(one.events for one in counts):
        raise NotEstimableError(
            f"none of the {records:,} records in the model '{task.model.name}' ends with "
            f"'{task.outcome}': a hazard ratio needs events."
        )
    for name in {name for one in counts for name in one.levels}:
        variable = task.cohort.variable(name)
        levels = {level for one in counts for level in one.levels.get(name, ())}
        if not isinstance(variable, Categorical) or variable.reference is None:
            continue
        if len(levels) > 1 and variable.reference not in levels:
            raise SchemaError(
                f"none of the {records:,} records of the model '{task.model.name}' has the "
                f"reference level of '{name}', '{variable.word(variable.reference)}': choose a "
                "level that occurs among them as reference."
            )


def _steps(model: Model, counts: Sequence[Counts], dropped: int) -> list[tuple[str, Step]]:
    if not dropped:
        return []
    left = Step(
        f"incomplete for the model '{model.name}'",
        sum(one.persons for one in counts),
        sum(one.records for one in counts),
        sum(one.happened for one in counts),
        float(sum(one.person_time for one in counts)),
    )
    return [(model.name, left)]


def _rows(
    task: _Task,
    counts: Sequence[Counts],
    fit: StreamedFit,
    names: tuple[str, ...],
    comparisons: tuple[Comparison, ...],
) -> list[dict[str, Any]]:
    plan = task.plan
    shared = {
        "outcome": task.outcome,
        "exposure": str(task.model.exposure),
        "adjustment": task.model.adjustment,
        "measure": "hazard ratio",
        "conf_level": plan.conf_level,
        "variance": variance_word(plan.variance),
        "ties": plan.ties,
        "persons": sum(one.persons for one in counts),
        "events": sum(one.events for one in counts),
        "person_time": float(np.sum([one.person_time for one in counts])),
        "dropped": sum(one.dropped for one in counts),
        "converged": fit.maximum.converged,
        "note": note_of(plan.variance, sum(one.units for one in counts), fit, names),
    }
    found = wald_rows(
        comparisons,
        fit.beta,
        fit.covariance,
        not_estimable(fit),
        partial(why_not, fit, names),
        plan.conf_level,
    )
    return [shared | row for row in found]
