"""From a table and its declaration to a cohort: everything is read, checked and told once."""

from dataclasses import replace

import numpy as np
import polars as pl

from .case_cohort import settled
from .checks import problems_of, raise_if_any
from .cohort import Cohort, Provenance, drop_zero_weights, step
from .declaration import (
    AT_RISK,
    CASE,
    CLUSTER,
    ENTRY,
    EVENT,
    EXIT,
    INCLUSION,
    OFFSET,
    PERSON,
    SAMPLING_STRATUM,
    SET,
    STRATUM,
    SUBCOHORT,
    WEIGHT,
    Declaration,
    number_column,
    refuse_types,
)  # fmt: skip
from .designs import CaseCohort, CaseControl, Design, NestedCaseControl
from .errors import SchemaError, agreeing, counted, row_list
from .followup import event_codes
from .timescales import merge_near_equal, times_of
from .variables import CODE_SUFFIX, Binary, Variable, read_variable

LARGEST_WHOLE = 1e15
LARGEST_WHOLE_SINGLE = 2.0**24
"""Beyond these, numbers of double and single precision stop telling neighbours apart."""


def assemble(frame: pl.DataFrame, declaration: Declaration, provenance: Provenance) -> Cohort:
    """A cohort from a table of records.

    Raises SchemaError, FollowUpError or DesignError that tells all problems found.
    """
    declaration.check_against(frame.columns)
    refuse_types(frame, declaration.columns())
    if len(frame) == 0:
        raise SchemaError(f"{provenance.source} has {len(frame.columns)} columns but no records.")
    normal, merged = _normalised(frame, declaration)
    variables, normal = with_variables(frame, normal, declaration)
    declaration = replace(declaration, variables=variables)
    problems = problems_of(normal, declaration)
    raise_if_any(problems)
    notes = [*provenance.notes, *(problem.message for problem in problems)]
    if merged:
        notes.append(
            f"{merged:,} {'times' if merged > 1 else 'time'} differed from another by rounding "
            "alone: merged."
        )
    known = {*declaration.columns(), *(name + CODE_SUFFIX for name in declaration.columns())}
    unused = tuple(name for name in frame.columns if name not in known)
    provenance = replace(provenance, merged_times=merged, notes=tuple(notes), columns_unused=unused)
    cohort = Cohort(normal, declaration, (step("in the data", normal),), provenance)
    return drop_zero_weights(settled(cohort))


def _normalised(frame: pl.DataFrame, declaration: Declaration) -> tuple[pl.DataFrame, int]:
    follow_up = declaration.follow_up
    exits = times_of(frame, follow_up.exit, follow_up.scale)
    if follow_up.entry is None:
        (exits,), merged = merge_near_equal(exits)
        entries = np.full(len(frame), -np.inf)
    else:
        entries = times_of(frame, follow_up.entry, follow_up.scale)
        (entries, exits), merged = merge_near_equal(entries, exits)
    person = identifiers(frame[declaration.person])
    columns = [
        person,
        _coded(person).alias(PERSON),
        pl.Series(ENTRY, entries),
        pl.Series(EXIT, exits),
        pl.Series(EVENT, event_codes(frame, follow_up)),
        *optional_columns(frame, declaration),
        *_design_columns(frame, declaration.design),
    ]
    return frame.clone().with_columns(columns), merged


def optional_columns(frame: pl.DataFrame, declaration: Declaration) -> list[pl.Series]:
    """The normalised columns of what a declaration may leave out, those that it has."""
    columns = []
    if declaration.follow_up.stratum is not None:
        columns.append(_without_nan(frame[declaration.follow_up.stratum]).rename(STRATUM))
    if declaration.cluster is not None:
        columns.append(_coded(frame[declaration.cluster]).alias(CLUSTER))
    if declaration.weight is not None:
        columns.append(number_column(frame, declaration.weight, "a weight").rename(WEIGHT))
    if declaration.offset is not None:
        columns.append(number_column(frame, declaration.offset, "an offset").rename(OFFSET))
    return columns


