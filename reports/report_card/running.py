"""Replicates of a scenario: draw, analyse, keep a row; and what the rows say of each method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import log, sqrt
from typing import Any

import numpy as np
import polars as pl

from analyses import Estimates, Question
from cohort import Cohort
from cohort.errors import CohortError

from .document import Method, Scenario
from .people import cohorts_of

Progress = Callable[[int, int], None]
ROWS: Mapping[str, Any] = {
    "scenario": pl.String,
    "method": pl.String,
    "replicate": pl.Int64,
    "seed": pl.UInt64,
    "truth": pl.Float64,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "p_value": pl.Float64,
    "persons": pl.Int64,
    "events": pl.Int64,
    "note": pl.String,
}
"""One row a method and replicate; ratios, their truth and limits on the log scale."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the replicates of one method say.

    truth, mean, bias, empirical : on the log scale for a ratio. Errors are Monte Carlo standard
    errors: Morris, White and Crowther (2019), Stat Med 38:2074-2102, table 6. failed : replicates
    without an estimate. seen : replicates counted, which are those published where only
    significant results are.
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
    power: float
    events: float
    seen: int
    failed: int


def replicate_seed(root: int, scenario: str, replicate: int) -> int:
    """The seed of one replicate, 63 bits of BLAKE2b: the same whatever else is run."""
    digest = blake2b(f"{root}|scenarios|{scenario}|{replicate}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def run_scenario(
    scenario: Scenario, replicates: int, seed: int, *, first: int = 0, progress: Progress | None = None
) -> pl.DataFrame:
    """Rows of replicates ``first`` to ``first + replicates - 1``, columns as in ROWS."""
    rows: list[dict[str, Any]] = []
    for replicate in range(first, first + replicates):
        own = replicate_seed(seed, scenario.name, replicate)
        cohorts = cohorts_of(scenario, own)
        for method in scenario.methods:
            shared = {"scenario": scenario.name, "replicate": replicate, "seed": own}
            rows.append(shared | graded_row(method, cohorts[method.cohort]))
        if progress is not None:
            progress(replicate + 1 - first, replicates)
    columns = {name: [row.get(name) for row in rows] for name in ROWS}
    return pl.DataFrame(columns, schema=dict(ROWS))


def graded_row(method: Method, cohort: Cohort) -> dict[str, Any]:
    """One method's answer in one cohort; a refusal of the estimator is a note."""
    on_log = method.scale == "ratio"
    row: dict[str, Any] = {
        "method": method.name,
        "truth": log(method.truth) if on_log else method.truth,
    }
    try:
        found = answer_of(method, method.estimator.estimate(cohort, question_of(method)))
    except CohortError as error:
        return row | {"note": f"{type(error).__name__}: {error}"}
    if found["estimate"] is None:
        return row | {"note": found["note"]}
    limits = [found["conf_low"], found["conf_high"]]
    row |= {
        "estimate": found["log_estimate"] if on_log else found["estimate"],
        "std_error": found["std_error"],
        "conf_low": log(limits[0]) if on_log else limits[0],
        "conf_high": log(limits[1]) if on_log else limits[1],
    }
    return row | {name: found[name] for name in ("p_value", "persons", "events", "note")}


def question_of(method: Method) -> Question:
    """The question that a method asks."""
    return Question(
        exposure=method.exposure,
        outcome=method.outcome,
        adjustments={"adjusted": method.adjust},
        strata=method.strata,
        missing=method.missing,
    )


def answer_of(method: Method, estimates: Estimates) -> dict[str, Any]:
    """The row of the estimates that is graded.

    Raises QuestionError when the document does not say which of several it is.
    """
    frame = estimates.frame
    for column, wanted in (("contrast", method.contrast), ("measure", method.measure)):
        if wanted is not None:
            frame = frame.filter(pl.col(column) == wanted)
    if len(frame) != 1:
        told = estimates.frame.select("contrast", "measure").unique(maintain_order=True).rows()
        raise LookupError(
            f"method '{method.name}' gives {len(frame)} rows: say which by contrast and measure "
            f"among {told}."
        )
    return frame.row(0, named=True)


def summaries(scenario: Scenario, rows: pl.DataFrame) -> list[Summary]:
    """What the rows say of each method, in the document's order."""
    return [
        summary_of(rows.filter(pl.col("method") == method.name), method.published)
        for method in scenario.methods
    ]


def summary_of(rows: pl.DataFrame, published: float | None = None) -> Summary:
    """Bias, coverage and the rest of one method from its rows (columns as in ROWS)."""
    found = rows.filter(pl.col("estimate").is_not_null())
    if published is not None:
        found = found.filter(pl.col("p_value") < published)
    truth = float(rows["truth"][0])
    value = found["estimate"].to_numpy()
    n = len(value)
    covered = ((found["conf_low"] <= truth) & (found["conf_high"] >= truth)).to_numpy()
    spread = float(value.std(ddof=1)) if n > 1 else float("nan")
    coverage = float(covered.mean()) if n else float("nan")
    return Summary(
        method=str(rows["method"][0]),
        truth=truth,
        mean=float(value.mean()) if n else float("nan"),
        bias=float(value.mean() - truth) if n else float("nan"),
        bias_error=spread / sqrt(n) if n else float("nan"),
        empirical=spread,
        model=float(np.sqrt((found["std_error"].to_numpy() ** 2).mean())) if n else float("nan"),
        coverage=coverage,
        coverage_error=sqrt(coverage * (1 - coverage) / n) if n else float("nan"),
        power=float((found["p_value"].to_numpy() < 0.05).mean()) if n else float("nan"),
        events=float(found["events"].drop_nulls().to_numpy().mean()) if n else float("nan"),
        seen=n,
        failed=int(rows["estimate"].null_count()),
    )


def methods_by_name(methods: Sequence[Method]) -> dict[str, Method]:
    """Methods by their names."""
    return {method.name: method for method in methods}
