"""From the source that a study names to a cohort or to published tables.

Paths are seen from the folder of the study document and may not leave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from analyses.study.sources import RecordsSource
from analyses.study.study import (
    DatasetSource,
    FileSource,
    PublishedSource,
    Study,
    WorldSource,
    cast_codes,
    read_study,
)
from cohort import Audit, Cohort, FollowUp, Provenance, audit
from cohort.adapters.delimited import read_delimited
from cohort.assemble import assemble
from cohort.declaration import Declaration
from cohort.doors import file_provenance, unreadable
from cohort.errors import SchemaError, StudyError, agreeing, counted, nearest
from cohort.published import PublishedTable, select_tables
from cohort.published_door import read_published

from .checksums import sha256_of, sha256_of_text

if TYPE_CHECKING:
    from synthetic.cohorts import SimulatedWorld

PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Document:
    """A study document: what it says, its text, where it stands."""

    path: Path
    text: str
    study: Study

    @property
    def name(self) -> str:
        """The name of its page: that of the file, without the suffix."""
        return self.path.stem

    @property
    def source_path(self) -> Path | None:
        """Where its data stand; None when they are no file.

        Raises StudyError when that is outside the document's folder.
        """
        source = self.study.source
        if isinstance(source, (FileSource, PublishedSource)):
            return self.beside(source.file, "[source] file")
        return None

    def beside(self, file: str, where: str) -> Path:
        """The path of a file that the document names, seen from the document's folder.

        Raises StudyError when that is outside the folder.
        """
        folder = self.path.resolve().parent
        target = (folder / file).resolve()
        if not target.is_relative_to(folder):
            raise StudyError(
                f"'{self.path.name}': {where} leads out of the folder of the document: put the "
                "file beside the document or below it."
            )
        return target


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of a study, read or drawn once, and the study with codes of the columns' types.

    frame : with the derived columns; None for an invented world. drawn : that world.
    """

    frame: pl.DataFrame | None
    provenance: Provenance
    study: Study
    drawn: "SimulatedWorld | None" = None

    def follow_up(self, name: str | None = None) -> FollowUp:
        """One of the study's follow-ups: its own, or another by name."""
        chosen = self.study.follow_up if name is None else self.study.other_follow_up[name]
        assert chosen is not None
        return chosen


def read_document(path: str | Path) -> Document:
    """A study document with its text.

    Raises StudyError as ``read_study`` does.
    """
    study = read_study(path)
    return Document(Path(path), Path(path).read_text(encoding="utf-8-sig"), study)


def records_of(document: Document) -> Records:
    """The records of a study, read once.

    Raises SchemaError when the data are absent, unreadable, or not those the study declares;
    StudyError when a derived column or a condition cannot be made of them.
    """
    source = document.study.source
    if isinstance(source, WorldSource):
        from .invented import drawn_world

        seen = Provenance(f"world '{source.world}'", source.persons)
        return Records(None, seen, document.study, drawn_world(document, source))
    assert not isinstance(source, PublishedSource)
    if isinstance(source, DatasetSource):
        frame, seen = _dataset(source)
    else:
        frame, seen = _file(document, source)
    frame = _derived(frame, document.study.derived)
    if source.keep is not None:
        frame, seen = _kept(frame, seen, source.keep)
    return Records(frame, seen, cast_codes(document.study, frame.schema))


def _file(document: Document, source: FileSource) -> tuple[pl.DataFrame, Provenance]:
    path = document.beside(source.file, "[source] file")
    if not path.is_file():
        raise SchemaError(f"there is no file '{source.file}' beside '{document.path.name}'.")
    _check_sum(path.name, sha256_of(path), source.sha256)
    refusals: tuple[str, ...] = ()
    if path.suffix.lower() in PARQUET:
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(path, "Parquet", error) from None
        rows = len(frame)
    else:
        read = read_delimited(path, source.form, source.person)
        frame, rows, refusals = read.frame, read.rows_read, read.refusals
    seen = replace(
        file_provenance(path, rows),
        source=source.file,
        rows_refused=rows - len(frame),
        refusals=refusals,
    )
    return frame, seen


