"""``microcohort simulate``: a world on disk, resumed, never overwritten."""

import json

import pytest

from reports.cli import main


def run(*arguments):
    with pytest.raises(SystemExit) as done:
        main(["simulate", *map(str, arguments)])
    return done.value.code or 0


def test_a_world_is_written_once(tmp_path, capsys):
    out = tmp_path / "women"
    size = ("--persons", 6000, "--seed", 3, "--out", out)
    assert 0 == run("danish_women", *size)
    told = json.loads((out / "manifest.json").read_text())
    assert told["complete"]
    assert 6000 == told["persons"]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert 0 == run("danish_women", *size)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    capsys.readouterr()
    assert 2 == run("danish_women", "--persons", 6000, "--seed", 4, "--out", out)
    assert "holds another world" in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}


def test_a_misspelt_world_is_named(tmp_path, capsys):
    assert 2 == run("dch201", "--persons", 10, "--seed", 1, "--out", tmp_path / "x")
    assert "did you mean 'dch2012'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_worlds_are_listed(capsys):
    with pytest.raises(SystemExit):
        main(["worlds"])
    assert "dch2012: " in capsys.readouterr().out
