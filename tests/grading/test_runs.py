"""Replicates on disk: the same bytes however they are made, and never half of a part."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analyses import Cox, Question
from analyses.grading import Graded
from cohort.errors import StudyError
from reports.rehearsal.runs import PLAN, Run, grade, rerun, stored
from tests.simulation.worlds import LOG_HR, World, draw

SMALL = World(persons=200, rate=0.02)
QUESTION = Question(exposure="exposed", adjustments={"crude": [], "z": ["z"]})
METHODS = tuple(Graded(name, Cox(), QUESTION, LOG_HR, adjustment=name) for name in ("crude", "z"))


def drawn(seed: int):
    return draw(SMALL, seed)


def bytes_of(folder):
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


def test_any_number_of_workers_writes_the_same_bytes(tmp_path) -> None:
    run = Run("a study", "small", 80, seed=5)
    one = grade(drawn, METHODS, run, folder=tmp_path / "one")
    two = grade(drawn, METHODS, run, folder=tmp_path / "two", workers=2)
    assert_frame_equal(one, two)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert list(bytes_of(tmp_path / "one")) == [
        PLAN,
        "replicates-000000-000024.parquet",
        "replicates-000025-000049.parquet",
        "replicates-000050-000079.parquet",
    ]


def test_a_run_that_was_killed_goes_on(tmp_path) -> None:
    """The parts that are there are read, not made again; a part begun is not read."""
    run = Run("a study", "small", 50, seed=5)
    whole = grade(drawn, METHODS, run, folder=tmp_path)
    before = bytes_of(tmp_path)
    part = tmp_path / "replicates-000025-000049.parquet"
    part.unlink()
    (tmp_path / ".replicates-000025-000049.parquet.abc").write_bytes(before[part.name][:100])
    with pytest.raises(StudyError, match="1 of 2 parts"):
        stored(tmp_path, run)
    calls = []

    def counted(seed: int):
        calls.append(seed)
        return drawn(seed)

    assert_frame_equal(grade(counted, METHODS, run, folder=tmp_path), whole)
    assert len(calls) == 25
    assert before[part.name] == part.read_bytes()


def test_more_replicates_keep_the_first(tmp_path) -> None:
    few = grade(drawn, METHODS, Run("a study", "small", 30, seed=5), folder=tmp_path)
    more = grade(drawn, METHODS, Run("a study", "small", 60, seed=5), folder=tmp_path)
    assert_frame_equal(more.head(len(few)), few)
    assert more["replicate"].n_unique() == 60


def test_any_replicate_alone_gives_its_rows(tmp_path) -> None:
    run = Run("a study", "small", 30, seed=5)
    whole = grade(drawn, METHODS, run, folder=tmp_path)
    for number in (0, 17, 29):
        alone = rerun(drawn, METHODS, run, number)
        assert_frame_equal(alone, whole.filter(pl.col("replicate") == number))
    with pytest.raises(StudyError, match="0 to 29"):
        rerun(drawn, METHODS, run, 30)


def test_refused(tmp_path) -> None:
    run = Run("a study", "small", 25, seed=5)
    with pytest.raises(StudyError, match="workers = 0"):
        grade(drawn, METHODS, run, folder=tmp_path, workers=0)
    with pytest.raises(StudyError, match="replicates = 0"):
        Run("a study", "small", 0, seed=5)
    (tmp_path / "replicates-000000-000024.parquet").write_bytes(b"")
    with pytest.raises(StudyError, match="without a plan"):
        grade(drawn, METHODS, run, folder=tmp_path)


@pytest.mark.parametrize(
    ("other", "methods", "named"),
    [
        (Run("a study", "small", 25, seed=6), METHODS, "seed"),
        (Run("a study", "small", 25, seed=5, draws="larger"), METHODS, "draws"),
        (Run("a study", "small", 25, seed=5), METHODS[:1], "methods"),
    ],
)
def test_a_folder_of_another_plan_is_refused(tmp_path, other, methods, named) -> None:
    grade(drawn, METHODS, Run("a study", "small", 25, seed=5), folder=tmp_path)
    with pytest.raises(StudyError, match=named):
        grade(drawn, methods, other, folder=tmp_path)


def test_replicates_of_other_code_are_refused(tmp_path, monkeypatch) -> None:
    """A changed estimator would otherwise be mixed with what the old one gave."""
    run = Run("a study", "small", 25, seed=5)
    grade(drawn, METHODS, run, folder=tmp_path)
    monkeypatch.setattr("reports.rehearsal.runs.code_fingerprint", lambda: "another")
    with pytest.raises(StudyError, match=r"another plan \(code differ\)"):
        grade(drawn, METHODS, run, folder=tmp_path)
