"""From the source that a study names to a cohort or to published tables.

Paths are seen from the folder of the study document and may not leave it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from analyses.study.study import Study, cast_codes, read_study
from cohort import Audit, Cohort, FollowUp, Provenance, audit
from cohort.adapters.delimited import read_delimited
from cohort.assemble import assemble
from cohort.declaration import Declaration
from cohort.doors import file_provenance, unreadable
from cohort.errors import SchemaError, StudyError
from cohort.published import PublishedTable, select_tables
from cohort.published_door import read_published

from .checksums import sha256_of

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
    def source_path(self) -> Path:
        """Where its data stand.

        Raises StudyError when that is outside the document's folder.
        """
        folder = self.path.resolve().parent
        target = (folder / self.study.source.file).resolve()
        if not target.is_relative_to(folder):
            raise StudyError(
                f"'{self.path.name}': [source] file leads out of the folder of the document: put "
                "the data beside the document or below it."
            )
        return target


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """A table of records as read, and the study with its codes in the types of the columns."""

    frame: pl.DataFrame
    provenance: Provenance
    study: Study

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
    return Document(Path(path), Path(path).read_text(encoding="utf-8"), study)


def records_of(document: Document) -> Records:
    """The records of a study, read once.

    Raises SchemaError when the file is absent, unreadable, or not the one the study declares.
    """
    path, source = document.source_path, document.study.source
    if not path.is_file():
        raise SchemaError(f"there is no file '{source.file}' beside '{document.path.name}'.")
    _check_sum(path, source.sha256)
    refusals: tuple[str, ...] = ()
    if path.suffix.lower() in PARQUET:
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(path, "Parquet", error) from None
        rows = len(frame)
    else:
        read = read_delimited(path, source.form, str(source.person))
        frame, rows, refusals = read.frame, read.rows_read, read.refusals
    seen = replace(
        file_provenance(path, rows),
        source=source.file,
        rows_refused=rows - len(frame),
        refusals=refusals,
    )
    return Records(frame, seen, cast_codes(document.study, frame.schema))


def audit_of(records: Records, follow_up: str | None = None) -> Audit:
    """The audit of a study's records on one of its follow-ups."""
    study = records.study
    return audit(
        records.frame,
        person=str(study.source.person),
        follow_up=records.follow_up(follow_up),
        variables=study.variables,
    )


def cohort_of(records: Records, follow_up: str | None = None) -> Cohort:
    """The cohort of a study on one of its follow-ups, exclusions applied.

    Raises SchemaError, FollowUpError or DesignError when the data are refused.
    """
    study = records.study
    declaration = Declaration(
        str(study.source.person),
        records.follow_up(follow_up),
        study.design,
        study.variables,
        study.source.weight,
        study.source.offset,
        study.source.cluster,
    )
    cohort = assemble(records.frame, declaration, records.provenance)
    for exclusion in study.exclusions:
        cohort = cohort.restrict(exclusion.keep, exclusion.reason)
    if cohort.persons == 0:
        raise SchemaError("the exclusions of the study leave nobody: look at their conditions.")
    return cohort


def tables_of(document: Document) -> list[PublishedTable]:
    """The published tables that a study pools.

    Raises SchemaError when the file is refused, StudyError when a table is not in it.
    """
    pooling = document.study.pooling
    assert pooling is not None
    path = document.source_path
    if path.is_file():
        _check_sum(path, document.study.source.sha256)
    return select_tables(read_published(path), pooling.tables)


def _check_sum(path: Path, declared: str | None) -> None:
    if declared is None:
        return
    found = sha256_of(path)
    if found != declared.lower():
        raise SchemaError(
            f"'{path.name}' is not the file of the study: its SHA-256 begins {found[:12]}, but the "
            f"document declares {declared[:12].lower()}. If the data were meant to change, change "
            "sha256 in [source]."
        )
