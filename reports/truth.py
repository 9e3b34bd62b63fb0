"""Estimates beside the truth of a synthetic world: only where both speak of the same quantity.

A hazard ratio is not collapsible: the ratio conditional on age differs from the crude one although
nothing is wrong. So an estimate is compared only when it is adjusted for all that the true value is
conditional on.
"""

from collections.abc import Mapping, Sequence
from math import exp, isclose, log

import polars as pl

from cohort import Cohort, Continuous

from . import numbers
from .content import Row, Table
from .numbers import NOTHING


def truth_table(
    frame: pl.DataFrame, truth: pl.DataFrame, cohort: Cohort, sets: Mapping[str, Sequence[str]]
) -> Table:
    """Each estimate with the true value, where comparable, and whether the interval holds it.

    truth : columns variable, contrast, measure, truth, conditional_on (names, comma separated).
    sets : the terms of each adjustment set; empty when they are not known.
    """
    rows = []
    for row in frame.iter_rows(named=True):
        value = _true_value(row, truth, cohort, sets)
        inside = NOTHING
        if value is not None and row["conf_low"] is not None:
            inside = "yes" if row["conf_low"] <= value <= row["conf_high"] else "no"
        rows.append(
            Row(
                (
                    f"{row['variable']}, {row['contrast']}",
                    str(row["adjustment"]),
                    numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"]),
                    numbers.ratio(value),
                    inside,
                )
            )
        )
    header = ("Contrast", "Adjusted for", "Estimate", "Truth", "Interval holds it")
    note = (
        "The truth is conditional on every other cause in the world, so that only an estimate "
        "adjusted for all of them is compared with it; a crude ratio differs without any bias."
    )
    return Table("Estimates and truth", header, tuple(rows), (note,), (0, 1, 4))


def _true_value(
    row: dict[str, object],
    truth: pl.DataFrame,
    cohort: Cohort,
    sets: Mapping[str, Sequence[str]],
) -> float | None:
    same = truth.filter(
        (pl.col("variable") == row["variable"])
        & (pl.col("measure") == row["measure"])
        & (pl.col("outcome") == row["outcome"])
    )
    if len(same) != 1:
        return None
    needed = {name.strip() for name in str(same["conditional_on"][0]).split(",") if name.strip()}
    adjusted = set(sets.get(str(row["adjustment"]), ()))
    if not needed <= adjusted:
        return None
    value = float(same["truth"][0])
    variable = cohort.variable(str(row["variable"]))
    if isinstance(variable, Continuous) and not isclose(variable.per, 1.0):
        return exp(variable.per * log(value))
    return value
