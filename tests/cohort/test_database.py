"""Databases: what is read, and what a query may not reach."""

import datetime as dt
import sqlite3

import duckdb
import polars as pl
import pytest

from cohort import FollowUp, TimeScale
from cohort.adapters.database import Select, read_database
from cohort.errors import SchemaError

YEARS = FollowUp(TimeScale("time since entry", "years"), exit="exit", event="event")
STRANGE = 'my "table"; DROP TABLE x; --'
ROWS = [("007", 1.5, 1, dt.date(1950, 1, 31)), ("008", 2.5, 0, None), ("009", 3.5, 1, None)]


def read(path, select="women", **declared):
    return read_database(path, select, person="id", follow_up=YEARS, **declared)


def refusal(path, select):
    with pytest.raises(SchemaError) as caught:
        read(path, select)
    assert "secret" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def duck(tmp_path):
    path = tmp_path / "cohort.db"
    with duckdb.connect(str(path)) as connection:
        for name in ("women", STRANGE):
            quoted = name.replace('"', '""')
            connection.execute(
                f'CREATE TABLE "{quoted}" (id VARCHAR, exit DOUBLE, event INT, birth DATE)'
            )
            connection.executemany(f'INSERT INTO "{quoted}" VALUES (?, ?, ?, ?)', ROWS)
        connection.execute("CREATE TABLE words AS SELECT 'secret' AS word")
    return path


@pytest.fixture
def lite(tmp_path):
    path = tmp_path / "cohort.db"
    connection = sqlite3.connect(path)
    for name in ("women", STRANGE):
        quoted = name.replace('"', '""')
        connection.execute(f'CREATE TABLE "{quoted}" (id TEXT, exit REAL, event INT, birth TEXT)')
        rows = [(*row[:3], row[3] and row[3].isoformat()) for row in ROWS]
        connection.executemany(f'INSERT INTO "{quoted}" VALUES (?, ?, ?, ?)', rows)
    connection.execute("CREATE TABLE mixed (id TEXT, exit, event INT)")
    connection.execute("INSERT INTO mixed VALUES ('a', 1.5, 0), ('b', 'secret', 1)")
    connection.execute("CREATE TABLE words AS SELECT 'secret' AS word")
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def folder(tmp_path):
    base = tmp_path / "lake"
    (base / "women").mkdir(parents=True)
    frame = pl.DataFrame(ROWS, schema=["id", "exit", "event", "birth"], orient="row")
    frame[:2].write_parquet(base / "women" / "b.parquet")
    frame[2:].write_parquet(base / "women" / "a.parquet")
    frame.write_parquet(base / "other.parquet")
    return base


@pytest.fixture(params=["duck", "lite", "folder"])
def source(request):
    return request.getfixturevalue(request.param)


def test_a_table(source):
    cohort = read(source)
    assert sorted(cohort.frame["id"]) == ["007", "008", "009"]
    assert cohort.person_time == 7.5
    assert cohort.frame.filter(pl.col("id") == "007")["birth"].item() == dt.date(1950, 1, 31)
    assert cohort.provenance.source == f"{source.name}: women"
    assert cohort.provenance.rows_read == 3
    assert len(cohort.provenance.sha256) == 64
    assert cohort.provenance.columns_unused == ("birth",)


def test_values_are_bound(source):
    query = "SELECT * FROM women WHERE exit > ? AND id <> ? ORDER BY id"
    select = Select(query=query, values=(1.0, "' OR 1 = 1 --"))
    assert read(source, select).persons == 3
    select = Select(query=query, values=(2.0, "009"))
    assert read(source, select).frame["id"].to_list() == ["008"]


def test_unknown_table(source):
    message = refusal(source, "woman")
    assert "has no table 'woman': did you mean 'women'" in message


@pytest.mark.parametrize("source", ["duck", "lite"], indirect=True)
def test_names_are_quoted(source, request):
    assert read(source, STRANGE).persons == 3
    assert "has no table" in refusal(source, "women; DROP TABLE words")


