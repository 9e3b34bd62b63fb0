"""A report in one line: a cohort and its estimates, saved as Markdown or HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyses import Estimates
from cohort import Cohort
from cohort.errors import StudyError, one_of

from .checksums import versions
from .content import Block, Page, Row, Section, Table
from .figures import flow_figure, forest_figure
from .files import write_whole
from .html import page_html
from .markdown import page_markdown
from .tables import ratios_table, rows_read
from .truth import truth_table

SUFFIXES = (".md", ".html")
SMALLEST_CELL = 5


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A cohort, what was estimated in it, and, for a synthetic world, the truth beside it.

    truth : as ``simulate`` returns it. smallest_cell : counts of persons below it are withheld.
    """

    title: str
    cohort: Cohort
    estimates: Estimates
    truth: pl.DataFrame | None = None
    smallest_cell: int = SMALLEST_CELL

    def __post_init__(self) -> None:
        if not (isinstance(self.cohort, Cohort) and isinstance(self.estimates, Estimates)):
            raise StudyError("a report takes a title, a cohort and its estimates, in this order.")

    def save(self, path: str | Path) -> Path:
        """Write the report, as Markdown or HTML by its suffix; returns where it is.

        The file is written beside its place and moved there whole, so that an older report
        survives whatever goes wrong. The same report is always the same bytes.

        Raises StudyError for another suffix, or a place that cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() not in SUFFIXES:
            raise StudyError(
                f"'{target.name}' does not say which kind of report: expected a name that ends in "
                f"{one_of(SUFFIXES)}."
            )
        page = report_page(self)
        html = target.suffix.lower() == ".html"
        return write_whole(target, page_html(page) if html else page_markdown(page))


def report_page(report: Report) -> Page:
    """The sections of a report."""
    cohort, smallest = report.cohort, report.smallest_cell
    sections = [
        Section("Participants", (flow_figure(cohort, smallest),)),
        Section("Method", (report.estimates.method,)),
        Section("Estimates", tuple(_estimates(report))),
    ]
    if report.truth is not None:
        sets = adjustment_sets(report.estimates)
        table = truth_table(report.estimates.frame, report.truth, cohort, sets)
        sections.append(Section("Truth", (table,)))
    sections.append(Section("Provenance", _provenance(cohort, smallest)))
    return Page(report.title, tuple(sections))


def _estimates(report: Report) -> list[Block]:
    blocks: list[Block] = []
    frame = report.estimates.frame
    for exposure in frame["exposure"].unique(maintain_order=True).to_list():
        mine = frame.filter(pl.col("exposure") == exposure)
        blocks.append(ratios_table(mine, report.cohort, report.smallest_cell))
        blocks.append(forest_figure(mine, report.cohort, report.smallest_cell))
    return blocks


def adjustment_sets(estimates: Estimates) -> Mapping[str, Sequence[str]]:
    """The columns of each fitted model, by the name of its adjustment set."""
    return {name: fit.names for name, fit in zip(estimates.models, estimates.fits, strict=True)}


def _provenance(cohort: Cohort, smallest: int) -> tuple[Block, ...]:
    seen = cohort.provenance
    rows = [
        Row(("Source", seen.source)),
        Row(("Rows read", rows_read(cohort, smallest))),
        Row(("SHA-256 of the file", seen.sha256 or "a frame in memory has none")),
        Row(("Fingerprint of the cohort", cohort.fingerprint())),
        *(Row(one) for one in versions()),
    ]
    table = Table("What this report was made from", ("Item", "Value"), tuple(rows), (), (0, 1))
    return (table, *seen.notes)