def identifiers(series: pl.Series) -> pl.Series:
    """Identifiers as text, always: numbers lose digits.

    Raises SchemaError for a missing identifier or one that a number type has already damaged.
    """
    series = _without_nan(series)
    if series.null_count():
        raise SchemaError(
            f"{counted(series.null_count(), 'records have')} no identifier in '{series.name}' "
            f"({row_list(series.is_null().arg_true())}): expected one for every record."
        )
    if series.dtype.is_float():
        series = _whole(series)
    whole = series.dtype.is_integer() or (
        isinstance(series.dtype, pl.Decimal) and series.dtype.scale == 0
    )
    if not (whole or isinstance(series.dtype, (pl.String, pl.Categorical, pl.Enum))):
        raise SchemaError(
            f"identifiers in '{series.name}' are {series.dtype}: expected text or whole numbers."
        )
    return _told_apart(series.cast(pl.String))


def _whole(series: pl.Series) -> pl.Series:
    largest = LARGEST_WHOLE_SINGLE if series.dtype == pl.Float32 else LARGEST_WHOLE
    damaged = (series != series.round(0)) | (series.abs() >= largest)
    if damaged.any():
        raise SchemaError(
            f"{counted(damaged.sum(), 'identifiers')} in '{series.name}' "
            f"{agreeing(damaged.sum(), 'are')} not whole and below {largest:,.0f} "
            f"({row_list(damaged.arg_true())}): they were read as floating-point "
            f"numbers ({series.dtype}), which tell no larger ones apart; read the column as text."
        )
    return series.cast(pl.Int64)


def _told_apart(names: pl.Series) -> pl.Series:
    """Refuse identifiers that are blank, or that differ by the spaces around them alone."""
    bare = names.str.strip_chars()
    blank = bare == ""
    if blank.any():
        raise SchemaError(
            f"{counted(blank.sum(), 'records have')} a blank identifier in '{names.name}' "
            f"({row_list(blank.arg_true())}): expected one for every record."
        )
    padded = bare != names
    if padded.any() and bare.n_unique() < names.n_unique():
        raise SchemaError(
            f"{counted(padded.sum(), 'identifiers')} in '{names.name}' "
            f"{agreeing(padded.sum(), 'have')} spaces around them "
            f"({row_list(padded.arg_true())}), and some differ from others by these alone: remove "
            "the spaces, or one person counts as two."
        )
    return names


def _coded(series: pl.Series) -> pl.Series:
    """Whole-number codes by first appearance, null kept null."""
    return _without_nan(series).rank("dense").cast(pl.UInt32) - 1


def _without_nan(series: pl.Series) -> pl.Series:
    """NaN is missing, never a level."""
    return series.fill_nan(None) if series.dtype.is_float() else series


def _design_columns(frame: pl.DataFrame, design: Design) -> list[pl.Series]:
    columns = []
    if isinstance(design, CaseCohort):
        columns.append(_yes_or_no(frame, design.subcohort).rename(SUBCOHORT))
        if design.stratum is not None:
            columns.append(_without_nan(frame[design.stratum]).rename(SAMPLING_STRATUM))
    if isinstance(design, (NestedCaseControl, CaseControl)) and design.matched_set is not None:
        columns.append(_coded(frame[design.matched_set]).alias(SET))
    if isinstance(design, NestedCaseControl):
        if design.case is not None:
            columns.append(_yes_or_no(frame, design.case).rename(CASE))
        if design.inclusion is not None:
            columns.append(
                number_column(frame, design.inclusion, "a probability").rename(INCLUSION)
            )
        if design.at_risk is not None:
            columns.append(number_column(frame, design.at_risk, "a count").rename(AT_RISK))
    return columns


def _yes_or_no(frame: pl.DataFrame, column: str) -> pl.Series:
    return read_variable(frame, Binary(column))[1][0]


def with_variables(
    frame: pl.DataFrame, normal: pl.DataFrame, declaration: Declaration
) -> tuple[tuple[Variable, ...], pl.DataFrame]:
    """The variables as they were found, and the normalised frame with a column for each."""
    variables, columns = [], []
    for variable in declaration.variables:
        known, series = read_variable(frame, variable)
        variables.append(known)
        columns.extend(series)
    return tuple(variables), normal.with_columns(columns)
