"""The last section of a page: everything needed to make it again."""

from analyses.study.study import DatasetSource, WorldSource
from cohort import Cohort, Provenance

from . import numbers
from .checksums import sha256_of, sha256_of_text, versions
from .content import Block, Details, Row, Section, Table
from .disclosure import small
from .numbers import WITHHELD
from .sources import Document
from .tables import rows_read, with_note


def provenance_section(document: Document, cohort: Cohort | None = None) -> Section:
    """Files with their checksums, what the door saw, versions, and the study's text."""
    provenance = None if cohort is None else cohort.provenance
    rows = (
        Row((document.path.name, "the study document", sha256_of_text(document.text))),
        _data(document, provenance),
    )
    header = ("File", "What it is", "SHA-256")
    blocks: list[Block] = [Table("Files", header, rows, (), (0, 1, 2))]
    if cohort is not None:
        blocks.append(_door(cohort, document.study.report.smallest_cell))
    blocks += [f"Note from the door: {note}" for note in seen_notes(provenance)]
    blocks.append(_versions())
    blocks.append(Details("The study document, whole", document.text))
    return Section("Provenance", tuple(blocks))


def _data(document: Document, provenance: Provenance | None) -> Row:
    """The data: a file, a data set or an invented world, with the checksum that it has."""
    source = document.study.source
    if isinstance(source, WorldSource):
        from .invented import world_of

        world = world_of(document, source.world)
        drawn = f"{source.world}, {source.persons} women, seed {source.seed}"
        return Row((drawn, "an invented world (hash of its parameters)", world.fingerprint))
    if isinstance(source, DatasetSource):
        seen = provenance.sha256 if provenance is not None else None
        return Row((source.dataset, "the data set, written as CSV", seen or ""))
    return Row((source.file, "the data", sha256_of(document.beside(source.file, "[source] file"))))


def seen_notes(provenance: Provenance | None) -> tuple[str, ...]:
    """What the door found that does not forbid an analysis."""
    return () if provenance is None else (*provenance.notes, *provenance.refusals)


def _door(cohort: Cohort, smallest: int) -> Table:
    provenance = cohort.provenance
    refused = provenance.rows_refused
    unused = len(provenance.columns_unused)
    rows = (
        Row(("Rows read", rows_read(cohort, smallest))),
        Row(("Rows refused", WITHHELD if small(refused, smallest) else numbers.count(refused))),
        Row(("Columns not used", numbers.count(unused))),
        Row(("Times merged that differed by rounding alone", f"{provenance.merged_times:,}")),
    )
    return with_note(Table("What the door saw", ("Quantity", "Number"), rows), smallest)


def _versions() -> Table:
    rows = tuple(Row(one) for one in versions())
    return Table("Versions", ("Program", "Version"), rows, (), (0, 1))
