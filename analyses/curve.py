"""Curves: estimates along time, such as survival or cumulative incidence, by group."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from .records import Floats

CURVE_SCHEMA: dict[str, Any] = {
    "time": pl.Float64,
    "group": pl.String,
    "at_risk": pl.Float64,
    "events": pl.Float64,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
}
"""The columns of ``Curve.frame``; at_risk and events are weighted where records are."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """An estimate at each time at which anything happens, by group.

    frame : columns of CURVE_SCHEMA, perhaps followed by others that the estimator names.
    measure : what is estimated. method : a sentence for the methods section. conf_level : of the
    pointwise limits. unit : of time.
    """

    frame: pl.DataFrame
    measure: str
    method: str
    conf_level: float
    unit: str

    def __repr__(self) -> str:
        groups = self.frame["group"].n_unique()
        return (
            f"Curve({self.measure}, {groups:,} group{'s' if groups > 1 else ''}, "
            f"{len(self.frame):,} times in {self.unit})"
        )


def framed(columns: dict[str, Floats | pl.Series]) -> pl.DataFrame:
    """The columns of CURVE_SCHEMA, (n,) each, and further ones as a frame; NaN is null."""
    # Column by column: given them all at once, polars starts threads to copy them.
    return pl.DataFrame(
        [
            column.alias(name)
            if isinstance(column, pl.Series)
            else pl.Series(name, column, nan_to_null=True)
            for name, column in columns.items()
        ]
    )
