"""Bias and coverage of a pipeline over seeded replicates.

Run as a script it measures every pipeline and writes the table of DESIGN.md:
``python -m tests.simulation.measure 1000 table.md``.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .pipelines import PIPELINES, QUESTION, Pipeline
from .worlds import World, draw


@dataclass(frozen=True, slots=True)
class Measured:
    """Over replicates with an estimate: mean cases, exposed cases, bias, SEs and coverage."""

    name: str
    gated: bool
    replicates: int
    cases: float
    bias: float
    empirical_se: float
    model_se: float
    coverage: float

    @property
    def bias_error(self) -> float:
        """Monte Carlo standard error of the bias."""
        return self.empirical_se / math.sqrt(self.replicates)

    @property
    def coverage_error(self) -> float:
        """Monte Carlo standard error of the coverage."""
        return math.sqrt(self.coverage * (1 - self.coverage) / self.replicates)


def measure(pipelines: tuple[Pipeline, ...], replicates: int) -> list[Measured]:
    """Measure pipelines; those of one world share its cohorts, replicate by replicate."""
    found: dict[str, list[tuple[float, float, float, float, float]]] = {}
    worlds: list[World] = list(dict.fromkeys(one.world for one in pipelines))
    for world in worlds:
        mine = [one for one in pipelines if one.world == world]
        for seed in range(replicates):
            cohort = draw(world, seed)
            samples: dict[object, object] = {}
            for one in mine:
                if one.draw not in samples:
                    samples[one.draw] = one.draw(cohort, 1_000_000 + seed)
                row = one.estimator.estimate(samples[one.draw], QUESTION)
                found.setdefault(one.name, []).append(
                    (
                        row.log_estimate - world.truth,
                        row.std_error,
                        math.log(row.conf_low) - world.truth,
                        math.log(row.conf_high) - world.truth,
                        float(row.frame["events"][0]),
                    )
                )
    return [_summary(one, np.array(found[one.name])) for one in pipelines]


def _summary(pipeline: Pipeline, rows: np.ndarray) -> Measured:
    error, se, low, high, cases = rows.T
    return Measured(
        pipeline.name,
        pipeline.gated,
        len(rows),
        float(cases.mean()),
        float(error.mean()),
        float(error.std(ddof=1)),
        float(np.sqrt((se**2).mean())),
        float(((low <= 0) & (high >= 0)).mean()),
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
