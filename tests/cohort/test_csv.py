"""The delimited-text door: declared formats, and what a malformed file is told."""

import datetime as dt
import hashlib

import polars as pl
import pytest

from cohort import Continuous, FollowUp, TimeScale, read_csv
from cohort.adapters.dates import DateFormat, with_dates
from cohort.adapters.delimited import CsvFormat
from cohort.errors import FollowUpError, SchemaError

DAYS = FollowUp(TimeScale("time since entry", "days"), exit="exit", event="event")
AGE = FollowUp(TimeScale("age", "years", origin="birth"), entry="entry", exit="exit", event="event")
DATED = CsvFormat(dates=dict.fromkeys(("birth", "entry", "exit"), "DD/MM/YYYY"))


def written(path, text, encoding="utf-8"):
    file = path / "cohort.csv"
    file.write_bytes(text.encode(encoding))
    return file


def read(path, text, *, follow_up=DAYS, encoding="utf-8", **declared):
    return read_csv(written(path, text, encoding), person="id", follow_up=follow_up, **declared)


def refusal(path, text, **declared):
    with pytest.raises(SchemaError) as caught:
        read(path, text, **declared)
    assert "secret" not in str(caught.value)
    return str(caught.value)


def test_what_the_door_saw(tmp_path):
    text = "id,exit,event,spare\n007,10,1,a\n008,20,0,b\n"
    cohort = read(tmp_path, text)
    assert cohort.frame["id"].to_list() == ["007", "008"]
    seen = cohort.provenance
    assert (seen.source, seen.rows_read, seen.rows_refused) == ("cohort.csv", 2, 0)
    assert seen.columns_unused == ("spare",)
    assert seen.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_types_follow_from_all_values(tmp_path):
    text = (
        "id,exit,event,code,big,half,day,moment,flag,empty,plain\n"
        "1,10,1,0107,12345678901234567890,.5,2001-02-28,2001-02-28 00:00:00,TRUE,,1e3\n"
        "2,20,0,C50,2,2,1890-01-01,1890-01-01T10:30:00,false,NA,-2\n"
    )
    frame = read(tmp_path, text).frame
    assert frame["code"].dtype == pl.String
    assert frame["big"].to_list() == ["12345678901234567890", "2"]
    assert frame["half"].to_list() == [0.5, 2.0]
    assert frame["day"].to_list() == [dt.date(2001, 2, 28), dt.date(1890, 1, 1)]
    assert frame["moment"].to_list()[1] == dt.datetime(1890, 1, 1, 10, 30)
    assert frame["flag"].to_list() == [True, False]
    assert frame["empty"].dtype == pl.Null
    assert frame["plain"].to_list() == [1000.0, -2.0]


def test_codes_with_leading_zeros_stay_text(tmp_path):
    frame = read(tmp_path, "id,exit,event,site\n1,1,0,01\n2,2,1,10\n").frame
    assert frame["site"].to_list() == ["01", "10"]


def test_an_impossible_iso_date_leaves_the_column_text(tmp_path):
    frame = read(tmp_path, "id,exit,event,day\n1,1,0,2001-02-30\n2,2,1,2001-02-28\n").frame
    assert frame["day"].dtype == pl.String


def test_nordic_file(tmp_path):
    """Semicolons, decimal commas, Latin-1, its own mark for missing, dates without separators."""
    text = "id;exit;event;bmi;født;navn\n1;10,5;1;22,75;19500131;Ærø\n2;20;0;.;19510228;Åse\n"
    form = CsvFormat(
        separator=";", decimal=",", encoding="latin-1",
        missing_in={"bmi": (".",)}, dates={"født": "YYYYMMDD"},
    )  # fmt: skip
    frame = read(tmp_path, text, encoding="latin-1", form=form).frame
    assert frame["exit"].to_list() == [10.5, 20.0]
    assert frame["bmi"].to_list() == [22.75, None]
    assert frame["født"].to_list() == [dt.date(1950, 1, 31), dt.date(1951, 2, 28)]
    assert frame["navn"].to_list() == ["Ærø", "Åse"]


