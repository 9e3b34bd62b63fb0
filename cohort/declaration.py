"""What a user declares of a table of records so that it can become a cohort."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import polars as pl

from .declared_text import check_texts
from .designs import Design, FullCohort
from .errors import SchemaError, counted, nearest
from .followup import FollowUp
from .variables import REASON_SUFFIX, Variable

PERSON, ENTRY, EXIT, EVENT = "_person", "_entry", "_exit", "_event"
STRATUM, CLUSTER, WEIGHT, OFFSET = "_stratum", "_cluster", "_weight", "_offset"
SUBCOHORT, SAMPLING_STRATUM = "_subcohort", "_sampling_stratum"
SET, CASE, INCLUSION, AT_RISK = "_set", "_case", "_inclusion", "_at_risk"
RESERVED = (
    PERSON, ENTRY, EXIT, EVENT, STRATUM, CLUSTER, WEIGHT, OFFSET,
    SUBCOHORT, SAMPLING_STRATUM, SET, CASE, INCLUSION, AT_RISK,
)  # fmt: skip


NO_FACT = (pl.Binary, pl.Duration, pl.Time, pl.Unknown)
"""Types of columns that no declaration has a use for."""


def declared(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """The variables that a door was given.

    Raises SchemaError unless they are several, each a Continuous, Categorical or Binary.
    """
    if not isinstance(variables, Iterable):
        raise SchemaError(
            f"variables is {type(variables).__name__}: expected a list, [Binary('smoker'), ...]."
        )
    several = tuple(variables)
    for place, one in enumerate(several, start=1):
        if not isinstance(one, get_args(Variable)):
            raise SchemaError(
                f"variables number {place} is {type(one).__name__}: expected Continuous, "
                "Categorical or Binary, such as Binary('smoker')."
            )
    return several


@dataclass(frozen=True, slots=True)
class Declaration:
    """The facts about a table: who, when, what happened, how sampled.

    person : the column of person identifiers. weight : a sampling weight. offset : a known
    log-hazard added to the linear predictor. cluster : persons or rows that are not independent.
    """

    person: str
    follow_up: FollowUp
    design: Design = FullCohort()
    variables: tuple[Variable, ...] = ()
    weight: str | None = None
    offset: str | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        single = {role: getattr(self, role) for role in ("weight", "offset", "cluster")}
        if not isinstance(self.person, str):
            raise SchemaError(f"person = {self.person!r}: expected the name of a column.")
        check_texts("the declaration", single)
        for role, given, kinds, example in (
            ("follow_up", self.follow_up, (FollowUp,), "FollowUp(scale, exit=..., event=...)"),
            ("design", self.design, get_args(Design), "a design such as FullCohort()"),
        ):
            if not isinstance(given, kinds):
                name = type(given).__name__
                if isinstance(given, type):
                    name = f"the class {given.__name__}, not a value of it"
                raise SchemaError(f"{role} is {name}: expected {example}.")

    def columns(self) -> tuple[str, ...]:
        """Every column that the declaration reads, each once."""
        single = (self.weight, self.offset, self.cluster)
        named = (
            self.person,
            *self.follow_up.columns(),
            *self.design.columns(),
            *(variable.source for variable in self.variables),
            *(name for name in single if name is not None),
        )
        return tuple(dict.fromkeys(named))

    def check_against(self, columns: Sequence[str]) -> None:
        """Refuse names that the table lacks, doubles, or that clash.

        Raises SchemaError naming the nearest column.
        """
        lacking = [name for name in self.columns() if name not in columns]
        if lacking:
            told = "; ".join(f"no column '{name}': {nearest(name, columns)}" for name in lacking)
            raise SchemaError(f"the data have {counted(len(columns), 'columns')}, but {told}")
        taken = [name for name in columns if name in RESERVED]
        if taken:
            raise SchemaError(
                f"column '{taken[0]}' has a name that the toolkit keeps for itself: rename it."
            )
        self.check_variable_names(columns)
        for variable in self.variables:
            if variable.name + REASON_SUFFIX in columns:
                raise SchemaError(
                    f"the data have a column '{variable.name}{REASON_SUFFIX}', where the toolkit "
                    f"keeps why '{variable.name}' is missing: rename it."
                )

    def check_variable_names(self, columns: Sequence[str]) -> None:
        """Refuse variables of one name, of a name that is kept, or of another column's name."""
        names = [variable.name for variable in self.variables]
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(f"two variables are called '{name}'.")
            if name.startswith("_") or name.endswith(REASON_SUFFIX):
                raise SchemaError(
                    f"a variable may not be called '{name}': names that begin with '_' or end "
                    f"with '{REASON_SUFFIX}' are kept by the toolkit."
                )
        for variable in self.variables:
            if variable.name != variable.source and variable.name in columns:
                raise SchemaError(
                    f"variable '{variable.name}' reads column '{variable.source}', but the data "
                    f"also have a column '{variable.name}': choose another name."
                )


def refuse_types(frame: pl.DataFrame, declared: Collection[str]) -> None:
    """Refuse columns of types that are no numbers, text, booleans or dates.

    Raises SchemaError for a declared column of such a type, and for Python objects in any column.
    """
    for series in frame:
        kind = series.dtype
        if kind == pl.Object or (series.name in declared and (kind.is_nested() or kind in NO_FACT)):
            raise SchemaError(
                f"column '{series.name}' holds {kind.base_type().__name__}: expected numbers, "
                "text, booleans or dates. Turn it into one of these, or leave the column out."
            )


def number_column(frame: pl.DataFrame, column: str, what: str) -> pl.Series:
    """A column as Float64 with NaN as null.

    Raises SchemaError unless it holds numbers.
    """
    series = frame[column]
    if series.dtype == pl.Null:
        return series.cast(pl.Float64)
    if not (series.dtype.is_numeric() or series.dtype.is_decimal()):
        raise SchemaError(f"column '{column}' holds {series.dtype}: {what} needs numbers.")
    return series.cast(pl.Float64).fill_nan(None)
