"""From terms and the data dictionary to the columns of a model, each with a label.

A categorical variable gives one column for each level but its reference; a spline remembers its
declared knots; nothing about the encoding is learnt from the records.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cohort.cohort import Cohort
from cohort.errors import QuestionError, SchemaError, agreeing, counted, row_list
from cohort.variables import Binary, Categorical, Code, Continuous, Variable

from .grammar import Column, Term, parse_term
from .records import Flags, Floats
from .splines import natural, restricted_cubic

_PLAIN: dict[str, Callable[[Floats], Floats]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "square": np.square,
}
_STEP_WORDS = {"log2": "per doubling", "log10": "per tenfold"}


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The columns of one term: values (n, k) and a label for each."""

    term: Term
    labels: tuple[str, ...]
    values: Floats

    def names(self) -> tuple[str, ...]:
        """The names of the columns in a model, such as ``stage 2``."""
        return tuple(f"{self.term} {label}".strip() for label in self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A comparison that an exposure's columns answer.

    weights : (k,) so that the log hazard ratio is weights @ beta of those columns.
    """

    variable: str
    text: str
    weights: Floats


def parse(cohort: Cohort, text: str) -> Term:
    """A term whose variables are declared.

    Raises QuestionError for the grammar, SchemaError for an undeclared variable.
    """
    term = parse_term(text, [variable.name for variable in cohort.variables])
    for name in term.names:
        cohort.variable(name)
    return term


def complete(frame: pl.DataFrame, names: Sequence[str]) -> Flags:
    """Records with a value for every named column, (n,)."""
    kept = np.ones(len(frame), dtype=bool)
    for name in dict.fromkeys(names):
        series = frame[name]
        if series.null_count():
            kept &= series.is_not_null().to_numpy()
    return kept


def encode(cohort: Cohort, frame: pl.DataFrame, term: Term) -> Encoded:
    """The columns of a term for records without missing values."""
    labels: tuple[str, ...] = ("",)
    values = np.ones((len(frame), 1))
    for factor in term.factors:
        more_labels, more = _encode_factor(cohort.variable(factor.name), frame, factor)
        if len(term.factors) == 1:
            return Encoded(term, more_labels, more)
        values = (values[:, :, None] * more[:, None, :]).reshape(len(frame), -1)
        labels = tuple(f"{a} {b}".strip() for a in labels for b in more_labels)
    return Encoded(term, labels, values)


def _encode_factor(
    variable: Variable, frame: pl.DataFrame, factor: Column
) -> tuple[tuple[str, ...], Floats]:
    series = frame[variable.name]
    if isinstance(variable, Continuous):
        numbers = series.to_numpy().astype(np.float64, copy=False)
        values = _transformed(variable, factor, numbers)
        labels = (
            ("",) if values.shape[1] == 1 else tuple(str(j + 1) for j in range(values.shape[1]))
        )
        return labels, values
    if factor.function is not None:
        raise QuestionError(
            f"'{factor}' asks for a function of '{variable.name}', which is not continuous."
        )
    if isinstance(variable, Binary):
        return ("",), series.cast(pl.Float64).to_numpy().reshape(-1, 1)
    levels = other_levels(variable)
    columns = [(series == level).cast(pl.Float64).to_numpy() for level in levels]
    return tuple(variable.word(level) for level in levels), np.column_stack(columns)


def other_levels(variable: Categorical) -> tuple[Code, ...]:
    """The levels of a categorical variable without its reference.

    Raises QuestionError when no reference is declared or there is no other level.
    """
    levels = variable.levels or ()
    if variable.reference is None:
        raise QuestionError(
            f"variable '{variable.name}' has no reference level: declare reference = one of its "
            f"{len(levels)} levels; none is chosen for you."
        )
    others = tuple(level for level in levels if level != variable.reference)
    if not others:
        raise QuestionError(
            f"variable '{variable.name}' has a single level: there is nothing to compare."
        )
    return others


def reference_word(variable: Categorical) -> str:
    """The word for the level compared against; empty when none is declared."""
    return "" if variable.reference is None else variable.word(variable.reference)


def _transformed(variable: Continuous, factor: Column, x: Floats) -> Floats:
    if factor.function is None:
        return x.reshape(-1, 1)
    if factor.function in _PLAIN:
        bad = ~(x > 0) if factor.function.startswith("log") else ~(x >= 0)
        if factor.function != "square" and bad.any():
            raise SchemaError(
                f"{counted(bad.sum(), 'values')} of '{variable.name}' "
                f"{agreeing(bad.sum(), 'are')} not "
                f"{'above' if factor.function.startswith('log') else 'at least'} 0 "
                f"({row_list(np.flatnonzero(bad))}), so {factor} has no value there."
            )
        return _PLAIN[factor.function](x).reshape(-1, 1)
    return _spline(factor, x)


def _spline(factor: Column, x: Floats) -> Floats:
    knots = np.array(factor.option("knots"))
    if (np.diff(knots) <= 0).any():
        raise QuestionError(f"the knots of {factor} must increase.")
    if factor.function == "rcs":
        if knots.size < 3:
            raise QuestionError(f"{factor} needs knots=[...] of at least 3 values.")
        return restricted_cubic(x, knots)
    boundary = np.array(factor.option("boundary"))
    if boundary.size != 2 or (knots.size and not boundary[0] < knots[0] <= knots[-1] < boundary[1]):
        raise QuestionError(
            f"{factor} needs boundary=[low, high] with every knot between them, and knots=[...]."
        )
    return natural(x, knots, boundary)


def contrasts(cohort: Cohort, term: Term) -> tuple[Contrast, ...]:
    """The comparisons that an exposure answers, one row of the estimates each.

    Raises QuestionError for a product, or a spline without a reference value.
    """
    if len(term.factors) > 1:
        raise QuestionError(
            f"the exposure '{term}' is a product: name one variable as exposure and the other in "
            "modifiers, and the effect is reported in each of its levels."
        )
    factor = term.factors[0]
    variable = cohort.variable(factor.name)
    if isinstance(variable, Binary):
        return (Contrast(str(term), "yes vs no", np.ones(1)),)
    if isinstance(variable, Categorical):
        levels = other_levels(variable)
        against = reference_word(variable)
        return tuple(
            Contrast(str(term), f"{variable.word(level)} vs {against}", row)
            for level, row in zip(levels, np.eye(len(levels)), strict=True)
        )
    return _continuous_contrasts(variable, factor)


def _continuous_contrasts(variable: Continuous, factor: Column) -> tuple[Contrast, ...]:
    if factor.function is None:
        return (Contrast(variable.name, _per(variable), np.array([variable.per])),)
    if factor.function in _PLAIN:
        step = _STEP_WORDS.get(factor.function, f"per 1 of {factor}")
        return (Contrast(str(factor), step, np.ones(1)),)
    reference = factor.option("reference")
    if len(reference) != 1:
        raise QuestionError(
            f"the exposure {factor} needs reference= one value of '{variable.name}'"
            f"{' in ' + variable.unit if variable.unit else ''} to compare its knots against."
        )
    basis = _spline(factor, np.array(reference))
    rows = []
    for knot in factor.option("knots"):
        if knot != reference[0]:
            text = f"{knot:g} vs {reference[0]:g} {variable.unit}".strip()
            rows.append(
                Contrast(str(factor), text, _spline(factor, np.array([knot]))[0] - basis[0])
            )
    return tuple(rows)


def _per(variable: Continuous) -> str:
    unit = variable.unit or "unit"
    if variable.per == 1 and unit in ("years", "months", "weeks", "days", "units"):
        unit = unit[:-1]
    return f"per {variable.per:g} {unit}"
