"""The command as a new user meets it: good studies, bad studies, exit codes, no traceback."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reports import site
from reports.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENT = """
[study]
title = "A small study"
question = "Does use raise the rate of death?"

[source]
file = "people.csv"
person = "id"

[follow_up]
scale = { name = "time since entry", unit = "years" }
exit = "years"
event = { column = "died", happened = 1, label = "death" }

[variables]
used = { kind = "binary", label = "Use" }
age = { kind = "continuous", unit = "years", per = 10, label = "Age" }

[[questions]]
exposure = "used"
adjustments = { crude = [], age = ["age"] }

[[estimators]]
kind = "cox"

[[estimators]]
kind = "incidence-rate"

[[estimators]]
kind = "kaplan-meier"
"""

TWICE = """[[questions]]
exposure = "used"
strata = ["age"]
adjustments = { crude = [] }

"""


def people(rows: int = 120, *, died: bool = True) -> str:
    lines = ["id,used,age,years,died"]
    for number in range(rows):
        event = int(died and number % 3 == 0)
        lines.append(f"p{number},{number % 2},{40 + number % 17},{1 + number % 11}.5,{event}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def study(tmp_path) -> Path:
    (tmp_path / "people.csv").write_text(people())
    (tmp_path / "small.toml").write_text(DOCUMENT)
    return tmp_path / "small.toml"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    code = "from reports.cli import main; main()"
    run = [sys.executable, "-c", code, *arguments]
    return subprocess.run(run, env=environment, capture_output=True, text=True, check=False)


def inside(capsys, *arguments: str) -> tuple[int, str, str]:
    """The command in this process: exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return int(end.value.code or 0), captured.out, captured.err


def test_run_writes_one_page(study, tmp_path) -> None:
    done = command("run", str(study), "--out", str(tmp_path / "out"))
    assert (0, "") == (done.returncode, done.stderr)
    page = tmp_path / "out" / "small.html"
    assert str(page) in done.stdout
    text = page.read_text(encoding="utf-8")
    for words in ("A small study", "Participant flow", "Table 1.", "Incidence of death",
                  "Hazard ratio of death", "numbers at risk", "Test of proportional hazards",
                  "SHA-256", "Does use raise the rate of death?"):  # fmt: skip
        assert words in text, words
    assert ["small.html"] == [path.name for path in (tmp_path / "out").iterdir()]


def test_same_inputs_same_bytes(study, tmp_path, capsys) -> None:
    for folder in ("one", "two"):
        assert 0 == inside(capsys, "run", str(study), "--out", str(tmp_path / folder))[0]
    one, two = ((tmp_path / folder / "small.html").read_bytes() for folder in ("one", "two"))
    assert one == two


def test_check_tells_and_writes_nothing(study, capsys) -> None:
    before = sorted(study.parent.iterdir())
    code, told, _ = inside(capsys, "check", str(study))
    assert 0 == code
    assert "120 records of 120 persons" in told
    assert "can be run" in told
    assert before == sorted(study.parent.iterdir())


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (("kind = \"cox\"", "kind = \"coxx\""), 2, "'cox'"),
        (("exposure = \"used\"", "exposure = \"usd\""), 2, "'used'"),
        (("[study]", "[study"), 2, "not a TOML document"),
        (("people.csv", "persons.csv"), 3, "no file 'persons.csv'"),
        (("people.csv", "../people.csv"), 2, "leads out of the folder"),
        (("people.csv", "/etc/passwd"), 2, "leads out of the folder"),
        (("exit = \"years\"", "exit = \"yers\""), 3, "'years'"),
        (("event = { column = \"died\"", "event = { column = \"age\""), 3, "age"),
        (("person = \"id\"", "person = \"id\"\nsha256 = \"abc\""), 2, "has 3 characters"),
        (("person = \"id\"", f"person = \"id\"\nsha256 = \"{'a' * 64}\""), 3, "SHA-256 begins"),
        (("kind = \"cox\"", "kind = \"cox\"\nweighting = \"prentice\""), 2, "full cohort"),
        (("[[estimators]]", TWICE + "[[estimators]]"), 2, "called 'crude'"),
    ],
)  # fmt: skip
def test_bad_studies(study, tmp_path, capsys, change, code, told) -> None:
    text = study.read_text()
    assert change[0] in text
    study.write_text(text.replace(change[0], change[1], 1))
    ended, out, err = inside(capsys, "run", str(study), "--out", str(tmp_path / "out"))
    assert code == ended
    assert told in err
    assert "" == out
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_refused_data_name_rows_and_no_values(study, tmp_path, capsys) -> None:
    lines = people().splitlines()
    lines[3] = "secret-identifier,1,44,-9.5,1"
    (study.parent / "people.csv").write_text("\n".join(lines) + "\n")
    for arguments in (("check", str(study)), ("run", str(study), "--out", str(tmp_path / "out"))):
        code, out, err = inside(capsys, *arguments)
        assert 3 == code
        assert "row 3" in out + err
        assert "secret-identifier" not in out + err
        assert "9.5" not in out + err


