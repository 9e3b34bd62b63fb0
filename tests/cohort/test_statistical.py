"""The doors of SAS, Stata and SPSS: codes that a file declares missing are kept, dates are dates.

pyreadstat cannot write .sas7bdat, so that branch is tried with what its reader returns.
"""

import datetime as dt
import hashlib
from types import SimpleNamespace

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from cohort import Categorical, Continuous, FollowUp, TimeScale
from cohort.adapters.statistical import read_dictionary, read_sas, read_spss, read_stata
from cohort.errors import SchemaError

YEARS = FollowUp(TimeScale("time since interview", "years"), exit="exit", event="event")
AGE = FollowUp(TimeScale("age", "years", origin="birth"), entry="entry", exit="exit", event="event")
BASE = {"seqn": [1.0, 2.0, 3.0, 12345678901234.0], "exit": [1.5, 2.5, 3.5, 4.5],
        "event": [1.0, 0.0, 0.0, 1.0]}  # fmt: skip


@pytest.fixture
def spss(tmp_path):
    frame = pd.DataFrame(BASE | {"births": [1.0, 77.0, 99.0, None], "sex": ["F", "M", "", "F"]})
    path = tmp_path / "rhq.sav"
    pyreadstat.write_sav(
        frame, str(path),
        missing_ranges={"births": [{"lo": 77, "hi": 77}, {"lo": 90, "hi": 99}]},
        variable_value_labels={"births": {77: "refused", 99: "don't know"}},
        column_labels={"births": "deliveries with a live birth"},
    )  # fmt: skip
    return path


def test_spss_keeps_the_codes_and_never_counts_them(spss):
    births = Continuous("births", missing={77: "refused"})
    cohort = read_spss(spss, person="seqn", follow_up=YEARS, variables=[births])
    assert cohort.frame["births"].to_list() == [1.0, None, None, None]
    assert cohort.frame["births.missing"].to_list() == [None, "refused", "99", None]
    assert cohort.frame["seqn"].to_list() == ["1", "2", "3", "12345678901234"]
    assert cohort.provenance.sha256 == hashlib.sha256(spss.read_bytes()).hexdigest()
    assert cohort.provenance.columns_unused == ("sex",)


def test_spss_missing_codes_of_undeclared_variables_are_missing_too(spss):
    cohort = read_spss(spss, person="seqn", follow_up=YEARS)
    assert cohort.frame["births"].to_list() == [1.0, None, None, None]
    assert cohort.frame["births.code"].to_list() == [None, "77", "99", None]


def test_spss_dictionary(spss):
    told = read_dictionary(spss).filter(pl.col("column") == "births")
    assert told["code"].to_list() == ["77", "90 to 99", "99"]
    assert told["meaning"].to_list() == ["refused", None, "don't know"]
    assert told["missing"].to_list() == [True, True, False]
    assert told["label"].unique().to_list() == ["deliveries with a live birth"]


def test_spss_text_missing(tmp_path):
    frame = pd.DataFrame(BASE | {"group": ["a", "x", "b", "a"]})
    path = tmp_path / "text.sav"
    pyreadstat.write_sav(frame, str(path), missing_ranges={"group": ["x"]})
    group = Categorical("group", levels=("a", "b"), reference="a", missing={"x": "not asked"})
    cohort = read_spss(path, person="seqn", follow_up=YEARS, variables=[group])
    assert cohort.frame["group"].to_list() == ["a", None, "b", "a"]
    assert cohort.frame["group.missing"].to_list() == [None, "not asked", None, None]


def test_stata_letters(tmp_path):
    frame = pd.DataFrame(BASE | {"parity": [2.0, "a", "b", 0.0], "sex": ["F", "", "M", "F"]})
    path = tmp_path / "parity.dta"
    pyreadstat.write_dta(
        frame, str(path), missing_user_values={"parity": ["a", "b"]},
        variable_value_labels={"parity": {"a": "refused"}},
    )  # fmt: skip
    parity = Continuous("parity", missing={".a": "refused", ".c": "not asked"})
    cohort = read_stata(path, person="seqn", follow_up=YEARS, variables=[parity])
    assert cohort.frame["parity"].to_list() == [2.0, None, None, 0.0]
    assert cohort.frame["parity.missing"].to_list() == [None, "refused", ".b", None]
    assert cohort.frame["sex"].to_list() == ["F", None, "M", "F"]
    told = read_dictionary(path).filter(pl.col("column") == "parity")
    assert told["code"].to_list() == [".a", ".b"]
    assert told["missing"].all()