@pytest.fixture
def elsewhere(tmp_path):
    path = tmp_path / "elsewhere.csv"
    path.write_text("id,exit,event\nsecret,1,1\n")
    return path


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM '{elsewhere}'",
        "SELECT * FROM read_csv('{elsewhere}')",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '{out}'",
        "COPY women TO '{out}'",
        "ATTACH '{out}' AS other",
        "DROP TABLE women",
        "DELETE FROM women",
        "UPDATE women SET exit = 9",
        "CREATE TABLE new AS SELECT 1 AS id",
        "INSTALL httpfs",
        "LOAD sqlite",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "VACUUM INTO '{out}'",
        "SELECT load_extension('x')",
        "SELECT frame FROM frame",
        "SELECT CAST(id || 'secret' AS INTEGER) AS id FROM women WHERE 1 = 1 / 0 OR TRUE",
        "SELECT",
        "",
    ],
)
def test_nothing_else_is_reached(source, query, elsewhere, tmp_path):
    out = tmp_path / "out.file"
    before = read(source).frame
    query = query.format(elsewhere=elsewhere, out=out)
    with pytest.raises(SchemaError) as caught:
        read(source, Select(query=query))
    assert "secret" not in str(caught.value)
    assert not out.exists()
    assert read(source).frame.equals(before)


def test_a_column_twice(source):
    assert "returns the column" in refusal(
        source, Select(query="SELECT id, id, exit, event FROM women")
    )


def test_two_statements(source):
    with pytest.raises(SchemaError):
        read(source, Select(query="SELECT * FROM women; DROP TABLE women"))


def test_mixed_types_of_sqlite(lite):
    message = refusal(lite, "mixed")
    assert "column 'exit' mixes numbers with 1 values of text or bytes (row 2)" in message
    assert "CAST it in a query" in message


def test_whole_numbers_of_duckdb_decimals(duck):
    query = "SELECT CAST(id AS DECIMAL(18, 0)) AS id, exit, event FROM women ORDER BY exit"
    assert read(duck, Select(query=query)).frame["id"].to_list() == ["7", "8", "9"]


def test_a_file_needs_a_table(duck):
    assert "say which table" in refusal(duck, Select())


def test_all_files_of_a_folder(folder):
    cohort = read(folder / "women", Select())
    assert cohort.frame["id"].to_list() == ["009", "007", "008"]
    assert cohort.provenance.source == "women: all files"


def test_the_digest_of_a_folder_tells_a_change(folder):
    before = read(folder).provenance.sha256
    assert read(folder).provenance.sha256 == before
    pl.read_parquet(folder / "other.parquet")[:1].write_parquet(folder / "other.parquet")
    assert read(folder).provenance.sha256 != before


def test_unlike_parts(folder):
    pl.DataFrame({"id": ["1"], "exit": [1], "event": [1]}).write_parquet(
        folder / "women" / "c.parquet"
    )
    message = refusal(folder, "women")
    assert "1 of the 3 files of table 'women' have other columns or types" in message


def test_a_damaged_part(folder):
    (folder / "women" / "c.parquet").write_bytes(b"secret")
    assert "'c.parquet' cannot be read as Parquet" in refusal(folder, "women")


def test_links_that_lead_out(folder, tmp_path):
    outside = tmp_path / "outside.parquet"
    pl.DataFrame({"id": ["secret"]}).write_parquet(outside)
    (folder / "linked.parquet").symlink_to(outside)
    assert "1 files of 'lake' are links that lead out of it" in refusal(folder, "women")


def test_an_empty_folder(tmp_path):
    assert "holds no Parquet files" in refusal(tmp_path, Select())


def test_no_database(tmp_path, elsewhere):
    assert "neither a DuckDB nor an SQLite file" in refusal(elsewhere, "women")
    assert "there is no file or folder" in refusal(tmp_path / "absent.db", "women")


def test_a_damaged_database(tmp_path):
    path = tmp_path / "broken.db"
    path.write_bytes(b"SQLite format 3\x00secret" * 50)
    assert "did not answer" in refusal(path, "women")
    path.write_bytes(b"01234567DUCKsecret" * 500)
    assert "cannot be opened as DuckDB" in refusal(path, "women")


def test_selects_that_contradict_themselves():
    with pytest.raises(SchemaError):
        Select(table="a", query="SELECT 1")
    with pytest.raises(SchemaError):
        Select(table="a", values=(1,))
