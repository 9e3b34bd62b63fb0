"""Published tables as rows of estimates, and their pool with everything its reader must know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from cohort.errors import SchemaError, nearest
from cohort.published import PublishedEffect, PublishedTable

from ..estimate import SCHEMA
from .exact import exact_odds_ratio
from .heterogeneity import TAU2_METHODS
from .pool import (
    FIXED,
    METHOD_NAMES,
    HeterogeneityLimits,
    Limits,
    Pooled,
    heterogeneity_limits,
    pool,
    prediction_interval,
)
from .small_study import SmallStudyTest, egger_test
from .study_estimate import (
    FloatArray,
    StudyEstimate,
    crude_odds_ratios,
    published_effects,
    table_of,
)
from .two_by_two import TableEstimate, odds_ratio

STUDY_SCHEMA: dict[str, Any] = {"study": pl.String, **SCHEMA}
"""The columns of `Estimates.frame`, and the study before them."""
CONTRAST = "exposed vs unexposed"
FEWEST_TO_PREDICT = 3


@dataclass(frozen=True, slots=True, eq=False)
class PublishedPool:
    """Published tables of one question, pooled.

    frame : columns of `STUDY_SCHEMA`; for each study the crude odds ratio with Woolf's and with
    exact limits, then the fixed-effect and the random-effects pool.
    fixed, random : the pools. limits : of the heterogeneity. prediction : interval for a new study
    (t with k - 2 degrees of freedom); None with fewer than three studies. asymmetry : Egger's test;
    None with fewer than three studies. warnings : all that the reader must know.
    """

    frame: pl.DataFrame
    fixed: Pooled
    random: Pooled
    limits: HeterogeneityLimits
    prediction: tuple[float, float] | None
    asymmetry: SmallStudyTest | None
    warnings: tuple[str, ...]


def pool_tables(
    tables: Sequence[PublishedTable],
    *,
    method: str = "DL",
    limits: Limits = "normal",
    conf_level: float = 0.95,
    zero_cell_correction: float | None = None,
    covariance: FloatArray | None = None,
) -> PublishedPool:
    """Pool the crude odds ratios of published tables, with the rows of each study.

    method, limits : of the random effects, as in `pool`. zero_cell_correction : added to all counts
    of a table with an empty cell; such tables are refused without it. covariance : (k, k) of the
    log odds ratios (`shared_controls_covariance`), when studies share women.

    Raises as `pool` and `crude_odds_ratios` do.
    """
    rows = crude_rows(tables, conf_level=conf_level, zero_cell_correction=zero_cell_correction)
    estimates = crude_odds_ratios(tables, zero_cell_correction=zero_cell_correction)
    setting = _Setting(method, limits, conf_level, covariance)
    return _assembled(tables, rows, estimates, setting)


def pool_printed(
    tables: Sequence[PublishedTable],
    *,
    method: str = "DL",
    limits: Limits = "normal",
    conf_level: float = 0.95,
    covariance: FloatArray | None = None,
) -> PublishedPool:
    """Pool the main effect that each paper printed, in the direction of the convention.

    The effects must be of one measure, but their adjustment sets may differ, and the rows say so.

    Raises as `pool` and `published_effects` do.
    """
    estimates = published_effects(tables)
    rows = _frame([_printed_row(table, table.effects[0].directed) for table in tables])
    return _assembled(tables, rows, estimates, _Setting(method, limits, conf_level, covariance))


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    method: str
    limits: Limits
    conf_level: float
    covariance: FloatArray | None


def _assembled(
    tables: Sequence[PublishedTable],
    rows: pl.DataFrame,
    estimates: Sequence[StudyEstimate],
    setting: _Setting,
) -> PublishedPool:
    if setting.method not in TAU2_METHODS:
        raise SchemaError(
            f"unknown method of random effects '{setting.method}': "
            f"{nearest(setting.method, TAU2_METHODS)}"
        )
    conf_level, covariance = setting.conf_level, setting.covariance
    fixed = pool(estimates, method=FIXED, conf_level=conf_level, covariance=covariance)
    random = pool(
        estimates,
        method=setting.method,
        limits=setting.limits,
        conf_level=conf_level,
        covariance=covariance,
    )
    enough = len(estimates) >= FEWEST_TO_PREDICT
    asymmetry = egger_test(estimates) if enough else None
    tested = () if asymmetry is None else asymmetry.warnings
    adjustment = "crude" if "crude" in rows["adjustment"] else "as published"
    pooled_rows = [_pooled_row(tables, one, adjustment) for one in (fixed, random)]
    return PublishedPool(
        frame=pl.concat([rows, _frame(pooled_rows)]),
        fixed=fixed,
        random=random,
        limits=heterogeneity_limits(estimates, conf_level=conf_level, covariance=covariance),
        prediction=prediction_interval(random) if enough else None,
        asymmetry=asymmetry,
        warnings=tuple(dict.fromkeys(fixed.warnings + random.warnings + tested)),
    )


def crude_rows(
    tables: Iterable[PublishedTable],
    *,
    conf_level: float = 0.95,
    zero_cell_correction: float | None = None,
) -> pl.DataFrame:
    """Two rows a table: the crude odds ratio with Woolf's limits and with exact ones.

    A table with an empty cell and no correction keeps its Woolf row, with nulls and a note. A
    table whose counts are not known has one row of nulls that says so. Limits may be inf.
    """
    rows = []
    for table in tables:
        if not table.has_counts:
            rows.append(_row(table, note="the counts were not found in a source"))
            continue
        counts = table_of(table)
        if counts.has_empty_cell and zero_cell_correction is None:
            rows.append(_row(table, variance="Woolf", note="an empty cell: see the exact limits"))
        else:
            woolf = odds_ratio(
                counts, conf_level=conf_level, zero_cell_correction=zero_cell_correction
            )
            rows.append(_estimate_row(table, woolf))
        rows.append(_estimate_row(table, exact_odds_ratio(counts, conf_level=conf_level)))
    return _frame(rows)


def printed_rows(tables: Iterable[PublishedTable]) -> pl.DataFrame:
    """One row for each effect that a paper printed, in the direction of the convention.

    Every row names its measure; an effect printed without limits has none here. p_value is null
    where a bound was printed ("<0.001"): the note repeats it.
    """
    rows = []
    for table in tables:
        for effect in table.effects:
            if effect.estimate is not None:
                rows.append(_printed_row(table, effect.directed))
    return _frame(rows)


def _row(table: PublishedTable, *, variance: str | None = None, note: str = "") -> dict[str, Any]:
    doubts = ", ".join(table.doubtful)
    turned = "printed the other way round, turned here" if _printed_inverted(table) else ""
    persons, events = _totals(table)
    return {
        "study": table.id,
        "outcome": table.outcome,
        "exposure": table.exposure,
        "variable": table.exposure,
        "contrast": CONTRAST,
        "adjustment": "crude",
        "measure": "odds ratio",
        "variance": variance,
        "persons": persons,
        "events": events,
        "note": "; ".join(part for part in (note, turned, doubts) if part) or None,
    }


def _totals(table: PublishedTable) -> tuple[int | None, int | None]:
    """Persons and cases of a table; None where a total was not found."""
    cases = None if table.cases is None else table.cases.total
    controls = None if table.controls is None else table.controls.total
    return (None if cases is None or controls is None else cases + controls), cases


def _printed_inverted(table: PublishedTable) -> bool:
    return any(effect.inverted for effect in table.effects)


def _estimate_row(table: PublishedTable, estimate: TableEstimate) -> dict[str, Any]:
    return _row(table, variance=estimate.variance, note=estimate.note) | {
        "estimate": estimate.estimate,
        "conf_low": estimate.conf_low,
        "conf_high": estimate.conf_high,
        "conf_level": estimate.conf_level,
        "log_estimate": estimate.log_estimate,
        "std_error": estimate.std_error,
        "p_value": estimate.p_value,
        "converged": True,
    }


def _printed_row(table: PublishedTable, effect: PublishedEffect) -> dict[str, Any]:
    p_value, p_note = _printed_p(effect.p_value)
    marked = f"estimate {effect.provenance}" if effect.provenance != "checked" else None
    parts = (effect.note, p_note, effect.adjustment_note, marked)
    return _row(table, variance="as published") | {
        "adjustment": _adjustment(effect),
        "measure": effect.measure,
        "estimate": effect.estimate,
        "conf_low": effect.conf_low,
        "conf_high": effect.conf_high,
        "conf_level": effect.conf_level,
        "p_value": p_value,
        "note": "; ".join(part for part in parts if part) or None,
    }


def _adjustment(effect: PublishedEffect) -> str:
    if effect.adjusted_for is None:
        return "as published, adjustment not known in full"
    if effect.adjusted_for in ((), ("none",)):
        return "crude, as published"
    return "as published: " + ", ".join(effect.adjusted_for)


def _printed_p(text: str | None) -> tuple[float | None, str | None]:
    if text is None:
        return None, None
    try:
        return float(text), None
    except ValueError:
        return None, f"p {text}"


def _pooled_row(
    tables: Sequence[PublishedTable], pooled: Pooled, adjustment: str
) -> dict[str, Any]:
    outcomes = list(dict.fromkeys(table.outcome for table in tables))
    comparisons = [table.comparison_id for table in tables if table.comparison_id is not None]
    counted_once = len(set(comparisons)) == len(comparisons)
    heterogeneity = pooled.heterogeneity
    spread = f"Q {heterogeneity.q:.2f} on {heterogeneity.df} df, I2 {heterogeneity.i2:.0f} %"
    totals = [_totals(table) for table in tables]
    persons = [total[0] for total in totals if total[0] is not None]
    events = [total[1] for total in totals if total[1] is not None]
    return {
        "study": f"pooled, {METHOD_NAMES[pooled.method]}",
        "outcome": "; ".join(outcomes),
        "contrast": CONTRAST,
        "adjustment": adjustment,
        "measure": pooled.measure,
        "estimate": pooled.estimate,
        "conf_low": pooled.conf_low,
        "conf_high": pooled.conf_high,
        "conf_level": pooled.conf_level,
        "log_estimate": pooled.value,
        "std_error": pooled.std_error,
        "variance": METHOD_NAMES[pooled.method],
        "p_value": pooled.p_value,
        "persons": sum(persons) if counted_once and len(persons) == len(totals) else None,
        "events": sum(events) if len(events) == len(totals) else None,
        "converged": True,
        "note": "; ".join((spread, *pooled.warnings)),
    }


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    full = [{column: row.get(column) for column in STUDY_SCHEMA} for row in rows]
    return pl.DataFrame(full, schema=STUDY_SCHEMA)
