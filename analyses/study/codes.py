"""Codes of a study document: text in TOML, of the column's own type in the data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from cohort import Binary, CaseCohort, Categorical, FollowUp
from cohort.variables import Code, Variable

from .parts import Study


def number_if_it_reads_so(table: Mapping[str, Any]) -> dict[Code, Any]:
    """The table with each key that reads as a number made one."""
    return {_number(key): value for key, value in table.items()}


def codes_like(example: Any, table: Mapping[str, Any]) -> dict[Code, Any]:
    """The table with its keys in the type of an example; text where there is none."""
    if isinstance(example, bool):
        return {_truth(key): value for key, value in table.items()}
    if isinstance(example, (int, float)):
        return number_if_it_reads_so(table)
    return {key: value for key, value in table.items()}


def _truth(text: str) -> Code:
    truths: dict[str, Code] = {"true": True, "false": False}
    return truths.get(text.lower(), text)


def _number(text: str) -> Code:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if abs(number) < float("inf") else text


def cast_codes(study: Study, schema: Mapping[str, pl.DataType]) -> Study:
    """The study with every code in the type of its column.

    schema : column names and types of the data. Columns it lacks are left for the door to refuse.
    """
    follow_up = study.follow_up
    design = study.design
    if isinstance(design, CaseCohort) and isinstance(design.cohort_size, Mapping):
        dtype = schema.get(str(design.stratum))
        design = replace(design, cohort_size=_keys(design.cohort_size, dtype))
    return replace(
        study,
        follow_up=None if follow_up is None else _follow_up(follow_up, schema),
        other_follow_up={n: _follow_up(one, schema) for n, one in study.other_follow_up.items()},
        design=design,
        variables=tuple(_variable(one, schema.get(one.source)) for one in study.variables),
    )


def _follow_up(follow_up: FollowUp, schema: Mapping[str, pl.DataType]) -> FollowUp:
    return replace(follow_up, competing=_keys(follow_up.competing, schema.get(follow_up.event)))


def _variable(variable: Variable, dtype: pl.DataType | None) -> Variable:
    missing = _keys(variable.missing, dtype)
    if isinstance(variable, Binary):
        return replace(variable, missing=missing)
    if isinstance(variable, Categorical):
        levels = variable.levels
        return replace(
            variable,
            levels=None if levels is None else tuple(_cast(level, dtype) for level in levels),
            reference=None if variable.reference is None else _cast(variable.reference, dtype),
            labels=_keys(variable.labels, dtype),
            missing=missing,
        )
    return replace(variable, missing=missing)


def _keys(table: Mapping[Code, Any], dtype: pl.DataType | None) -> dict[Code, Any]:
    return {_cast(key, dtype): value for key, value in table.items()}


def _cast(code: Code, dtype: pl.DataType | None) -> Code:
    if dtype is None:
        return code
    if dtype == pl.Boolean:
        return _truth(code) if isinstance(code, str) else code
    if dtype.is_numeric():
        return _number(code) if isinstance(code, str) else code
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)) and not isinstance(code, bool):
        return str(code)
    return code
