"""Databases in files: DuckDB, SQLite, and folders of Parquet files read through DuckDB.

Connections are read-only and cannot reach other files or the network; names of tables come from
the database itself and are quoted; values are bound, never written into the query.
"""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from ..assemble import assemble
from ..cohort import Cohort, Provenance
from ..declaration import Declaration, declared
from ..designs import Design, FullCohort
from ..doors import file_provenance, unreadable
from ..errors import SchemaError, nearest, row_list
from ..followup import FollowUp
from ..variables import Variable
from .dates import with_dates
from .delimited import iso_dates

NOTHING: Mapping[str, str] = MappingProxyType({})
SQLITE_MAGIC, DUCKDB_MAGIC = b"SQLite format 3\x00", b"DUCK"
READING = (
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
)  # fmt: skip
SEALED: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


@dataclass(frozen=True, slots=True)
class Select:
    """What to take from a database.

    table : the name of a table or view, whole. query : a SELECT in SQL instead, with ``?`` where
    ``values`` go. In a folder of Parquet files each file is a table of its name without
    ``.parquet``, and each subfolder one table of all its files; without table and query, all files
    of the folder are parts of one table.

    Raises SchemaError when both are given, or values without a query.
    """

    table: str | None = None
    query: str | None = None
    values: tuple[str | int | float, ...] = ()

    def __post_init__(self) -> None:
        if self.table is not None and self.query is not None:
            raise SchemaError("give Select a table or a query, not both.")
        if self.values and self.query is None:
            raise SchemaError("values= fill the ? of a query; a whole table has none.")


EVERYTHING = Select()


def read_database(
    path: str | Path,
    select: Select | str = EVERYTHING,
    *,
    person: str,
    follow_up: FollowUp,
    design: Design = FullCohort(),
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
    dates: Mapping[str, str] = NOTHING,
) -> Cohort:
    """A cohort from a DuckDB or SQLite file, or from a folder of Parquet files.

    path : the file or folder; its kind is read from its first bytes, not from its name.
    select : the name of a table, or a Select with a query and its values; only a folder of
    Parquet files needs none.
    dates : formats of dates held as text or whole numbers, ``{"birth": "DD/MM/YYYY"}``; in SQLite,
    which has no dates, text columns of nothing but ISO dates become dates.

    Rows keep the order of the database, which a query without ORDER BY does not promise. The
    SHA-256 of a folder is over the names and hashes of its Parquet files, sorted by name.

    Raises SchemaError when the database cannot be read, lacks the table, or a column mixes text
    and numbers; otherwise as ``from_frame``.
    """
    declaration = Declaration(
        person, follow_up, design, declared(variables), weight, offset, cluster
    )
    path, wanted = Path(path), Select(select) if isinstance(select, str) else select
    table, seen = _read(path, wanted)
    return assemble(with_dates(table, dates), declaration, seen)


def _read(path: Path, wanted: Select) -> tuple[pl.DataFrame, Provenance]:
    if path.is_dir():
        table = _parquet_folder(path, wanted)
        digest = _folder_digest(path)
        return table, Provenance(_source(path, wanted), len(table), sha256=digest)
    if not path.is_file():
        raise SchemaError(f"there is no file or folder '{path.name}' at that place.")
    if wanted.table is None and wanted.query is None:
        raise SchemaError(f"say which table of '{path.name}' to read: Select(table=...).")
    with path.open("rb") as stream:
        start = stream.read(16)
    if start == SQLITE_MAGIC:
        table = _sqlite(path, wanted)
    elif start[8:12] == DUCKDB_MAGIC:
        table = _duckdb(path, wanted)
    else:
        raise SchemaError(
            f"'{path.name}' is neither a DuckDB nor an SQLite file: read CSV and Parquet files "
            "with read_csv and read_parquet."
        )
    seen = file_provenance(path, len(table))
    return table, Provenance(_source(path, wanted), len(table), sha256=seen.sha256)


def _source(path: Path, wanted: Select) -> str:
    return f"{path.name}: {wanted.table or ('a query' if wanted.query else 'all files')}"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _statement(wanted: Select, tables: Sequence[str], path: Path) -> str:
    """The query, or the whole of one table that the database has."""
    if wanted.query is not None:
        return wanted.query
    if wanted.table not in tables:
        raise SchemaError(
            f"'{path.name}' has no table '{wanted.table}': {nearest(str(wanted.table), tables)}"
        )
    return f"SELECT * FROM {quoted(str(wanted.table))}"


def _unanswered(path: Path, error: Exception) -> SchemaError:
    """The error for a query that failed, without its text, which may quote values."""
    return SchemaError(
        f"'{path.name}' did not answer the query ({type(error).__name__}): check names and types. "
        "Only one SELECT is allowed; other files and the network are out of reach."
    )


def _duckdb(path: Path, wanted: Select) -> pl.DataFrame:
    import duckdb

    sealed = SEALED | {"enable_external_access": "false", "lock_configuration": "true"}
    try:
        connection = duckdb.connect(str(path), read_only=True, config=sealed)
    except duckdb.Error as error:
        raise SchemaError(
            f"'{path.name}' cannot be opened as DuckDB ({type(error).__name__}): another program "
            "may be writing to it, or a newer version wrote it."
        ) from None
    try:
        return _answer(connection, wanted, path)
    except duckdb.Error as error:
        raise _unanswered(path, error) from None
    finally:
        connection.close()


