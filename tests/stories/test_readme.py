"""The README's two scripts and its study document, exactly as it prints them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.cli import main
from reports.exchange_ledger import LEDGER

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
DOCUMENTS = re.findall(r"^```toml\n(.*?)^```", README, re.M | re.S)


def run(script: str, folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert "" == done.stderr
    return done.stdout


def test_there_are_two() -> None:
    assert 2 == len(SCRIPTS)
    for script in SCRIPTS:
        lines = [line for line in script.splitlines() if line.strip()]
        assert len(lines) <= 18


def test_a_simulated_cohort(tmp_path) -> None:
    """The world's hazard ratio is 2.0 given age; the age-adjusted interval holds it."""
    run(SCRIPTS[0], tmp_path)
    report = (tmp_path / "smoking.md").read_text(encoding="utf-8")
    row = next(line for line in report.splitlines() if line.startswith("| smoker, yes vs no | age"))
    found = re.search(r"(\d\.\d\d) \((\d\.\d\d) to (\d\.\d\d)\) \| 2\.00 \| yes", row)
    assert found is not None
    estimate, low, high = (float(part) for part in found.groups())
    assert low < 2.0 < high
    assert low < estimate < high
    assert "20,000" in report


def test_a_real_case_cohort(tmp_path) -> None:
    """The two-phase interval 3.27 to 6.12: R, survival::cch, method Prentice (house.md 2.3)."""
    shutil.copy(ROOT / "tests" / "reference" / "data" / "nwtco.csv", tmp_path)
    printed = run(SCRIPTS[1], tmp_path)
    assert "Cohort(1,154 persons, 571 events, 1,789,015 person-days in the sample" in printed
    adjusted = next(line for line in printed.splitlines() if "(stage and age)" in line)
    assert "hazard ratio 4.47" in adjusted
    assert "3.27 to 6.12" in adjusted


def test_the_study_document(tmp_path, capsys) -> None:
    """The same case-cohort as in the second script: 4.47, 3.27 to 6.12."""
    (document,) = DOCUMENTS
    study = tmp_path / "wilms.toml"
    study.write_text(document, encoding="utf-8")
    shutil.copy(ROOT / "tests" / "reference" / "data" / "nwtco.csv", tmp_path)
    out = tmp_path / "pages"
    for arguments in (["check", str(study)], ["run", str(study), "--out", str(out)]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert 0 == (end.value.code or 0)
    told = capsys.readouterr()
    assert "The study can be run." in told.out
    assert "4.47 (3.27 to 6.12)" in told.out
    assert "4.47 (3.27 to 6.12)" in (out / "wilms.html").read_text(encoding="utf-8")


def test_where_things_are() -> None:
    assert LEDGER in README
    assert "tests/reference/data/nwtco.csv" in README
    assert ".venv/bin/microcohort" in README


@pytest.mark.parametrize("command", ["python3 -m reports build", "python3 -m tests"])
def test_the_two_commands_are_there(command: str) -> None:
    assert command in README