def test_a_document_that_begins_with_a_byte_order_mark(study, capsys) -> None:
    study.write_text(study.read_text(), encoding="utf-8-sig")
    code, told, _ = inside(capsys, "check", str(study))
    assert 0 == code
    assert "can be run" in told


def test_check_refuses_what_does_not_fit_the_design(study, capsys) -> None:
    text = study.read_text().replace('kind = "cox"', 'kind = "cox"\nweighting = "prentice"')
    study.write_text(text)
    code, out, err = inside(capsys, "check", str(study))
    assert 2 == code
    assert "full cohort" in err
    assert "can be run" not in out


def test_a_file_that_may_not_be_read(study, tmp_path, capsys, monkeypatch) -> None:
    opened = Path.open

    def forbidden(path: Path, *more: object, **named: object) -> object:
        if path.name == "people.csv":
            raise PermissionError(13, "Permission denied")
        return opened(path, *more, **named)

    monkeypatch.setattr(Path, "open", forbidden)
    for arguments in (("check", str(study)), ("run", str(study), "--out", str(tmp_path / "out"))):
        code, _, err = inside(capsys, *arguments)
        assert 3 == code
        assert "the file 'people.csv' cannot be read: Permission denied." in err


def test_build_into_what_is_no_folder(tmp_path, capsys) -> None:
    (tmp_path / "file").write_text("kept")
    code, _, err = inside(capsys, "build", "--replicates", "0", "--out", str(tmp_path / "file"))
    assert 2 == code
    assert "cannot be made" in err
    assert "kept" == (tmp_path / "file").read_text()


def test_no_event_is_a_failed_analysis(study, tmp_path, capsys) -> None:
    (study.parent / "people.csv").write_text(people(died=False))
    code, _, err = inside(capsys, "run", str(study), "--out", str(tmp_path / "out"))
    assert 1 == code
    assert "needs events" in err


def test_a_fault_of_ours_is_no_traceback(study, tmp_path, capsys, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("with a value: 12345")

    monkeypatch.setattr("reports.making.run_study", broken)
    code, _, err = inside(capsys, "run", str(study), "--out", str(tmp_path / "out"))
    assert 1 == code
    assert "ZeroDivisionError" in err
    assert "12345" not in err


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("run",), ("run", "a.toml"), ("build", "--speed", "9"), ("list", "extra")],
)
def test_wrong_usage_is_2(arguments, capsys) -> None:
    assert 2 == inside(capsys, *arguments)[0]


def test_an_absent_document_is_2(tmp_path, capsys) -> None:
    code, _, err = inside(capsys, "check", str(tmp_path / "none.toml"))
    assert 2 == code
    assert "check the path" in err


def test_a_broken_study_does_not_stop_the_others(study, tmp_path, capsys, monkeypatch) -> None:
    (tmp_path / "broken.toml").write_text("[study]\n")
    monkeypatch.setattr(site, "SHIPPED", tmp_path)
    code, out, err = inside(capsys, "build", "--out", str(tmp_path / "out"))
    assert 1 == code
    assert "broken" in err
    assert "1 of 2 studies built" in out
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'href="small.html"' in index
    assert "Not built" in index


def test_list_and_version(capsys) -> None:
    code, out, _ = inside(capsys, "list")
    assert 0 == code
    assert "nhefs_women" in out
    assert "published_breast" in out
    code, out, _ = inside(capsys, "version")
    assert 0 == code
    assert re.match(r"microcohort \d+\.\d+\.\d+ \(Python 3\.\d+\.\d+\)\n", out)


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    """Under a second, by the design note; the best of three, since machines are shared."""
    code = (
        "import sys\n"
        "from reports.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'scipy', 'polars', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds.append(time.perf_counter() - start)
        assert 0 == done.returncode, done.stderr
        assert "build" in done.stdout
    assert min(seconds) < 1.0


def test_check_tells_what_run_would_refuse(study, capsys) -> None:
    """Missing values that a question refuses, and a reference level that nobody has."""
    rows = people().splitlines()
    rows[3] = rows[3].replace(f",{rows[3].split(',')[2]},", ",,")
    (study.parent / "people.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(SystemExit) as done:
        main(["check", str(study)])
    assert 3 == done.value.code
    told = capsys.readouterr().out
    assert "1 of 120 records lacks a value" in told
    assert "The data are refused." in told
