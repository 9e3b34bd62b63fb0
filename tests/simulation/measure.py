"""Bias and coverage of a pipeline over seeded replicates.

Run as a script it measures every pipeline and writes the table of DESIGN.md:
``python -m tests.simulation.measure 1000 table.md``.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyses.grading import Graded, measures, run_replicate
from cohort import Cohort

from .pipelines import PIPELINES, QUESTION, Pipeline
from .worlds import World, draw


@dataclass(frozen=True, slots=True)
class Measured:
    """Over replicates with an estimate: mean cases, bias, SEs and coverage, with their errors."""

    name: str
    gated: bool
    replicates: int
    cases: float
    bias: float
    bias_error: float
    empirical_se: float
    model_se: float
    coverage: float
    coverage_error: float


def measure(pipelines: tuple[Pipeline, ...], replicates: int) -> list[Measured]:
    """Measure pipelines; those of one world share its cohorts, replicate by replicate."""
    rows = []
    for world in dict.fromkeys(one.world for one in pipelines):
        mine = [one for one in pipelines if one.world == world]
        rows += [_replicate(world, mine, seed) for seed in range(replicates)]
    found = measures(pl.concat(rows))
    return [_summary(one, found.filter(pl.col("method") == one.name)) for one in pipelines]


def _replicate(world: World, pipelines: list[Pipeline], seed: int) -> pl.DataFrame:
    """The seed is that of the table in the design note: the replicate's number."""
    cohorts = _cohorts(world, pipelines, seed)
    graded = [
        Graded(one.name, one.estimator, QUESTION, world.truth, draw=one.draw.__name__)
        for one in pipelines
    ]
    return run_replicate(
        lambda _: cohorts,
        graded,
        study="coverage",
        scenario=repr(world),
        replicate=seed,
        seed=0,
    )


def _cohorts(world: World, pipelines: list[Pipeline], seed: int) -> dict[str, Cohort]:
    cohort = draw(world, seed)
    kinds = {one.draw.__name__: one.draw for one in pipelines}
    return {name: kind(cohort, 1_000_000 + seed) for name, kind in kinds.items()}


def _summary(pipeline: Pipeline, found: pl.DataFrame) -> Measured:
    value = dict(found.select("measure", "value").iter_rows())
    error = dict(found.select("measure", "mcse").iter_rows())
    return Measured(
        pipeline.name,
        pipeline.gated,
        found.filter(pl.col("measure") == "bias")["n"][0],
        value["mean events"],
        value["bias"],
        error["bias"],
        value["empirical SE"],
        value["model SE"],
        value["coverage"],
        error["coverage"],
    )


def table(measured: list[Measured]) -> str:
    """A Markdown table of what was measured."""
    lines = [
        "| pipeline | cases | bias (MC error) | empirical SE | model SE | coverage (MC error) |",
        "|---|---|---|---|---|---|",
    ]
    for one in measured:
        lines.append(
            f"| {one.name}{'' if one.gated else ' (shown, not gated)'} | {one.cases:.0f} | "
            f"{one.bias:+.4f} ({one.bias_error:.4f}) | {one.empirical_se:.4f} | "
            f"{one.model_se:.4f} | {one.coverage:.3f} ({one.coverage_error:.3f}) |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(table(measure(PIPELINES, int(sys.argv[1]))))
