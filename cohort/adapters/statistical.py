"""Files of SAS, Stata and SPSS, through pyreadstat.

What such a file itself declares missing (SPSS ranges such as 77 and 99, the letters .a to .z of
SAS and Stata) becomes missing here, and its code is kept beside the column, so that a variable can
name it: ``Continuous("births", missing={77: "refused"})``, ``missing={".a": "refused"}``.
``read_dictionary`` shows labels and codes before anything is declared.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from ..assemble import assemble
from ..cohort import Cohort
from ..declaration import Declaration, declared
from ..designs import Design, FullCohort
from ..doors import existing_file, file_provenance, unreadable
from ..errors import SchemaError, one_of
from ..followup import FollowUp
from ..variables import CODE_SUFFIX, Variable, code_text
from .dates import with_dates

ISO_ALREADY: Mapping[str, str] = MappingProxyType({})
SAS, STATA, SPSS = (".sas7bdat", ".xpt"), (".dta",), (".sav", ".zsav")
NUMERIC = ("double", "float", "int8", "int16", "int32")


def read_sas(
    path: str | Path,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
    dates: Mapping[str, str] = ISO_ALREADY,
) -> Cohort:
    """A cohort from a SAS file, ``.sas7bdat`` or transport ``.xpt``.

    dates : formats of dates that the file holds as text or whole numbers, ``{"INDATUM":
    "YYYYMMDD"}``; SAS dates need none. Blank text is missing, as in SAS. The special missing
    values .A to .Z and ._ keep their letter (``missing={".a": ...}``) in ``.sas7bdat`` only: in
    ``.xpt`` the reader makes them plain missing.

    Raises SchemaError when the file cannot be read; otherwise as ``from_frame``.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    return _cohort(Path(path), SAS, declaration, dates)


def read_stata(
    path: str | Path,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
    dates: Mapping[str, str] = ISO_ALREADY,
) -> Cohort:
    """A cohort from a Stata file, ``.dta``.

    dates : formats of dates that the file holds as text or whole numbers; Stata dates need none.
    Empty text is missing, as in Stata. The extended missing values .a to .z keep their letter:
    name them with ``missing={".a": "refused"}``.

    Raises SchemaError when the file cannot be read; otherwise as ``from_frame``.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    return _cohort(Path(path), STATA, declaration, dates)


def read_spss(
    path: str | Path,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
    dates: Mapping[str, str] = ISO_ALREADY,
) -> Cohort:
    """A cohort from an SPSS file, ``.sav`` or ``.zsav``.

    dates : formats of dates that the file holds as text or whole numbers; SPSS dates need none.
    Values that the file declares missing are missing, and keep their code: name them with
    ``missing={77: "refused", 99: "don't know"}``.

    Raises SchemaError when the file cannot be read; otherwise as ``from_frame``.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    return _cohort(Path(path), SPSS, declaration, dates)


def read_dictionary(path: str | Path) -> pl.DataFrame:
    """What a SAS, Stata or SPSS file says of its own columns.

    One row a column and labelled or missing code: ``column``, ``label``, ``kind`` (text or
    number), ``code`` (as text; null for a column without any), ``meaning``, and ``missing``,
    whether the file declares the code missing. A range of missing codes reads ``low to high``.

    Raises SchemaError when the file cannot be read.
    """
    # Which letters of SAS and Stata occur is known only once the values have been read.
    _, meta = _read(Path(path), (*SAS, *STATA, *SPSS))
    rows = [row for column in meta.column_names for row in _dictionary_rows(column, meta)]
    schema = ["column", "label", "kind", "code", "meaning", "missing"]
    return pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)


def _dictionary_rows(column: str, meta: Any) -> list[tuple[str | bool | None, ...]]:
    label = meta.column_names_to_labels.get(column) or None
    kind = "number" if _is_number(column, meta) else "text"
    meanings = {
        _letter(code): word for code, word in meta.variable_value_labels.get(column, {}).items()
    }
    missing = dict.fromkeys(_letter(code) for code in meta.missing_user_values.get(column, ()))
    for low, high in _ranges(column, meta):
        missing[code_text(low) if low == high else f"{code_text(low)} to {code_text(high)}"] = None
    codes: list[str | None] = [*sorted({*meanings, *missing})] or [None]
    return [(column, label, kind, code, meanings.get(str(code)), code in missing) for code in codes]


