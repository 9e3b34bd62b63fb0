"""Worlds on disk: the same bytes however they are made, and nothing is overwritten."""

import json
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cohort.errors import StudyError
from synthetic.document.reading import read_world
from synthetic.generate import LATENT, OBSERVED, generate
from synthetic.store import PART, Progress, Run, read_table, write_world
from tests.synthetic.documents import changed, world

PERSONS = PART + 3000
HIDDEN = ("frailty", "level", "cells_at_invitation", "positive_probability", "emigration_age")


@pytest.fixture(scope="module")
def told():
    design = {"kind": "case-cohort", "outcome": "breast", "subcohort": 200}
    document = changed("danish_women")
    document["designs"] = {"subcohort": design}
    document["estimands"] = {}
    return world(document)


@pytest.fixture(scope="module")
def folder(told, tmp_path_factory):
    place = tmp_path_factory.mktemp("world") / "one"
    write_world(told, place, Run(PERSONS, seed=7, chunk=32_768))
    return place


def _files(folder):
    return json.loads((folder / "manifest.json").read_text())["files"]


@pytest.mark.parametrize("run", [Run(PERSONS, 7, chunk=4096), Run(PERSONS, 7, 2, chunk=131_072)])
def test_bytes_do_not_depend_on_chunks_or_workers(told, folder, tmp_path, run):
    write_world(told, tmp_path / "two", run)
    assert _files(folder) == _files(tmp_path / "two")
    assert (folder / "manifest.json").read_bytes() == (tmp_path / "two/manifest.json").read_bytes()


def test_an_interrupted_run_is_finished(told, folder, tmp_path):
    """A part without its marker is written again; the rest is left alone."""
    place = tmp_path / "broken"
    shutil.copytree(folder, place)
    (place / "latent/parts/part-00001.json").unlink()
    (place / "observed/persons/part-00001.parquet").unlink()
    kept = (place / "observed/persons/part-00000.parquet").stat().st_mtime_ns
    steps: list[Progress] = []
    write_world(told, place, Run(PERSONS, 7), steps.append)
    assert _files(folder) == _files(place)
    assert kept == (place / "observed/persons/part-00000.parquet").stat().st_mtime_ns
    assert [(s.done, s.total) for s in steps if s.stage == "generating"] == [(1, 2), (2, 2)]
    assert "compiling" in steps[0].stage


def test_a_finished_world_is_left_alone(told, folder):
    """Nothing is computed or written again."""
    steps: list[Progress] = []
    before = (folder / "manifest.json").stat().st_mtime_ns
    write_world(told, folder, Run(PERSONS, 7, chunk=4096), steps.append)
    assert [step.stage for step in steps] == ["already complete"]
    assert before == (folder / "manifest.json").stat().st_mtime_ns


def test_another_world_is_never_overwritten(told, folder, tmp_path):
    before = _files(folder)
    for other, run in (
        (told, Run(PERSONS, 8)),
        (told, Run(PERSONS + 1, 7)),
        (read_world("dch2012"), Run(PERSONS, 7)),
    ):
        with pytest.raises(StudyError, match="another world"):
            write_world(other, folder, run)
    assert before == _files(folder)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StudyError, match="not empty"):
        write_world(told, tmp_path, Run(10, 1))


@pytest.mark.parametrize("person", [1, 4097, PERSONS])
def test_a_single_woman_can_be_looked_up(told, folder, person):
    alone = generate(told, first=person - 1, persons=1, seed=7)
    for name in OBSERVED:
        there = read_table(folder, name).filter(pl.col("person") == person).collect()
        assert_frame_equal(there, alone.observed[name])


def test_latent_columns_are_not_among_the_observed(folder):
    for name in OBSERVED:
        assert not set(HIDDEN) & set(read_table(folder, name).collect_schema().names())
    for name in LATENT:
        with pytest.raises(StudyError, match="no observed table"):
            read_table(folder, name)


def test_events_follow_each_other(folder):
    """Nobody is diagnosed after death, emigration or the end of the study, or before birth."""
    events = read_table(folder, "events").join(read_table(folder, "persons"), on="person").collect()
    gone = events.filter(pl.col("event").cast(pl.String).is_in(["death", "emigration"]))
    assert gone["person"].is_unique().all()
    both = events.join(gone.select("person", left="date"), on="person", how="left")
    assert (both["date"] <= both["left"]).all()
    assert (both["date"] > both["birth_date"]).all()
    pregnancies = read_table(folder, "pregnancies").collect()
    both = pregnancies.join(gone.select("person", left="date"), on="person")
    assert len(both) > 10_000
    assert (both["date"] < both["left"]).all()
    entered = read_table(folder, "enrolment").collect()
    assert (entered["exit"] > entered["entry"]).all()


def test_a_column_added_later_changes_no_other(told):
    document = changed("danish_women")
    document["variables"]["later"] = {
        "kind": "binary",
        "probability": 0.5,
        "provenance": {"probability": "assumed: a test"},
    }
    more = generate(world(document), first=0, persons=500, seed=7).observed
    for name, frame in generate(told, first=0, persons=500, seed=7).observed.items():
        assert_frame_equal(frame, more[name].select(frame.columns))


@pytest.mark.parametrize("run", [{"persons": 0, "seed": 1}, {"persons": 5, "seed": -1}])
def test_impossible_runs_are_refused(run):
    with pytest.raises(StudyError):
        Run(**run)
    with pytest.raises(StudyError, match="divisor"):
        Run(5, 1, chunk=1000)
