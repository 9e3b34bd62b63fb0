"""One replicate of a simulation study: a cohort is drawn, every method estimates, a row each."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from cohort import Cohort
from cohort.errors import (
    CohortError,
    ConvergenceError,
    DesignError,
    NotEstimableError,
    QuestionError,
)

from ..estimate import Estimates
from ..question import Question
from ..seeds import replicate_seed

SCHEMA: dict[str, Any] = {
    "study": pl.String,
    "scenario": pl.String,
    "method": pl.String,
    "replicate": pl.Int64,
    "seed": pl.Int64,
    "scale": pl.String,
    "truth": pl.Float64,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "p_value": pl.Float64,
    "events": pl.Int64,
    "persons": pl.Int64,
    "converged": pl.Boolean,
    "note": pl.String,
}
"""The columns of ``run_replicate``. scale : "log" for a ratio, whose estimate and limits are logs;
"as measured" for a difference. converged : whether there is an estimate to be graded."""

LOG, AS_MEASURED = "log", "as measured"


class Estimator(Protocol):
    """Whatever answers a question about a cohort."""

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """Estimates, a row for each contrast and adjustment set."""


@dataclass(frozen=True, slots=True)
class Graded:
    """One method against one estimand.

    name : of the method, unique in the study. truth : the estimand, on the scale of the estimate
    (the log of a ratio); None when each draw brings its own. contrast, adjustment,
    modifier_level : which row of the estimates; None where there is only one (no modifier for
    modifier_level). draw : which of the cohorts that one draw returns; "" when it returns one.
    """

    name: str
    estimator: Estimator
    question: Question
    truth: float | None
    contrast: str | None = None
    adjustment: str | None = None
    draw: str = ""
    modifier_level: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What one draw returns when it knows more than its cohorts.

    cohorts : by name. truth : by method, for methods whose truth is that of the draw.
    """

    cohorts: Mapping[str, Cohort]
    truth: Mapping[str, float] = field(default_factory=dict)


Draw = Callable[[int], Cohort | Mapping[str, Cohort] | Drawn]
"""From a seed to what was observed."""


def run_replicate(
    draw: Draw,
    graded: Sequence[Graded],
    *,
    study: str,
    scenario: str,
    replicate: int,
    seed: int,
) -> pl.DataFrame:
    """Draw once and estimate with every method: one row each (columns of SCHEMA).

    seed : the root seed of the study; that of the replicate follows from it. A draw that does not
    hold the cases that its design needs, and an estimate that does not exist or did not converge,
    leave nulls, ``converged`` false and the reason in ``note``: they are results. Methods with the
    same estimator, question and draw share one fit.

    Raises QuestionError when names repeat, a method's row is not found or a truth is absent, and
    whatever an estimator refuses for reasons other than the numbers drawn.
    """
    names = [one.name for one in graded]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise QuestionError(f"two methods are called '{twice}': give each its own name.")
    own = replicate_seed(seed, study, scenario, replicate)
    shared = {"study": study, "scenario": scenario, "replicate": replicate, "seed": own}
    try:
        drawn = _drawn(draw(own))
    except DesignError as error:
        rows = [_failed(one, error) for one in graded]
    else:
        rows = _rows(drawn, graded)
    return pl.DataFrame([shared | row for row in rows], schema=SCHEMA)


def _drawn(found: Cohort | Mapping[str, Cohort] | Drawn) -> Drawn:
    if isinstance(found, Drawn):
        return found
    return Drawn({"": found} if isinstance(found, Cohort) else found)


def _rows(drawn: Drawn, graded: Sequence[Graded]) -> list[dict[str, Any]]:
    fitted: list[tuple[Graded, Estimates | CohortError]] = []
    rows = []
    for one in graded:
        found = next((fit for other, fit in fitted if _same_fit(one, other)), None)
        if found is None:
            found = _estimates(drawn, one)
            fitted.append((one, found))
        if isinstance(found, CohortError):
            rows.append(_failed(one, found, drawn))
        else:
            rows.append(_row(one, found, _truth(one, drawn)))
    return rows


def _same_fit(one: Graded, other: Graded) -> bool:
    return (one.draw, one.question, one.estimator) == (other.draw, other.question, other.estimator)


def _estimates(drawn: Drawn, one: Graded) -> Estimates | CohortError:
    if one.draw not in drawn.cohorts:
        known = ", ".join(f"'{name}'" for name in drawn.cohorts)
        raise QuestionError(
            f"the method '{one.name}' needs the draw '{one.draw}', which has not come: {known} did."
        )
    try:
        return one.estimator.estimate(drawn.cohorts[one.draw], one.question)
    except (NotEstimableError, ConvergenceError) as error:
        return error


def _truth(one: Graded, drawn: Drawn) -> float:
    value = one.truth if one.truth is not None else drawn.truth.get(one.name)
    if value is None:
        raise QuestionError(
            f"nothing says what is true for the method '{one.name}': give Graded(truth=), or "
            "return Drawn(cohorts, truth={name: value}) from the draw."
        )
    return value


def _failed(one: Graded, error: CohortError, drawn: Drawn | None = None) -> dict[str, Any]:
    truth = one.truth if drawn is None else _truth(one, drawn)
    return {"method": one.name, "truth": truth, "converged": False, "note": str(error)}


def _row(one: Graded, estimates: Estimates, truth: float) -> dict[str, Any]:
    found = _single(one, estimates.frame)
    log = "ratio" in found["measure"]
    estimate = found["log_estimate"] if log else found["estimate"]
    low, high = found["conf_low"], found["conf_high"]
    told = {
        "method": one.name,
        "scale": LOG if log else AS_MEASURED,
        "truth": truth,
        "estimate": estimate,
        "std_error": found["std_error"],
        "conf_low": _log(low) if log else low,
        "conf_high": _log(high) if log else high,
        "p_value": found["p_value"],
        "events": found["events"],
        "persons": found["persons"],
        "note": found["note"],
    }
    there = estimate is not None and math.isfinite(estimate)
    return told | {"converged": there and found["converged"] is not False}


def _log(value: float | None) -> float | None:
    if value is None:
        return None
    return math.log(value) if value > 0 else -math.inf


def _single(one: Graded, frame: pl.DataFrame) -> dict[str, Any]:
    """The row that a method is graded by."""
    chosen = frame.filter(pl.col("modifier_level").eq_missing(pl.lit(one.modifier_level)))
    for column, word in (("contrast", one.contrast), ("adjustment", one.adjustment)):
        if word is not None:
            chosen = chosen.filter(pl.col(column) == word)
    if len(chosen) == 1:
        return chosen.row(0, named=True)
    known = "; ".join(
        f"{contrast} ({adjustment})" + (f", {level}" if level is not None else "")
        for contrast, adjustment, level in frame.select(
            "contrast", "adjustment", "modifier_level"
        ).iter_rows()
    )
    raise QuestionError(
        f"the method '{one.name}' is graded by one estimate, but {len(chosen)} fit its contrast, "
        f"adjustment and modifier_level. Estimates there are: {known}."
    )