def _cohort(
    path: Path, kinds: tuple[str, ...], declaration: Declaration, dates: Mapping[str, str]
) -> Cohort:
    raw, meta = _read(path, kinds)
    columns = [series for column in raw.columns for series in _column(raw[column], meta, path)]
    table = with_dates(pl.DataFrame(columns), dates)
    return assemble(table, declaration, file_provenance(path, len(table)))


def _read(path: Path, kinds: tuple[str, ...]) -> tuple[pl.DataFrame, Any]:
    """The table and the dictionary of a file."""
    existing_file(path)
    kind = path.suffix.lower()
    if kind not in kinds:
        raise SchemaError(f"'{path.name}' ends in '{kind}': this door reads {one_of(kinds)}.")
    import pyreadstat

    readers: dict[str, Callable[..., Any]] = {
        ".sas7bdat": pyreadstat.read_sas7bdat, ".xpt": pyreadstat.read_xport,
        ".dta": pyreadstat.read_dta, ".sav": pyreadstat.read_sav, ".zsav": pyreadstat.read_sav,
    }  # fmt: skip
    # The transport format has no list of user's codes that pyreadstat could keep.
    keep = {} if kind == ".xpt" else {"user_missing": True}
    try:
        table, meta = readers[kind](str(path), output_format="polars", **keep)
    except Exception as error:  # pyreadstat raises a class of its own for each kind of damage.
        raise unreadable(path, kind, error) from None
    doubled = {name for name in meta.column_names if meta.column_names.count(name) > 1}
    if doubled:
        raise SchemaError(f"'{path.name}' has the column name '{min(doubled)}' twice.")
    return table, meta


def _column(series: pl.Series, meta: Any, path: Path) -> list[pl.Series]:
    """A column with what the file declares missing as null, and the codes beside it, if any."""
    values, codes = _without_letters(series, meta)
    if values.dtype == pl.String and path.suffix.lower() not in SPSS:
        values = values.zip_with(values != "", pl.Series([None], dtype=pl.String))
    if values.dtype.is_float():
        values = values.fill_nan(None)
    hit = pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)
    for low, high in _ranges(series.name, meta):
        hit = hit | values.is_between(low, high).fill_null(False)
    if hit.any():
        texts = pl.Series([None if v is None else code_text(v) for v in values.filter(hit)])
        codes = codes.scatter(hit.arg_true(), texts)
        values = values.zip_with(~hit, pl.Series([None], dtype=values.dtype))
    if codes.null_count() == len(codes):
        return [values]
    return [values, codes.rename(series.name + CODE_SUFFIX)]


def _without_letters(series: pl.Series, meta: Any) -> tuple[pl.Series, pl.Series]:
    """A column of numbers and letters as numbers alone, and the letters as ``.a`` to ``.z``."""
    nothing = pl.Series(series.name, [None] * len(series), dtype=pl.String)
    if series.dtype == pl.Object or (series.dtype == pl.String and _is_number(series.name, meta)):
        mixed = series.to_list()
        letters = [_letter(v) if isinstance(v, str) and v else None for v in mixed]
        numbers = [None if isinstance(v, str) else v for v in mixed]
        return (
            pl.Series(series.name, numbers, strict=False),
            pl.Series(series.name, letters, dtype=pl.String),
        )
    return series, nothing


def _is_number(column: str, meta: Any) -> bool:
    return meta.readstat_variable_types.get(column) in NUMERIC


def _letter(code: Any) -> str:
    """A code as text; the bare letters that pyreadstat gives for .a to .z get their point back."""
    if isinstance(code, str) and len(code) == 1 and (code.isalpha() or code == "_"):
        return "." + code.lower()
    return code_text(code)


def _ranges(column: str, meta: Any) -> list[tuple[Any, Any]]:
    return [(one["lo"], one["hi"]) for one in meta.missing_ranges.get(column, ())]
