"""The door for data that do not fit into memory: a folder of Parquet files, scanned once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..checks import problems_of, raise_if_any
from ..cohort import Provenance, Step, time_at_risk
from ..declaration import EVENT, PERSON, WEIGHT, Declaration, declared
from ..doors import file_provenance, unreadable
from ..errors import CohortError, SchemaError
from ..followup import HAPPENED, FollowUp
from ..progress import Listener, Meter
from ..scanned import ScannedCohort, ScannedPart, located, normalised, rows_of
from ..variables import Categorical, Variable
from .outline import Outline, outline_of

BATCH_ROWS = 250_000
OF_THE_WHOLE = {"no event", "all events", "whole years"}
"""Findings that say something of a whole cohort, and nothing of a batch."""
FINDINGS = {
    "exit at 0": "leave at time 0: kept at risk there, with no person-time.",
    "gap": "begin after a gap in the person's follow-up: not at risk in the gap.",
    "after event": "follow an event of the same person: kept as recurrent events, with robust "
    "variance.",
}  # fmt: skip


def scan_parquet(
    folder: str | Path,
    *,
    person: str,
    follow_up: FollowUp,
    variables: Sequence[Variable] = (),
    weight: str | None = None,
    offset: str | None = None,
    cluster: str | None = None,
    batch_rows: int = BATCH_ROWS,
    progress: Listener | None = None,
) -> ScannedCohort:
    """A full cohort in the Parquet files of a folder, too large to hold in memory.

    folder : its ``*.parquet`` files, in order of their names, are parts of one table; a path of
    one such file is a cohort of one part. The records of a person, and of a cluster where
    ``cluster`` is declared, must stand side by side in one file. Levels of categorical variables
    must be declared. batch_rows : about how many records are held at a time. progress : called
    now and then with a Progress. The other arguments are those of ``from_frame``.

    Everything that the other doors check is checked here, in two passes over the files: the
    first over persons and times alone.

    Raises SchemaError, FollowUpError or DesignError as the other doors do, naming the file and
    the batch; UnsupportedError when a cluster is larger than a batch or decimal times are too many
    to merge.
    """
    declaration = Declaration(
        person,
        follow_up,
        variables=declared(variables),
        weight=weight,
        offset=offset,
        cluster=cluster,
    )
    files = _files(Path(folder))
    _check_declaration(declaration, files)
    if batch_rows < 1:
        raise SchemaError(f"batch_rows = {batch_rows}: expected at least 1.")
    rows = [_row_count(file) for file in files]
    if not sum(rows):
        raise SchemaError(f"'{Path(folder).name}' has {len(files)} Parquet files but no records.")
    filled = [(file, n) for file, n in zip(files, rows, strict=True) if n]
    meter = Meter(progress, 3.0 * sum(rows))
    outline = outline_of(filled, declaration, batch_rows, meter)
    tally = _Tally()
    for part in outline.parts:
        _check_part(part, declaration, outline, tally)
        meter.add("checking records", 2.0 * part.rows)
    return _scanned(declaration, outline, tally, _provenance(Path(folder), files, sum(rows)))


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise SchemaError(f"there is no folder '{folder.name}' at that place.")
    found = sorted(one for one in folder.glob("*.parquet") if one.is_file())
    if not found:
        raise SchemaError(f"the folder '{folder.name}' holds no Parquet files to read.")
    return found


def _check_declaration(declaration: Declaration, files: Sequence[Path]) -> None:
    """Refuse columns that the files lack, files that are unlike, and levels left to the data."""
    schemas = []
    for file in files:
        try:
            schemas.append(pl.scan_parquet(file, glob=False).collect_schema())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(file, "Parquet", error) from None
    declaration.check_against(list(schemas[0]))
    read = declaration.columns()
    wanted = [schemas[0][name] for name in read]
    unlike = [
        file.name
        for file, has in zip(files, schemas, strict=True)
        if [has.get(name) for name in read] != wanted
    ]
    if unlike:
        raise SchemaError(
            f"{len(unlike)} of {len(files)} files have other columns or types than "
            f"'{files[0].name}', such as '{unlike[0]}': make the declared columns alike."
        )
    for variable in declaration.variables:
        if isinstance(variable, Categorical) and variable.levels is None:
            raise SchemaError(
                f"the levels of '{variable.name}' are not declared, and a batch cannot know those "
                "of the others: give Categorical(levels=...)."
            )


def _row_count(file: Path) -> int:
    return int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())


class _Counts:
    """Persons, records, events and time at risk, counted batch by batch."""

    __slots__ = ("events", "person_time", "persons", "records")

    def __init__(self) -> None:
        self.persons = self.records = self.events = 0
        self.person_time = 0.0

    def add(self, frame: pl.DataFrame) -> None:
        self.persons += frame[PERSON].n_unique()
        self.records += len(frame)
        self.events += int((frame[EVENT] == HAPPENED).sum())
        self.person_time += float(time_at_risk(frame).sum())

    def step(self, reason: str) -> Step:
        return Step(reason, self.persons, self.records, self.events, self.person_time)


class _Tally:
    """What the second pass counts, over all batches."""

    __slots__ = ("found", "read", "recurrent", "weighed")

    def __init__(self) -> None:
        self.read, self.weighed = _Counts(), _Counts()
        self.found: dict[str, int] = {}
        self.recurrent = False

    def add(self, frame: pl.DataFrame, kinds: dict[str, int]) -> None:
        """The normalised records of a batch, and how many records each finding names."""
        self.read.add(frame)
        for kind, count in kinds.items():
            self.found[kind] = self.found.get(kind, 0) + count
        if WEIGHT in frame.columns:
            frame = frame.filter(pl.col(WEIGHT) > 0)
        self.weighed.add(frame)
        person = frame[PERSON].to_numpy()[frame[EVENT].to_numpy() > 0]
        self.recurrent |= bool(np.bincount(person).max(initial=0) > 1)


def _check_part(
    part: ScannedPart, declaration: Declaration, outline: Outline, tally: _Tally
) -> None:
    for begin, end in part.batches:
        frame = rows_of(part.path, declaration.columns(), begin, end)
        try:
            normal = normalised(frame, declaration, outline.times)
            problems = [
                one
                for one in problems_of(normal, declaration)
                if one.kind not in OF_THE_WHOLE and not _no_weight_here(one.kind, one.rows)
            ]
            raise_if_any(problems)
        except CohortError as error:
            raise located(error, part, begin, end) from None
        tally.add(normal, {one.kind: len(one.rows) for one in problems})


def _no_weight_here(kind: str, rows: tuple[int, ...]) -> bool:
    """That all weights of a batch are 0 says nothing of the others."""
    return kind == "weight" and not rows


def _scanned(
    declaration: Declaration, outline: Outline, tally: _Tally, seen: Provenance
) -> ScannedCohort:
    left = tally.weighed
    if not left.records:
        raise SchemaError(
            f"all {tally.read.records:,} sampling weights in '{declaration.weight}' are 0."
        )
    notes = [f"{count:,} records {FINDINGS.get(kind, kind)}" for kind, count in tally.found.items()]
    if not tally.read.events:
        notes.append(f"no record ends with '{declaration.follow_up.outcome}'.")
    if outline.merged:
        notes.append(f"{outline.merged:,} times differed from another by rounding alone: merged.")
    steps = [tally.read.step("in the data")]
    if left.records < tally.read.records:
        steps.append(left.step("sampling weight 0"))
    facts: dict[str, Any] = {"notes": tuple(notes), "merged_times": outline.merged}
    return ScannedCohort(
        parts=outline.parts,
        declaration=declaration,
        persons=left.persons,
        events=left.events,
        person_time=left.person_time,
        times=outline.times,
        recurrent=tally.recurrent,
        steps=tuple(steps),
        provenance=Provenance(seen.source, seen.rows_read, sha256=seen.sha256, **facts),
    )


def _provenance(folder: Path, files: Sequence[Path], rows: int) -> Provenance:
    """Rows, and one SHA-256 over names and SHA-256 of the files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file_provenance(file, 0).sha256}\n".encode())
    return Provenance(
        f"{folder.name}: {len(files):,} Parquet files", rows, sha256=digest.hexdigest()
    )