def test_missing_fields_are_told_by_column(tmp_path):
    """NA is a value where the column says so: sodium, Namibia, a Norwegian name."""
    text = "id,exit,event,land,lab\n1,1,0,NA,NA\n2,2,1,,1.5\n"
    frame = read(tmp_path, text, form=CsvFormat(missing_in={"land": ("",)})).frame
    assert frame["land"].to_list() == ["NA", None]
    assert frame["lab"].to_list() == [None, 1.5]


def test_codes_keep_their_reason(tmp_path):
    bmi = Continuous("bmi", missing={".": "not recorded"})
    cohort = read(tmp_path, "id,exit,event,bmi\n1,1,0,.\n2,2,1,21.5\n", variables=[bmi])
    assert cohort.frame["bmi"].to_list() == [None, 21.5]
    assert cohort.frame["bmi.missing"].to_list() == ["not recorded", None]


def test_byte_order_mark(tmp_path):
    assert read(tmp_path, "\ufeffid,exit,event\n1,1,0\n").persons == 1


def test_declared_dates(tmp_path):
    text = "id,birth,entry,exit,event\n1,01/02/1950,03/04/2000,05/06/2010,1\n"
    cohort = read(tmp_path, text, follow_up=AGE, form=DATED)
    days = (dt.date(2000, 4, 3) - dt.date(1950, 2, 1)).days
    assert cohort.frame["_entry"][0] == days / 365.25


BAD_DATES = (
    "id,birth,entry,exit,event\n"
    "1,01/02/1950,03/04/2000,05/06/2010,1\n"
    "2,1950-02-01,03/04/2000,05/06/2010,1\n"
    "3,01/02/50,03/04/2000,31/06/2010,1\n"
    "4,secret,03/04/2000,05/06/2010,1\n"
    "5,01/02/1950,03/04/2000,05/06/2010,0\n"
)


def test_mixed_formats_are_refused(tmp_path):
    message = refusal(tmp_path, BAD_DATES, follow_up=AGE, form=DATED)
    assert "3 values of 'birth' do not read as a date written DD/MM/YYYY (rows 2, 3, 4)" in message
    assert "1 with a two-digit year, 2 in another format" in message
    assert "1 value of 'exit'" in message
    assert "1 with a day or month that the calendar does not have" in message


def test_bad_rows_set_aside_are_counted(tmp_path):
    form = CsvFormat(dates=DATED.dates, bad_rows="set aside")
    cohort = read(tmp_path, BAD_DATES, follow_up=AGE, form=form)
    assert cohort.persons == 2
    assert (cohort.provenance.rows_read, cohort.provenance.rows_refused) == (5, 3)
    assert [story.split(" (")[0] for story in cohort.provenance.refusals] == [
        "3 values of 'birth' do not read as a date written DD/MM/YYYY",
        "1 value of 'exit' does not read as a date written DD/MM/YYYY",
    ]


def test_sentinels_are_refused_until_declared(tmp_path):
    text = (
        "id,birth,entry,exit,event\n1,01/02/1950,03/04/2000,31/12/9999,0\n"
        "2,01/01/1900,03/04/2000,05/06/2010,1\n"
    )
    with pytest.raises(FollowUpError) as caught:
        read(tmp_path, text, follow_up=AGE, form=DATED)
    assert "1 value of 'exit' is 1900-01-01 or 9999-12-31 (row 1)" in str(caught.value)
    assert "1 value of 'birth'" in str(caught.value)
    told = CsvFormat(dates=DATED.dates, missing_in={"exit": ("31/12/9999",)})
    with pytest.raises(FollowUpError, match=r"1 record has no finite exit"):
        read(tmp_path, text.replace("01/01/1900", "01/01/1901"), follow_up=AGE, form=told)


@pytest.mark.parametrize(
    "text",
    ["id,exit,event\n1,1\n2,2,1\n", "id,exit,event\n1,1,0,secret\n2,2,1\n",
     "id,exit,event\n\n2,2,1\n"],
)  # fmt: skip
def test_ragged_rows(tmp_path, text):
    """A short row would otherwise be read as missing values: a truncated file, say."""
    message = refusal(tmp_path, text)
    assert "1 of 2 rows of 'cohort.csv' does not have the 3 fields of the header (row 1)" in message
    cohort = read(tmp_path, text, form=CsvFormat(bad_rows="set aside"))
    assert cohort.persons == 1
    assert (cohort.provenance.rows_read, cohort.provenance.rows_refused) == (2, 1)


