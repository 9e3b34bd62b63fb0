"""Reports are written whole or not at all, and an older one survives a failure."""

import os

import pytest

from analyses import Cox, Question
from cohort.errors import StudyError
from reports import Report
from reports.files import write_whole

from .cohorts import small_cohort


@pytest.fixture(scope="module")
def report() -> Report:
    cohort = small_cohort()
    return Report("Title", cohort, Cox().estimate(cohort, Question(exposure="group")))


def test_markdown_and_html_by_suffix(report, tmp_path) -> None:
    markdown = report.save(tmp_path / "a.md").read_text(encoding="utf-8")
    html = report.save(tmp_path / "a.html").read_text(encoding="utf-8")
    assert markdown.startswith("# Title")
    assert html.startswith("<!DOCTYPE html>")
    row = report.estimates.frame.row(0, named=True)
    words = f"{row['estimate']:.2f} ({row['conf_low']:.2f} to {row['conf_high']:.2f})"
    assert words in markdown
    assert words in html


def test_same_report_same_bytes(report, tmp_path) -> None:
    for suffix in ("md", "html"):
        one = report.save(tmp_path / f"a.{suffix}").read_bytes()
        assert one == report.save(tmp_path / f"b.{suffix}").read_bytes()


def test_an_unknown_suffix_is_refused(report, tmp_path) -> None:
    with pytest.raises(StudyError, match=r"'.md' or '.html'"):
        report.save(tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_an_older_report_survives_a_failure(tmp_path, monkeypatch) -> None:
    target = tmp_path / "a.md"
    write_whole(target, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StudyError, match="No space left"):
        write_whole(target, "new")
    assert "old" == target.read_text()
    assert ["a.md"] == [path.name for path in tmp_path.iterdir()]


def test_places_that_cannot_be_written(tmp_path) -> None:
    with pytest.raises(StudyError, match="no folder"):
        write_whole(tmp_path / "none" / "a.md", "x")
    with pytest.raises(StudyError, match="is a folder"):
        write_whole(tmp_path, "x")
