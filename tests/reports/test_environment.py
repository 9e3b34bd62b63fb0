"""The environment of a bare machine: what is said when it cannot be made."""

import subprocess
import sys
from pathlib import Path

import pytest

from reports import environment

ROOT = Path(__file__).parents[2]


def test_an_old_python_is_told(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        environment.check_version((3, 8, 10), "reports")
    assert environment.USAGE == end.value.code
    told = capsys.readouterr().err
    assert "3.11 or newer" in told
    assert "3.8.10" in told


def test_no_venv_module(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setattr(environment, "missing", lambda names: list(names))
    with pytest.raises(SystemExit) as end:
        environment._make(str(tmp_path / "python"))
    assert environment.NOT_MADE == end.value.code
    assert "apt install python3-venv" in capsys.readouterr().err


def test_no_network(monkeypatch, capsys) -> None:
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: 1)
    with pytest.raises(SystemExit) as end:
        environment._install("python", "test")
    assert environment.NOT_MADE == end.value.code
    assert "Without a network" in capsys.readouterr().err


def test_it_runs_itself_in_the_environment(monkeypatch) -> None:
    """Missing packages: prepared once, then the same arguments there, and its exit code."""
    calls: list[list[str]] = []
    monkeypatch.delenv(environment.GUARD, raising=False)
    monkeypatch.setattr(environment, "missing", lambda names: ["polars"])
    monkeypatch.setattr(environment, "prepare", lambda extra: f"python-{extra}")
    monkeypatch.setattr(sys, "argv", ["reports", "build", "--out", "x"])

    def call(command, env) -> int:
        calls.append(command)
        assert env[environment.GUARD] == "yes"
        return 3

    monkeypatch.setattr(subprocess, "call", call)
    with pytest.raises(SystemExit) as end:
        environment.ensure("reports", "test")
    assert 3 == end.value.code
    assert [["python-test", "-m", "reports", "build", "--out", "x"]] == calls


def test_it_does_not_run_itself_for_ever(monkeypatch, capsys) -> None:
    monkeypatch.setenv(environment.GUARD, "yes")
    monkeypatch.setattr(environment, "missing", lambda names: ["polars"])
    with pytest.raises(SystemExit) as end:
        environment.ensure("reports")
    assert environment.NOT_MADE == end.value.code
    assert "polars" in capsys.readouterr().err


def test_nothing_is_needed_to_start() -> None:
    """``-S`` without site-packages: only the standard library is there."""
    code = "import reports.environment, reports; print('started')"
    run = [sys.executable, "-S", "-E", "-c", code]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "started" == done.stdout.strip(), done.stderr


def test_what_is_needed_is_what_the_project_declares() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {name.split(">")[0].split("<")[0] for name in project["dependencies"]}
    modules = {"python-docx": "docx"}
    assert {modules.get(name, name) for name in declared} == set(environment.NEEDED)