def _answer(connection: Any, wanted: Select, path: Path) -> pl.DataFrame:
    listed = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    statement = _statement(wanted, sorted(name for (name,) in listed), path)
    answer = connection.sql(statement, params=list(wanted.values) or None)
    if answer is None:
        raise SchemaError(f"the query on '{path.name}' returns no table: write one SELECT.")
    _refuse_doubled(answer.columns, path)
    table: pl.DataFrame = answer.pl()
    return table


def _refuse_doubled(names: Sequence[str], path: Path) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SchemaError(
            f"the query on '{path.name}' returns the column '{doubled[0]}' twice: name them apart "
            "with AS."
        )


def _parquet_folder(folder: Path, wanted: Select) -> pl.DataFrame:
    import duckdb

    parts = _parquet_tables(folder)
    if wanted.table is None and wanted.query is None:
        parts = {folder.name: _parquet_files(folder)}
        wanted = Select(folder.name)
    files = [str(file) for group in parts.values() for file in group]
    if not files:
        raise SchemaError(f"the folder '{folder.name}' holds no Parquet files to read.")
    connection = duckdb.connect(":memory:", config=SEALED)
    try:
        connection.execute(f"SET allowed_paths = [{', '.join(map(_literal, files))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        for name, group in parts.items():
            _refuse_unlike(group, name)
            listed = ", ".join(_literal(str(file)) for file in group)
            connection.execute(
                f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet([{listed}])"
            )
        return _answer(connection, wanted, folder)
    except duckdb.Error as error:
        raise _unanswered(folder, error) from None
    finally:
        connection.close()


def _literal(text: str) -> str:
    """A path as an SQL literal: statements that create views take no bound values."""
    return "'" + text.replace("'", "''") + "'"


def _parquet_files(folder: Path) -> list[Path]:
    """The Parquet files directly in a folder, by name; links that lead out of it are refused."""
    found = sorted(one.resolve() for one in folder.glob("*.parquet") if one.is_file())
    strays = [one for one in found if folder.resolve() not in one.parents]
    if strays:
        raise SchemaError(f"{len(strays)} files of '{folder.name}' are links that lead out of it.")
    return found


def _parquet_tables(folder: Path) -> dict[str, list[Path]]:
    tables = {one.stem: [one] for one in _parquet_files(folder)}
    for sub in sorted(one for one in folder.iterdir() if one.is_dir()):
        parts = _parquet_files(sub)
        if parts and sub.name in tables:
            raise SchemaError(f"'{folder.name}' has a file and a subfolder called '{sub.name}'.")
        if parts:
            tables[sub.name] = parts
    return tables


def _refuse_unlike(files: Sequence[Path], table: str) -> None:
    """Refuse parts of one table whose columns differ: DuckDB would cast or drop some."""
    schemas = []
    for file in files:
        try:
            schemas.append(pl.read_parquet_schema(file))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(file, "Parquet", error) from None
    unlike = [one.name for one, has in zip(files, schemas, strict=True) if has != schemas[0]]
    if unlike:
        raise SchemaError(
            f"{len(unlike)} of the {len(files)} files of table '{table}' have other columns or "
            f"types than '{files[0].name}', such as '{unlike[0]}': make them alike, or read them "
            "one by one."
        )


def _folder_digest(folder: Path) -> str:
    """SHA-256 over name and SHA-256 of every Parquet file, at most one folder down, sorted."""
    digest = hashlib.sha256()
    for file in sorted((*folder.glob("*.parquet"), *folder.glob("*/*.parquet"))):
        seen = file_provenance(file, 0)
        digest.update(f"{file.relative_to(folder).as_posix()}\0{seen.sha256}\n".encode())
    return digest.hexdigest()


def _sqlite(path: Path, wanted: Select) -> pl.DataFrame:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        connection.set_authorizer(_only_reading)
        listed = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        )
        statement = _statement(wanted, [name for (name,) in listed], path)
        cursor = connection.execute(statement, wanted.values)
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _unanswered(path, error) from None
    finally:
        connection.close()
    if not names:
        raise SchemaError(f"the query on '{path.name}' returns no table: write one SELECT.")
    _refuse_doubled(names, path)
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pl.DataFrame(
        [_of_one_kind(name, column) for name, column in zip(names, columns, strict=True)]
    )


def _only_reading(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY


def _of_one_kind(name: str, values: Sequence[object]) -> pl.Series:
    """A column of SQLite, which lets every value have its own type."""
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(name, [None] * len(values), dtype=pl.Null)
    if kinds == {str}:
        return iso_dates(pl.Series(name, values, dtype=pl.String))
    if kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Int64 if kinds == {int} else pl.Float64)
    text = [place for place, value in enumerate(values) if isinstance(value, (str, bytes))]
    raise SchemaError(
        f"column '{name}' mixes numbers with {len(text):,} values of text or bytes "
        f"({row_list(text)}): expected one type. CAST it in a query, or leave the column out."
    )
