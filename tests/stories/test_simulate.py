"""``microcohort simulate``: a world on disk, resumed, never overwritten."""

import json

import pytest

from reports.cli import main
from synthetic import store
from synthetic.document.reading import read_world
from synthetic.generate import generate


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


@pytest.fixture
def full_disk():
    """A limit on the size of each file, which stands for a full disk; lifted afterwards."""
    resource = pytest.importorskip("resource")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))

    generate(read_world("danish_women"), first=0, persons=1, seed=1)  # Kernels are files as well.
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize("made_before", [True, False])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, capsys, full_disk, made_before):
    out = tmp_path / "women"
    if made_before:
        out.mkdir()
    full_disk(60_000)
    assert 2 == run("danish_women", "--persons", 6000, "--seed", 3, "--out", out)
    told = capsys.readouterr().err
    assert f"'{out}' cannot be written: File too large. Nothing is left there." in told
    assert made_before == out.exists()
    assert not [*tmp_path.rglob("*.*")]
    full_disk(10**9)
    assert 0 == run("danish_women", "--persons", 1000, "--seed", 3, "--out", out)


def test_not_even_the_manifest_fits(tmp_path, capsys, full_disk):
    out = tmp_path / "women"
    full_disk(1_000)
    assert 2 == run("danish_women", "--persons", 1000, "--seed", 3, "--out", out)
    assert "cannot be written: File too large." in capsys.readouterr().err
    assert not out.exists()


def test_finished_parts_outlive_a_full_disk(tmp_path, capsys, monkeypatch):
    """The disk fills while the designs are drawn: the same command goes on, another is refused."""
    out = tmp_path / "women"

    def full(*arguments):
        (out / "observed" / "design_x.unfinished").write_text("half")
        raise OSError(28, "No space left on device")

    size = ("--persons", 6000, "--seed", 3, "--out", out)
    with monkeypatch.context() as broken:
        broken.setattr(store, "_write_designs", full)
        assert 2 == run("danish_women", *size)
    told = capsys.readouterr().err
    assert "No space left on device. The parts that were finished are kept: the same" in told
    assert not [*out.rglob("*.unfinished")]
    assert 2 == run("danish_women", "--persons", 50, "--seed", 3, "--out", out)
    assert "begun and not finished (persons differ; it has --persons 6000 --seed 3)" in (
        capsys.readouterr().err
    )
    before = {path: path.stat().st_mtime_ns for path in out.rglob("part-00000.parquet")}
    assert 0 == run("danish_women", *size)
    assert before.items() <= {path: path.stat().st_mtime_ns for path in before}.items()


@pytest.mark.parametrize("made_before", [True, False])
def test_too_few_cases_leave_the_folder_free(tmp_path, capsys, made_before):
    """The retry with more persons may name the same folder; what else is there stays."""
    out = tmp_path / "breast"
    if made_before:
        out.mkdir()
    assert 2 == run("dch2012", "--persons", 3000, "--seed", 1, "--out", out)
    assert "the design needs" in capsys.readouterr().err
    assert made_before == out.exists()
    assert not made_before or not [*out.iterdir()]
    assert 0 == run("danish_women", "--persons", 1000, "--seed", 1, "--out", out)


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"name": "of another program"}'])
def test_a_manifest_of_something_else(tmp_path, capsys, text):
    (tmp_path / "manifest.json").write_text(text)
    (tmp_path / "observed").mkdir()
    assert 2 == run("danish_women", "--persons", 1000, "--seed", 1, "--out", tmp_path)
    assert "a manifest.json that is of no world" in capsys.readouterr().err
    assert (tmp_path / "observed").exists()
    assert text == (tmp_path / "manifest.json").read_text()


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "women").write_text("mine")
    assert 2 == run("danish_women", "--persons", 10, "--seed", 1, "--out", tmp_path / "women")
    assert "cannot be written: Not a directory." in capsys.readouterr().err
    assert "mine" == (tmp_path / "women").read_text()
