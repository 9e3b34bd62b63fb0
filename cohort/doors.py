"""The doors in: frames in memory, CSV and Parquet files.

Each door reads, declares and checks in one call, and leaves a record of what it saw. Their
signatures are fixed by the design note, hence more than six arguments.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from .adapters.delimited import PLAIN_CSV, CsvFormat, read_delimited
from .assemble import assemble
from .cohort import Cohort, Provenance
from .declaration import Declaration, declared
from .designs import Design, FullCohort
from .errors import SchemaError, counted
from .followup import FollowUp
from .variables import Variable


def from_frame(
    frame: Any,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
) -> Cohort:
    """A cohort from a polars, pandas or Arrow table, or any frame that narwhals knows.

    frame : one row a record; an index is ignored. The other arguments are those of Declaration.

    Raises SchemaError, FollowUpError or DesignError that tells all problems found.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    table = as_polars(frame)
    return assemble(table, declaration, Provenance("a frame in memory", len(table)))


def read_csv(
    path: str | Path,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
    form: CsvFormat = PLAIN_CSV,
) -> Cohort:
    """A cohort from a delimited text file with a header row.

    form : how the file is written; by default comma, decimal point, UTF-8, an empty field or NA
    for missing, and ISO dates (YYYY-MM-DD). See CsvFormat for other separators, decimal commas,
    date formats, fields that mean missing, and what becomes of malformed rows.

    Identifiers are read as text, and so are codes with leading zeros; no coding is guessed.

    Raises SchemaError when the file cannot be read as declared; otherwise as ``from_frame``.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    existing_file(Path(path))
    read = read_delimited(Path(path), form, person)
    seen = file_provenance(Path(path), read.rows_read)
    refused = read.rows_read - len(read.frame)
    return assemble(
        read.frame, declaration, replace(seen, rows_refused=refused, refusals=read.refusals)
    )


def read_parquet(
    path: str | Path,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
) -> Cohort:
    """A cohort from a Parquet file.

    Raises SchemaError when the file cannot be read; otherwise as ``from_frame``.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    existing_file(Path(path))
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(Path(path), "Parquet", error) from None
    return assemble(table, declaration, file_provenance(Path(path), len(table)))


def as_polars(frame: Any) -> pl.DataFrame:
    """Any data frame as polars.

    Raises SchemaError for something that is no table, has two columns of one name, or a column
    that mixes types or has one that no table of records needs.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    _refuse_doubled_names(frame)
    try:
        table: pl.DataFrame = nw.from_native(frame, eager_only=True).to_polars()
    except Exception as error:  # Each library raises its own, and most quote values.
        raise SchemaError(
            f"expected a table of records (polars, pandas, Arrow), found {type(frame).__name__} "
            f"that cannot become one ({type(error).__name__}){_unreadable_columns(frame)}."
        ) from None
    return table


def _refuse_doubled_names(frame: Any) -> None:
    names = [str(name) for name in getattr(frame, "column_names", getattr(frame, "columns", []))]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SchemaError(
            f"the table has {counted(len(doubled), 'column names')} twice, such as "
            f"'{doubled[0]}': rename one."
        )


def _unreadable_columns(frame: Any) -> str:
    """Which columns of a pandas table stand in the way."""
    if not nw.dependencies.is_pandas_dataframe(frame):
        return ""
    bad = []
    for name in frame.columns:
        try:
            nw.from_native(frame[[name]], eager_only=True).to_polars()
        except Exception:  # As above.
            bad.append(f"'{name}'")
    if not bad:
        return ""
    return (
        f": {len(bad)} columns, such as {bad[0]}, mix types or hold what no table can; make each "
        "one type before it enters"
    )


def existing_file(path: Path) -> None:
    """Refuse a path that is no file, or one that may not be read."""
    if not path.is_file():
        raise SchemaError(f"there is no file '{path}': check the path.")
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise SchemaError(f"the file '{path.name}' cannot be read: {error.strerror}.") from None


def unreadable(path: Path, kind: str, error: Exception) -> SchemaError:
    """The error for a file that its reader refused, without any of the file's content."""
    return SchemaError(f"'{path.name}' cannot be read as {kind} ({type(error).__name__}).")


def file_provenance(path: Path, rows: int) -> Provenance:
    """What a file door saw: name, rows and the SHA-256 of the bytes."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Provenance(path.name, rows, sha256=digest)