def test_letters_of_levels(tmp_path):
    """Levels stay numbers although some values are letters."""
    frame = pd.DataFrame(BASE | {"stage": [1.0, "a", 2.0, 1.0]})
    path = tmp_path / "stage.dta"
    pyreadstat.write_dta(frame, str(path), missing_user_values={"stage": ["a"]})
    stage = Categorical("stage", levels=(1, 2), reference=1)
    cohort = read_stata(path, person="seqn", follow_up=YEARS, variables=[stage])
    assert cohort.frame["stage"].to_list() == [1.0, None, 2.0, 1.0]


DATED = pd.DataFrame(
    {
        "seqn": [1.0, 2.0],
        "birth": [dt.date(1890, 3, 1), dt.date(1892, 2, 29)],
        "entry": [dt.date(1950, 1, 1), dt.date(1950, 1, 1)],
        "exit": [dt.date(1960, 1, 1), dt.date(1961, 1, 1)],
        "event": [1.0, 0.0],
    }
)


@pytest.mark.parametrize(
    ("name", "write", "door"),
    [
        ("d.sav", pyreadstat.write_sav, read_spss),
        ("d.dta", pyreadstat.write_dta, read_stata),
        ("d.xpt", pyreadstat.write_xport, read_sas),
    ],
)
def test_dates_of_another_century(tmp_path, name, write, door):
    path = tmp_path / name
    write(DATED, str(path))
    cohort = door(path, person="seqn", follow_up=AGE)
    days = (dt.date(1950, 1, 1) - dt.date(1892, 2, 29)).days
    assert cohort.frame["_entry"][1] == days / 365.25


def test_sas_transport(tmp_path):
    path = tmp_path / "demo.xpt"
    pyreadstat.write_xport(
        pd.DataFrame(BASE | {"indatum": ["20010131", "", "20020228", "20030331"]}), str(path)
    )
    cohort = read_sas(path, person="seqn", follow_up=YEARS, dates={"indatum": "YYYYMMDD"})
    assert cohort.frame["indatum"].to_list()[:2] == [dt.date(2001, 1, 31), None]
    assert cohort.provenance.rows_read == 4


def test_sas_letters(tmp_path, monkeypatch):
    meta = SimpleNamespace(
        column_names=["seqn", "exit", "event", "born"],
        readstat_variable_types=dict.fromkeys(("seqn", "exit", "event", "born"), "double"),
        missing_ranges={}, missing_user_values={}, variable_value_labels={},
        column_names_to_labels={},
    )  # fmt: skip
    frame = pl.DataFrame(
        {
            "seqn": [1.0, 2.0], "exit": [1.0, 2.0], "event": [1.0, 0.0],
            "born": pl.Series([dt.date(1950, 1, 1), "A"], dtype=pl.Object),
        }
    )  # fmt: skip
    asked = {}

    def read_sas7bdat(path, **options):
        asked.update(options)
        return frame, meta

    monkeypatch.setattr(pyreadstat, "read_sas7bdat", read_sas7bdat)
    path = tmp_path / "demo.sas7bdat"
    path.write_bytes(b"")
    cohort = read_sas(path, person="seqn", follow_up=YEARS)
    assert asked["user_missing"] is True
    assert cohort.frame["born"].to_list() == [dt.date(1950, 1, 1), None]
    assert cohort.frame["born.code"].to_list() == [None, ".a"]


def test_damaged_identifiers(tmp_path):
    path = tmp_path / "long.dta"
    pyreadstat.write_dta(
        pd.DataFrame(BASE | {"seqn": [1.0, 2.0, 3.0, 1234567890123456.0]}), str(path)
    )
    with pytest.raises(
        SchemaError, match=r"1 identifier in 'seqn' is not whole and below.*\(row 4\)"
    ):
        read_stata(path, person="seqn", follow_up=YEARS)


@pytest.mark.parametrize("door", [read_sas, read_spss, read_stata])
def test_wrong_kind(tmp_path, door):
    path = tmp_path / "x.csv"
    path.write_text("a")
    with pytest.raises(SchemaError, match="this door reads"):
        door(path, person="a", follow_up=YEARS)
    with pytest.raises(SchemaError, match="there is no file"):
        door(tmp_path / "absent.sav", person="a", follow_up=YEARS)


@pytest.mark.parametrize(
    ("name", "door"),
    [("a.sas7bdat", read_sas), ("a.xpt", read_sas), ("a.sav", read_spss), ("a.dta", read_stata)],
)
def test_damaged_file(tmp_path, name, door):
    path = tmp_path / name
    path.write_bytes(b"no such format, secret" * 20)
    with pytest.raises(SchemaError, match="cannot be read as") as caught:
        door(path, person="a", follow_up=YEARS)
    assert "secret" not in str(caught.value)
