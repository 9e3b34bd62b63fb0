"""Replicates of a scenario: draw, analyse, keep a row; and what the rows say of each method."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import log, nan
from typing import Any

import polars as pl

from analyses import Estimates, Question
from analyses.grading import Graded, measures, run_replicate
from cohort import Cohort

from .document import Method, Scenario
from .people import cohorts_of

STUDY = "scenarios"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What the replicates of one method say.

    truth, mean, bias, empirical, model : on the log scale for a ratio; empirical is the standard
    deviation of the estimates, model their root mean squared standard error. Errors are Monte
    Carlo standard errors: Morris, White and Crowther (2019), Stat Med 38:2074-2102, table 6.
    rejection : share that reject no effect. events : mean of a replicate. seen : replicates
    counted, which are those published where only significant results are. failed : replicates
    without an estimate.
    """

    method: str
    truth: float
    mean: float
    bias: float
    bias_error: float
    empirical: float
    model: float
    coverage: float
    coverage_error: float
    rejection: float
    events: float
    seen: int
    failed: int


@dataclass(frozen=True, slots=True)
class OneMeasure:
    """An estimator of several measures, of which one is graded."""

    estimator: Any
    measure: str

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """The rows of that measure alone."""
        found: Estimates = self.estimator.estimate(cohort, question)
        return replace(found, frame=found.frame.filter(pl.col("measure") == self.measure))


def run_scenario(
    scenario: Scenario,
    replicates: int,
    seed: int,
    *,
    first: int = 0,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Rows of replicates ``first`` to ``first + replicates - 1``, as ``run_replicate`` gives them.

    Raises what a cohort or an estimator refuses for reasons other than the numbers drawn.
    """
    draw = partial(cohorts_of, scenario)
    graded = graded_methods(scenario)
    rows = []
    for replicate in range(first, first + replicates):
        rows.append(
            run_replicate(
                draw,
                graded,
                study=STUDY,
                scenario=scenario.name,
                replicate=replicate,
                seed=seed,
            )
        )
        if progress is not None:
            progress(replicate + 1 - first, replicates)
    return pl.concat(rows)


def graded_methods(scenario: Scenario) -> list[Graded]:
    """The scenario's methods as the grading takes them."""
    return [
        Graded(
            method.name,
            method.estimator
            if method.measure is None
            else OneMeasure(method.estimator, method.measure),
            _question_of(method),
            log(method.truth) if method.scale == "ratio" else method.truth,
            contrast=method.contrast,
            draw=method.cohort,
        )
        for method in scenario.methods
    ]


def _question_of(method: Method) -> Question:
    return Question(
        exposure=method.exposure,
        outcome=method.outcome,
        adjustments={"adjusted": method.adjust},
        strata=method.strata,
        missing=method.missing,
    )


def summaries(scenario: Scenario, rows: pl.DataFrame) -> tuple[Summary, ...]:
    """What the rows say of each method, in the document's order."""
    return tuple(
        summary_of(rows.filter(pl.col("method") == method.name), method.published)
        for method in scenario.methods
    )


def summary_of(rows: pl.DataFrame, published: float | None = None) -> Summary:
    """Bias, coverage and the rest of one method, from its rows.

    published : only results with a p-value below it are seen.
    """
    name, truth = str(rows["method"][0]), float(rows["truth"][0])
    failed = int((~rows["converged"]).sum())
    if published is not None:
        rows = rows.filter(pl.col("p_value") < published)
    none = (nan, nan, 0)
    found = {
        measure: (nan if value is None else value, nan if error is None else error, n)
        for measure, value, error, n in measures(rows)
        .select("measure", "value", "mcse", "n")
        .iter_rows()
    }
    bias, coverage = found.get("bias", none), found.get("coverage", none)
    return Summary(
        method=name,
        truth=truth,
        mean=found.get("mean estimate", none)[0],
        bias=bias[0],
        bias_error=bias[1],
        empirical=found.get("empirical SE", none)[0],
        model=found.get("model SE", none)[0],
        coverage=coverage[0],
        coverage_error=coverage[1],
        rejection=found.get("rejection", none)[0],
        events=found.get("mean events", none)[0],
        seen=bias[2],
        failed=failed,
    )
