"""The command ``microcohort rehearse``: a page and its replicates in a folder."""

from collections.abc import Callable
from pathlib import Path

from ..content import Page
from ..files import make_folder, write_whole
from ..html import page_html
from ..sources import read_document
from .rehearse import Setting, rehearse
from .section import rehearsal_sections


def rehearse_study(
    path: Path, out: Path, replicates: int | None, workers: int, tell: Callable[[str], None]
) -> Path:
    """Rehearse the study of a document; returns the path of the page.

    The replicates are kept in ``<out>/<study>-rehearsal``; a run that was stopped goes on there.

    Raises CohortError of the kind that says what is wrong.
    """
    document = read_document(path)
    folder = make_folder(out) / f"{document.name}-rehearsal"
    found = rehearse(document, Setting(folder, replicates, workers), tell)
    study = document.study
    page = Page(
        f"Rehearsal: {study.title}",
        rehearsal_sections(found, study),
        study.question,
        "Rehearsal on invented data",
    )
    return write_whole(out / f"{document.name}-rehearsal.html", page_html(page))
