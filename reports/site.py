"""A site of studies: one page each, and an index; a study that fails stops no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyses.study.study import PublishedSource
from cohort.errors import CohortError, DesignError, FollowUpError, SchemaError, StudyError

from . import numbers
from .answers import Answers, ratios_of, run_study
from .content import Page, Section
from .files import make_folder, write_whole
from .html import page_html
from .published_page import pool_study, published_page
from .sources import Document, read_document
from .study_page import study_page
from .tables import column_label

Progress = Callable[[str], None]
SHIPPED = Path(__file__).resolve().parent.parent / "analyses" / "studies"
OK, FAILED, MISUSED, REFUSED = 0, 1, 2, 3
"""Exit codes: all well; an analysis failed; usage or study document; data refused."""


@dataclass(frozen=True, slots=True)
class Built:
    """What became of one study: its page, or the story of why there is none.

    code : the exit code that it would give alone. result : one line for the index.
    """

    name: str
    code: int
    title: str = ""
    question: str = ""
    result: str = ""
    page: Path | None = None
    story: str = ""


def exit_code(error: CohortError) -> int:
    """The exit code for an error: whose fault it is."""
    if isinstance(error, StudyError):
        return MISUSED
    if isinstance(error, (SchemaError, FollowUpError, DesignError)):
        return REFUSED
    return FAILED


def shipped_studies() -> list[Path]:
    """The documents of the studies we ship, by name."""
    return sorted(SHIPPED.glob("*.toml"))


def build_study(path: Path, folder: Path, progress: Progress) -> Built:
    """Run one study and write its page; whatever goes wrong becomes its story."""
    name = path.stem
    try:
        document = read_document(path)
        page, result = _page(document, progress)
        target = write_whole(make_folder(folder) / f"{name}.html", page_html(page))
    except CohortError as error:
        return Built(name, exit_code(error), story=str(error))
    except Exception as error:  # a fault of ours: told by its kind, since its text may hold data
        return Built(name, FAILED, story=_fault(error))
    study = document.study
    return Built(name, OK, study.title, study.question, result, target)


def _fault(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
    return (
        f"a fault in the toolkit itself: {type(error).__name__}{where}. Please report it with the "
        "study document; its text is not shown, since it may hold data."
    )


def _page(document: Document, progress: Progress) -> tuple[Page, str]:
    if isinstance(document.study.source, PublishedSource):
        progress(f"{document.name}: pooling")
        pooled = pool_study(document)
        random = pooled.pool.random
        words = numbers.ratio_with_interval(random.estimate, random.conf_low, random.conf_high)
        result = f"Pooled {random.measure}, random effects: {words}"
        return published_page(pooled), result
    answers = run_study(document, progress)
    progress(f"{document.name}: drawing and writing")
    return study_page(answers), _result(answers)


def _result(answers: Answers) -> str:
    """The first exposure in its last adjustment set, as one line."""
    for exposure in answers.exposures():
        frames = ratios_of(answers, exposure)
        if not frames:
            continue
        frame = frames[0]
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
        return f"{label}, {measure} ({frame['adjustment'][-1]}): {'; '.join(told)}"
    return ""


def build_site(paths: Sequence[Path], folder: Path, progress: Progress) -> list[Built]:
    """A page for each study that runs, and an index of all; returns what became of each."""
    built = [build_study(path, folder, progress) for path in paths]
    page = Page(
        "Studies",
        (Section("Studies", ()),),
        "What microcohort made of the studies in this folder: real data, every number traceable "
        "to a file, a document and a version.",
        "microcohort",
    )
    write_whole(make_folder(folder) / "index.html", page_html(page, "index.html", built))
    return built
