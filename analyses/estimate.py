"""Estimates: one row for each contrast and adjustment set, with everything needed to trust it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from cohort.cohort import Step
from cohort.errors import NotEstimableError, QuestionError, nearest

from .cox.fit import CoxFit

SCHEMA: dict[str, Any] = {
    "outcome": pl.String,
    "exposure": pl.String,
    "variable": pl.String,
    "contrast": pl.String,
    "modifier_level": pl.String,
    "adjustment": pl.String,
    "measure": pl.String,
    "estimate": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "conf_level": pl.Float64,
    "log_estimate": pl.Float64,
    "std_error": pl.Float64,
    "variance": pl.String,
    "ties": pl.String,
    "p_value": pl.Float64,
    "persons": pl.Int64,
    "events": pl.Int64,
    "person_time": pl.Float64,
    "dropped": pl.Int64,
    "converged": pl.Boolean,
    "note": pl.String,
}
"""The columns of ``Estimates.frame``. std_error is that of log_estimate where there is one."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """The answer to a question.

    frame : one row a contrast, modifier level and adjustment set (columns of SCHEMA). A row that
    cannot be estimated has nulls and a note. method : a sentence for the methods section, every
    default included. steps : records left out as incomplete, by adjustment set. fits : the models
    behind the rows, one for each adjustment set and modifier, keyed as in ``models``.
    """

    frame: pl.DataFrame
    method: str
    steps: tuple[tuple[str, Step], ...] = ()
    fits: tuple[CoxFit, ...] = ()
    models: tuple[str, ...] = field(default=())

    def of(
        self, variable: str, *, contrast: str | None = None, adjustment: str | None = None
    ) -> "Estimates":
        """The rows of one variable, contrast or adjustment set.

        Raises QuestionError naming the nearest known word when there is no such row.
        """
        wanted = {"variable": variable, "contrast": contrast, "adjustment": adjustment}
        frame = self.frame
        for column, word in wanted.items():
            if word is None:
                continue
            known = frame[column].unique(maintain_order=True).drop_nulls().to_list()
            if word not in known:
                raise QuestionError(f"no estimate has {column} '{word}'; {nearest(word, known)}")
            frame = frame.filter(pl.col(column) == word)
        return replace(self, frame=frame)

    def fit(self, model: str) -> CoxFit:
        """The fitted model of an adjustment set.

        Raises QuestionError naming the nearest known one.
        """
        if model not in self.models:
            raise QuestionError(f"no model '{model}' was fitted; {nearest(model, self.models)}")
        return self.fits[self.models.index(model)]

    @property
    def estimate(self) -> float:
        """The estimate of a single row; raises NotEstimableError when it has none."""
        return self._single("estimate")

    @property
    def conf_low(self) -> float:
        """The lower limit of a single row; raises NotEstimableError when it has none."""
        return self._single("conf_low")

    @property
    def conf_high(self) -> float:
        """The upper limit of a single row; raises NotEstimableError when it has none."""
        return self._single("conf_high")

    @property
    def log_estimate(self) -> float:
        """The log of the estimate of a single row; raises NotEstimableError when it has none."""
        return self._single("log_estimate")

    @property
    def std_error(self) -> float:
        """The standard error of a single row; raises NotEstimableError when it has none."""
        return self._single("std_error")

    @property
    def p_value(self) -> float:
        """The two-sided p-value of a single row; raises NotEstimableError when it has none."""
        return self._single("p_value")

    def _single(self, column: str) -> float:
        if len(self.frame) != 1:
            raise QuestionError(
                f"one value was asked of {len(self.frame)} rows: choose one with "
                ".of(variable, contrast=, adjustment=)."
            )
        value = self.frame[column][0]
        if value is None:
            raise NotEstimableError(
                f"{self.frame['variable'][0]} ({self.frame['contrast'][0]}) has no {column}: "
                f"{self.frame['note'][0]}"
            )
        return float(value)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return "\n".join(_line(row) for row in self.frame.iter_rows(named=True))


def _line(row: dict[str, Any]) -> str:
    what = f"{row['variable']}, {row['contrast']}"
    if row["modifier_level"] is not None:
        what += f", {row['modifier_level']}"
    if row["adjustment"] is not None:
        what += f" ({row['adjustment']})"
    if row["estimate"] is None:
        return f"{what}: not estimable, {row['note']}"
    level = f"{100 * row['conf_level']:g} %"
    limits = f"{_short(row['conf_low'])} to {_short(row['conf_high'])}"
    return f"{what}: {row['measure']} {_short(row['estimate'])} ({level} interval {limits})"


def _short(number: float | None) -> str:
    if number is None:
        return "none"
    return f"{number:.2f}" if abs(number) >= 0.1 else f"{number:.3g}"


def table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of the declared columns; a column left out is null."""
    columns = {name: [row.get(name) for row in rows] for name in SCHEMA}
    return pl.DataFrame(columns, schema=SCHEMA)