def test_blank_lines_at_the_end_are_no_rows(tmp_path):
    assert read(tmp_path, "id,exit,event\n1,1,0\n\n\n").provenance.rows_read == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("id,exit,exit\n1,2,3\n", "1 column name twice, such as 'exit'"),
        ("id,exit,\n1,2,3\n", "1 of 3 columns of 'cohort.csv' have no name"),
        ("id,exit,event\n", "no records"),
        ('id,exit,event\n1,"secret" x,3\n', "cannot be read as delimited text"),
        ('id,exit,event\n1,"secret,3\n', "cannot be read as delimited text"),
        (
            "id;exit;event\n1;2,5;3\n",
            "separator ';' found, ',' expected. Declare separator, and dec",
        ),
        ("id;exit;event\n1;2;3\n", 'form = { separator = ";" } in [source]'),
        ("id\texit\tevent\n1\t2\t3\n", "separator tab found, ',' expected. Declare separator: Csv"),
        ("id\texit\tevent\n1\t2\t3\n", "CsvFormat(separator='\\t')"),
        ("id|exit|event\n1|2|3\n", "separator '|' found"),
        ("id\n1\n", "the data have 1 column, but no column 'exit'"),
    ],
)
def test_broken_files(tmp_path, text, said):
    assert said in refusal(tmp_path, text)


def test_the_declared_separator_is_the_wrong_one(tmp_path):
    told = refusal(tmp_path, "id,exit,event\n1,2,1\n", form=CsvFormat(separator=";"))
    assert "separator ',' found, ';' expected" in told
    assert "CsvFormat(separator=',') in Python" in told


def test_no_such_file(tmp_path):
    with pytest.raises(SchemaError, match="there is no file"):
        read_csv(tmp_path / "absent.csv", person="id", follow_up=DAYS)


def test_another_encoding(tmp_path):
    assert "is not text in utf-8" in refusal(
        tmp_path, "id,exit,event,n\n1,1,0,Ærø\n", encoding="latin-1"
    )


def test_unknown_columns_in_the_format(tmp_path):
    message = refusal(
        tmp_path, "id,exit,event\n1,1,0\n", form=CsvFormat(dates={"exits": "YYYYMMDD"})
    )
    assert "dates= names column 'exits': did you mean 'exit'" in message


@pytest.mark.parametrize(
    "layout",
    ["DD/MM/YY", "DD/MM", "MM/DD-YYYY", "DDxMMxYYYY", "DD/MM/YYYY HH", "%d/%m/%Y", "DD/DD/YYYY"],
)
def test_date_formats_that_are_none(layout):
    with pytest.raises(SchemaError, match="date format"):
        DateFormat(layout)


@pytest.mark.parametrize(
    "wrong",
    [{"separator": ""}, {"separator": ",,"}, {"decimal": ";"}, {"decimal": ","},
     {"bad_rows": "skip"}, {"missing": "NA"}, {"dates": {"x": "DD/MM/YY"}}],
)  # fmt: skip
def test_formats_that_contradict_themselves(wrong):
    with pytest.raises(SchemaError):
        CsvFormat(**wrong)


def test_dates_of_any_frame():
    frame = pl.DataFrame({"a": [19800131.0, None], "b": ["31.01.1980", None], "c": [19800131, 1]})
    read = with_dates(frame, {"a": "YYYYMMDD", "b": "DD.MM.YYYY"})
    assert read["a"].to_list() == read["b"].to_list() == [dt.date(1980, 1, 31), None]
    with pytest.raises(SchemaError, match=r"1 value of 'c' does not read as a date.*\(row 2\)"):
        with_dates(frame, {"c": "YYYYMMDD"})


def test_more_rows_than_a_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("cohort.adapters.delimited.ROWS_AT_A_TIME", 3)
    rows = "".join(f"{i},{i + 1},0\n" for i in range(10))
    cohort = read(tmp_path, "id,exit,event\n" + rows)
    assert cohort.frame["_exit"].to_list() == [float(i + 1) for i in range(10)]
    message = refusal(tmp_path, "id,exit,event\n" + rows.replace("7,8,0\n", "7,8\n"))
    assert "(row 8)" in message
