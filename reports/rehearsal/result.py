"""What a rehearsal says of each estimate, in numbers and in one sentence."""

from collections.abc import Sequence
from math import exp, log
from typing import Any

import polars as pl

from analyses.grading.measures import share_error

from .. import numbers
from .plan import LARGE, NULL, PUBLISHED, Method
from .rehearse import Rehearsal

FOUND = {
    "bias": (PUBLISHED, "bias"),
    "empirical_se": (PUBLISHED, "empirical SE"),
    "coverage": (PUBLISHED, "coverage"),
    "power": (PUBLISHED, "rejection"),
    "type_s": (PUBLISHED, "type S"),
    "type_m": (PUBLISHED, "type M"),
    "convergence": (PUBLISHED, "convergence"),
    "mean_estimate": (PUBLISHED, "mean estimate"),
    "bias_at_large": (LARGE, "bias"),
    "coverage_at_large": (LARGE, "coverage"),
    "null_bias": (NULL, "bias"),
    "null_empirical_se": (NULL, "empirical SE"),
    "null_coverage": (NULL, "coverage"),
    "type_1_error": (NULL, "rejection"),
    "null_convergence": (NULL, "convergence"),
    "null_mean_estimate": (NULL, "mean estimate"),
}
"""The columns of measures: of which scenario, and which measure; each has its ``_mcse`` beside."""

MOST_MISSED = 3.0
"""With none of n draws, up to 3 / n is compatible with 95 % (Hanley and Lippman-Hand 1983, JAMA
249:1743-5)."""


def rehearsal_columns(rehearsal: Rehearsal, estimates: Sequence[pl.DataFrame] = ()) -> pl.DataFrame:
    """One row for each estimate of the plan: how it did, and what a published one would mean.

    estimates : frames of the study's own estimates, whose size is then what is judged; without
    them, the effect of the twin.

    Columns: number (of the question), question, exposure, adjustment, contrast, measure, outcome,
    estimator, method, conf_level (of its intervals), truth and at_large (ratios; null where there
    is none), those of FOUND with ``_mcse``, size (the ratio that is judged), by_chance (the
    probability of one at least as far from 1 if the truth were 1) with by_chance_mcse, and meaning
    (a sentence). Biases, standard errors and mean estimates are of log ratios; type_m is on the
    log scale.
    """
    rows = [_row(rehearsal, method, _size(rehearsal, method, estimates))
            for method in rehearsal.methods]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def truth_of(rehearsal: Rehearsal, method: Method) -> float:
    """The log ratio that was put in with the effect."""
    rows = rehearsal.rows.filter(
        (pl.col("scenario") == PUBLISHED) & (pl.col("method") == method.name)
    )
    return float(rows["truth"][0])


def _size(rehearsal: Rehearsal, method: Method, estimates: Sequence[pl.DataFrame]) -> float | None:
    """The log ratio that is judged; None where the study has no estimate."""
    keys = ("exposure", "adjustment", "contrast", "measure", "outcome")
    for frame in estimates:
        same = frame.filter(
            *(pl.col(key) == getattr(method, key) for key in keys),
            pl.col("modifier_level").is_null(),
        )
        if len(same):
            value: float | None = same["log_estimate"][0]
            return value
    return truth_of(rehearsal, method)


def _row(rehearsal: Rehearsal, method: Method, size: float | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": method.number,
        "question": method.question,
        "exposure": method.exposure,
        "adjustment": method.adjustment,
        "contrast": method.contrast,
        "measure": method.measure,
        "outcome": method.outcome,
        "estimator": method.estimator,
        "method": method.name,
        "conf_level": method.conf_level,
        "truth": exp(truth_of(rehearsal, method)),
        "at_large": _at_large(rehearsal, method),
    }
    for column, (scenario, measure) in FOUND.items():
        told[column], told[f"{column}_mcse"] = rehearsal.value(scenario, method.name, measure)
    chance, error, draws = _by_chance(rehearsal, method, size)
    told |= {
        "size": None if size is None else exp(size),
        "by_chance": chance,
        "by_chance_mcse": error,
    }
    return told | {"meaning": _meaning(told, draws)}


def _at_large(rehearsal: Rehearsal, method: Method) -> float | None:
    if rehearsal.large.is_empty():
        return None
    rows = rehearsal.large.filter((pl.col("method") == method.name) & pl.col("converged"))
    return exp(rows["estimate"][0]) if len(rows) else None


def _by_chance(
    rehearsal: Rehearsal, method: Method, size: float | None
) -> tuple[float | None, float | None, int]:
    """Share of the draws without effect whose estimate is at least as far from 1 as ``size``."""
    rows = rehearsal.rows.filter(
        (pl.col("scenario") == NULL) & (pl.col("method") == method.name) & pl.col("converged")
    )
    if size is None or rows.is_empty():
        return None, None, len(rows)
    share = float((rows["estimate"].abs() >= abs(size)).mean())  # type: ignore[arg-type]
    return share, share_error(share, len(rows)), len(rows)


def _meaning(told: dict[str, Any], draws: int) -> str:
    """What the estimate would mean if the truth were 1, and what such studies find otherwise."""
    if told["size"] is None or told["by_chance"] is None:
        return "There is no estimate to judge."
    measure = told["measure"]
    article = "an" if measure[0] in "aeiou" else "a"
    size = numbers.ratio(told["size"])
    share = (
        f"{numbers.probability(told['by_chance'])} of {numbers.count(draws)} such studies"
        if told["by_chance"] > 0
        else f"none of {numbers.count(draws)} such studies (so at most about "
        f"{numbers.probability(min(1.0, MOST_MISSED / draws))})"
    )
    words = f"If the truth were 1, {share} would find {article} {measure} at least as far from 1 "
    words += f"as {size}."
    return " ".join([words, _with_effect(told)])


def _with_effect(told: dict[str, Any]) -> str:
    truth, power = told["truth"], told["power"]
    if power is None or log(truth) == 0:
        return "The twin has no effect to be found."
    words = (
        f"With a true ratio of {numbers.ratio(truth)}, {numbers.probability(power)} of such "
        "studies reject 1 at the 5 % level"
    )
    if told["type_m"] is None:
        return f"{words}."
    words += f"; those that do give {_times(told['type_m'])} the true log ratio on average"
    if told["type_s"]:
        words += f", and {numbers.probability(told['type_s'])} of these lie on the wrong side of 1"
    return f"{words}."


def _times(value: float) -> str:
    return f"{numbers.ratio(value)} times"
