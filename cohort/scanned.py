"""A cohort that stays on disk: checked once, then read batch by batch.

Its parts are Parquet files. The records of a person, or of a cluster where clusters are declared,
stand side by side in one file, so that a batch is cut between them and never through them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .assemble import identifiers, optional_columns, with_variables
from .cohort import Cohort, Provenance, Step
from .declaration import ENTRY, EVENT, EXIT, PERSON, WEIGHT, Declaration, refuse_types
from .designs import Design
from .errors import CohortError, SchemaError, nearest
from .followup import FollowUp, event_codes
from .timescales import TimeScale, times_of
from .variables import Variable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScannedPart:
    """One file: its path, and where its batches begin and end (batches + 1 row numbers)."""

    path: Path
    cuts: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Records in the file."""
        return self.cuts[-1]

    @property
    def batches(self) -> tuple[tuple[int, int], ...]:
        """First row and one past the last of each batch."""
        return tuple(zip(self.cuts[:-1], self.cuts[1:], strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class ScannedCohort:
    """Persons followed for an outcome, whose records are read from disk when they are needed.

    Made by ``scan_parquet``. parts : the files in order. persons, events, person_time : as in a
    Cohort, counted by the scan; person_time in the scale's unit. times : (m,) the distinct times
    after those that differ by rounding were merged, in the scale's unit; None where none did.
    recurrent : whether a person has the outcome more than once.
    """

    parts: tuple[ScannedPart, ...]
    declaration: Declaration
    persons: int
    events: int
    person_time: float
    times: Floats | None
    recurrent: bool
    steps: tuple[Step, ...]
    provenance: Provenance

    @property
    def follow_up(self) -> FollowUp:
        """The declared follow-up."""
        return self.declaration.follow_up

    @property
    def scale(self) -> TimeScale:
        """The time scale of entry and exit."""
        return self.declaration.follow_up.scale

    @property
    def design(self) -> Design:
        """The declared sampling design."""
        return self.declaration.design

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The data dictionary."""
        return self.declaration.variables

    @property
    def records(self) -> int:
        """Number of records in the files."""
        return sum(part.rows for part in self.parts)

    def variable(self, name: str) -> Variable:
        """One variable of the dictionary.

        Raises SchemaError naming the nearest declared variable.
        """
        for variable in self.variables:
            if variable.name == name:
                return variable
        known = [variable.name for variable in self.variables]
        raise SchemaError(f"no variable '{name}' is declared; {nearest(name, known)}")

    def batches(self, part: ScannedPart, columns: frozenset[str] | None = None) -> Iterator[Cohort]:
        """The records of a part, batch by batch, each a cohort of its own.

        columns : the variables to read; all without it. Records with sampling weight 0 are left
        out. Person and cluster codes begin anew in each batch.
        """
        declaration = self.declaration
        if columns is not None:
            kept = tuple(one for one in self.variables if one.name in columns)
            declaration = replace(declaration, variables=kept)
        for begin, end in part.batches:
            frame = rows_of(part.path, declaration.columns(), begin, end)
            normal = normalised(frame, declaration, self.times)
            if WEIGHT in normal.columns:
                normal = normal.filter(pl.col(WEIGHT) > 0)
            yield Cohort(normal, declaration, (), self.provenance)

    def without_records(self) -> Cohort:
        """A cohort of the same declaration and no records, for what needs no data."""
        frame = rows_of(self.parts[0].path, self.declaration.columns(), 0, 1)
        normal = normalised(frame, self.declaration, self.times).head(0)
        return Cohort(normal, self.declaration, self.steps, self.provenance)

    def __repr__(self) -> str:
        time = f"{self.person_time:,.0f} {self.scale.person_time_unit}"
        return (
            f"ScannedCohort({self.persons:,} persons, {self.events:,} events, {time}, "
            f"{self.records:,} records in {len(self.parts):,} files)"
        )


def rows_of(path: Path, columns: tuple[str, ...], begin: int, end: int) -> pl.DataFrame:
    """Some columns of some rows of a Parquet file.

    Raises SchemaError when the file cannot be read.
    """
    try:
        lazy = pl.scan_parquet(path, glob=False).select(columns).slice(begin, end - begin)
        return lazy.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SchemaError(
            f"'{path.name}' cannot be read as Parquet ({type(error).__name__})."
        ) from None


def normalised(frame: pl.DataFrame, declaration: Declaration, times: Floats | None) -> pl.DataFrame:
    """A batch in the form of ``Cohort.frame``, without the columns that were not declared.

    times : what near-equal times are merged to, (m,) increasing. Person codes are run numbers
    within the batch.

    Raises SchemaError or FollowUpError for a type, a code or an identifier.
    """
    refuse_types(frame, declaration.columns())
    follow_up = declaration.follow_up
    exits = merged_to(times, times_of(frame, follow_up.exit, follow_up.scale))
    entries = (
        np.full(len(frame), -np.inf)
        if follow_up.entry is None
        else merged_to(times, times_of(frame, follow_up.entry, follow_up.scale))
    )
    columns = [
        person_runs(frame[declaration.person]).alias(PERSON),
        pl.Series(ENTRY, entries),
        pl.Series(EXIT, exits),
        pl.Series(EVENT, event_codes(frame, follow_up)),
        *optional_columns(frame, declaration),
    ]
    return with_variables(frame, frame.with_columns(columns), declaration)[1]


def person_runs(series: pl.Series) -> pl.Series:
    """Codes from 0 of the persons of records that stand side by side, (n,).

    Raises SchemaError for a missing identifier or one that a number type has already damaged.
    """
    if not series.dtype.is_integer() or series.null_count():
        series = identifiers(series)
    return series.rle_id()


def merged_to(times: Floats | None, values: Floats) -> Floats:
    """Finite values (n,) as the largest of ``times`` that is not above them."""
    if times is None:
        return values
    place = np.searchsorted(times, values, side="right") - 1
    return np.where(np.isfinite(values), times[np.maximum(place, 0)], values)


def located(error: CohortError, part: ScannedPart, begin: int, end: int) -> CohortError:
    """The same error, saying in which file and batch its row numbers are counted."""
    return type(error)(
        f"in '{part.path.name}', records {begin + 1:,} to {end:,}, rows counted from the first of "
        f"these: {error}"
    )
