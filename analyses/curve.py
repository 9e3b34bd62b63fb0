"""Curves: estimates along time, such as survival or cumulative incidence, by group."""

from dataclasses import dataclass
from typing import Any

import polars as pl

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
