"""Expressions of a recipe: a number, or SQL on the columns drawn before; polars reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cohort.errors import StudyError, nearest

from ..streams import FloatArray

PERSON = "person"
"""A column that every recipe has without saying so: the number of the person, from 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """What an entry of a recipe comes to for each person.

    text : as the document has it. names : the columns that it reads. compiled : for polars.
    """

    text: str
    names: tuple[str, ...]
    compiled: pl.Expr

    def series(self, frame: pl.DataFrame) -> pl.Series:
        """Its value for each person, (n,), in its own type.

        Raises StudyError when the columns do not allow it: text where a number is needed.
        """
        try:
            found = frame.select(self.compiled.alias("_value"))["_value"]
        except pl.exceptions.PolarsError as error:
            raise StudyError(
                f"the expression {self.text!r} cannot be worked out ({type(error).__name__}): look "
                "at the types of its columns."
            ) from None
        # A constant comes back once, whatever the number of persons.
        return found if len(found) == len(frame) else found.new_from_index(0, len(frame))

    def of(self, frame: pl.DataFrame) -> FloatArray:
        """Its value for each person, (n,), as a number; a missing value is NaN."""
        found = self.series(frame)
        if not (found.dtype.is_numeric() or found.dtype in (pl.Boolean, pl.Null)):
            raise StudyError(f"the expression {self.text!r} gives {found.dtype}: expected numbers.")
        values: FloatArray = found.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return values

    def holds(self, frame: pl.DataFrame) -> pl.Series:
        """Where it is true, (n,); where it is missing it is not.

        Raises StudyError when it is no condition.
        """
        found = self.series(frame)
        if found.dtype != pl.Boolean:
            raise StudyError(
                f"the expression {self.text!r} is no condition: it gives {found.dtype}, expected "
                "true or false."
            )
        return found.fill_null(False)


def expression(value: object, where: str) -> Expression:
    """Read a number or an expression in SQL.

    Raises StudyError when it is neither.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Expression(f"{value:g}", (), pl.lit(float(value)))
    if not isinstance(value, str):
        raise StudyError(f"{where} is {value!r}: expected a number or an expression in SQL.")
    try:
        compiled = pl.sql_expr(value)
        names = tuple(dict.fromkeys(compiled.meta.root_names()))
    except pl.exceptions.PolarsError as error:
        raise StudyError(
            f"{where} = {value!r} is no expression in SQL ({type(error).__name__})."
        ) from None
    return Expression(value, names, compiled)


def check_names(found: Expression, known: Sequence[str], where: str) -> None:
    """Refuse an expression that reads a column that is not drawn before it.

    Raises StudyError naming the nearest known one.
    """
    for name in found.names:
        if name not in known:
            raise StudyError(
                f"{where} names '{name}', which is not drawn before it: "
                f"{nearest(name, list(known))}"
            )