def _dataset(source: DatasetSource) -> tuple[pl.DataFrame, Provenance]:
    from .datasets import dataset_frame

    frame = dataset_frame(source.dataset)
    found = sha256_of_text(frame.write_csv())
    _check_sum(source.dataset, found, source.sha256)
    return frame, Provenance(f"data set {source.dataset}", len(frame), sha256=found)


def _derived(frame: pl.DataFrame, derived: Mapping[str, str]) -> pl.DataFrame:
    """The frame with new columns, each of which may use those before it."""
    for name, text in derived.items():
        if name in frame.columns:
            raise StudyError(f"[derived] '{name}': the data have a column of this name already.")
        try:
            frame = frame.with_columns(pl.sql_expr(text).alias(name))
        except pl.exceptions.ColumnNotFoundError as error:
            unknown = str(error).splitlines()[0].strip("\"'")
            raise StudyError(
                f"[derived] '{name}' names '{unknown}': {nearest(unknown, frame.columns)}"
            ) from None
        except pl.exceptions.PolarsError as error:
            raise StudyError(
                f"[derived] '{name}' = {text!r} is no expression in SQL that the data can answer "
                f"({type(error).__name__})."
            ) from None
    return frame


def _kept(frame: pl.DataFrame, seen: Provenance, condition: str) -> tuple[pl.DataFrame, Provenance]:
    told = _derived(frame, {"__kept": condition})
    if told["__kept"].dtype != pl.Boolean:
        raise StudyError(
            f"[source] keep = {condition!r} is no condition: it gives no true or false."
        )
    kept = frame.filter(told["__kept"])
    outside = len(frame) - len(kept)
    note = (
        f"{outside} of {counted(len(frame), 'records')} {agreeing(outside, 'are')} outside the "
        f"study (keep = {condition!r})."
    )
    return kept, replace(seen, notes=(*seen.notes, note))


def audit_of(records: Records, follow_up: str | None = None) -> Audit:
    """The audit of a study's records on one of its follow-ups; not for an invented world."""
    study = records.study
    assert records.frame is not None
    return audit(
        records.frame,
        person=_source(study).person,
        follow_up=records.follow_up(follow_up),
        variables=study.variables,
    )


def cohort_of(records: Records, follow_up: str | None = None) -> Cohort:
    """The cohort of a study on one of its follow-ups, exclusions applied.

    In an invented world, another follow-up is another scale of the world.

    Raises SchemaError, FollowUpError or DesignError when the data are refused.
    """
    study = records.study
    if isinstance(study.source, WorldSource):
        from .invented import invented

        assert records.drawn is not None
        cohort = invented(records.drawn, study.source, follow_up)
    else:
        assert records.frame is not None
        source = _source(study)
        declaration = Declaration(
            source.person,
            records.follow_up(follow_up),
            study.design,
            study.variables,
            source.weight,
            source.offset,
            source.cluster,
        )
        cohort = assemble(records.frame, declaration, records.provenance)
    for exclusion in study.exclusions:
        cohort = cohort.restrict(exclusion.keep, exclusion.reason)
    if cohort.persons == 0:
        raise SchemaError("the exclusions of the study leave nobody: look at their conditions.")
    return cohort


def _source(study: Study) -> RecordsSource:
    assert isinstance(study.source, (FileSource, DatasetSource))
    return study.source


def tables_of(document: Document) -> list[PublishedTable]:
    """The published tables that a study shows, each once.

    Raises SchemaError when the file is refused, StudyError when a table is not in it.
    """
    wanted = dict.fromkeys(name for one in document.study.pooling for name in one.tables)
    source = document.study.source
    assert isinstance(source, PublishedSource)
    path = document.beside(source.file, "[source] file")
    if path.is_file():
        _check_sum(path.name, sha256_of(path), source.sha256)
    return select_tables(read_published(path), list(wanted))


def _check_sum(name: str, found: str, declared: str | None) -> None:
    if declared is not None and found != declared.lower():
        raise SchemaError(
            f"'{name}' is not the data of the study: its SHA-256 begins {found[:12]}, but the "
            f"document declares {declared[:12].lower()}. If the data were meant to change, change "
            "sha256 in [source]."
        )
