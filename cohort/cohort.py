"""The cohort: persons, their follow-up, and how they came to be in it."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .declaration import ENTRY, EVENT, EXIT, PERSON, SET, WEIGHT, Declaration
from .designs import Design
from .errors import SchemaError, nearest, row_list
from .followup import HAPPENED, FollowUp
from .timescales import TimeScale
from .variables import Variable


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the participant flow: who is left after it, and why the others are not.

    person_time is in the unit of the cohort's time scale.
    """

    reason: str
    persons: int
    records: int
    events: int
    person_time: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the records came from and what the door saw.

    sha256 : of the file, None for a frame in memory. merged_times : distinct times merged because
    they differed by rounding alone. notes : findings that do not forbid analysis.
    """

    source: str
    rows_read: int
    rows_refused: int = 0
    refusals: tuple[str, ...] = ()
    columns_unused: tuple[str, ...] = ()
    sha256: str | None = None
    merged_times: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Persons followed for an outcome; made by a door (``from_frame``, ``read_csv``, ...).

    frame : one row a record. Columns that begin with ``_`` are normalised follow-up; variables
    stand under their own names; the other columns of the source are kept for exclusions.
    Never altered: every verb returns a new cohort.
    """

    frame: pl.DataFrame
    declaration: Declaration
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

    def variable(self, name: str) -> Variable:
        """One variable of the dictionary.

        Raises SchemaError naming the nearest declared variable.
        """
        for variable in self.variables:
            if variable.name == name:
                return variable
        known = [variable.name for variable in self.variables]
        hint = (
            " It is a column of the data: declare it in variables= as Continuous, Categorical or "
            "Binary."
            if name in self.frame.columns
            else ""
        )
        raise SchemaError(f"no variable '{name}' is declared; {nearest(name, known)}{hint}")

    @property
    def persons(self) -> int:
        """Number of persons; in the sample, for a sampled design."""
        return int(self.frame[PERSON].n_unique())

    @property
    def events(self) -> int:
        """Number of events of the declared outcome."""
        return int((each_once(self.frame)[EVENT] == HAPPENED).sum())

    @property
    def person_time(self) -> float:
        """Total time at risk in the scale's unit; from the origin where nobody enters late."""
        return float(time_at_risk(each_once(self.frame)).sum())

    def restrict(self, keep: str, reason: str) -> "Cohort":
        """Keep the records for which a condition holds, and note the reason as a Step.

        keep : a condition in SQL on columns and variables, such as ``age >= 50 AND parity > 0``;
        read by polars' SQL parser, never evaluated as code.

        Raises SchemaError when it cannot be read or is unknown (null) for some records.
        """
        holds = condition(self.frame, keep)
        return self.keep_records(holds.to_numpy(), reason)

    def keep_records(self, holds: NDArray[np.bool_], reason: str) -> "Cohort":
        """Keep the records where ``holds`` (n,) is true, and note the reason as a Step."""
        frame = self.frame.filter(pl.Series(holds))
        return replace(self, frame=frame, steps=(*self.steps, step(reason, frame)))

    def with_frame(self, frame: pl.DataFrame, reason: str | None = None) -> "Cohort":
        """The same cohort with other records; a reason makes a Step."""
        steps = self.steps if reason is None else (*self.steps, step(reason, frame))
        return replace(self, frame=frame, steps=steps)

    def describe(self) -> pl.DataFrame:
        """The participant flow: one row a step, with those left and those gone at the step."""
        flow = pl.DataFrame(
            [
                (one.reason, one.persons, one.records, one.events, one.person_time)
                for one in self.steps
            ],
            schema=["reason", "persons", "records", "events", "person_time"],
            orient="row",
        )
        gone = (pl.col("persons").shift(1) - pl.col("persons")).fill_null(0)
        return flow.with_columns(gone.alias("persons_excluded"))

    def fingerprint(self) -> str:
        """A SHA-256 over records, in order, and declaration: equal cohorts have equal ones."""
        digest = hashlib.sha256(repr(self.declaration).encode())
        digest.update("|".join(f"{n}:{t}" for n, t in self.frame.schema.items()).encode())
        for row_hash in self.frame.hash_rows(seed=1).to_numpy():
            digest.update(int(row_hash).to_bytes(8, "little"))
        return digest.hexdigest()

    def __repr__(self) -> str:
        in_the = " in the sample" if self.design.sampled else ""
        time = f"{self.person_time:,.0f} {self.scale.person_time_unit}"
        return (
            f"Cohort({self.persons:,} persons, {self.events:,} events, {time}{in_the}, "
            f"{type(self.design).__name__})"
        )


def condition(frame: pl.DataFrame, expression: str) -> pl.Series:
    """A condition in SQL as a boolean series (n,) with no null.

    Raises SchemaError when it cannot be read, is no condition, or is unknown for some records.
    """
    try:
        parsed = pl.sql_expr(expression)
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise SchemaError(
            f"the condition '{expression}' is not one that SQL can read "
            f'({str(error).splitlines()[0]}); write for example "age >= 50 AND stage = 2".'
        ) from None
    unknown = [name for name in parsed.meta.root_names() if name not in frame.columns]
    if unknown:
        raise SchemaError(
            f"the condition '{expression}' names a column the data do not have, '{unknown[0]}': "
            f"{nearest(unknown[0], frame.columns)}"
        )
    try:
        holds = frame.select(parsed.alias("holds"))["holds"]
    except pl.exceptions.PolarsError as error:  # Its text may quote values.
        types = ", ".join(f"'{name}' {frame[name].dtype}" for name in parsed.meta.root_names())
        raise SchemaError(
            f"the condition '{expression}' cannot be worked out on columns of these types: {types} "
            f"({type(error).__name__}). Compare numbers with numbers, text with 'text', dates with "
            "DATE '2000-01-31'."
        ) from None
    if holds.dtype != pl.Boolean or len(holds) != len(frame):
        raise SchemaError(f"the condition '{expression}' is not true or false for each record.")
    if holds.null_count():
        raise SchemaError(
            f"the condition '{expression}' is unknown for {holds.null_count():,} records, whose "
            f"value is missing ({row_list(holds.is_null().arg_true())}): say what becomes of them "
            'with "... OR x IS NULL" or "... AND x IS NOT NULL".'
        )
    return holds


def time_at_risk(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Time at risk of each record, (n,), counted from the origin where entry is -infinity."""
    return np.asarray(frame[EXIT].to_numpy() - np.maximum(frame[ENTRY].to_numpy(), 0.0))


def each_once(frame: pl.DataFrame) -> pl.DataFrame:
    """Records with a person who stands in several matched sets counted once."""
    if SET not in frame.columns:
        return frame
    return frame.unique([PERSON, ENTRY, EXIT], keep="first", maintain_order=True)


def step(reason: str, frame: pl.DataFrame) -> Step:
    """The participant-flow row for the records that are left."""
    frame = each_once(frame)
    return Step(
        reason,
        int(frame[PERSON].n_unique()),
        len(frame),
        int((frame[EVENT] == HAPPENED).sum()),
        float(time_at_risk(frame).sum()),
    )


def drop_zero_weights(cohort: Cohort) -> Cohort:
    """Set aside records whose sampling weight is 0: they carry no information."""
    if WEIGHT not in cohort.frame.columns:
        return cohort
    positive = cohort.frame[WEIGHT].to_numpy() > 0
    if positive.all():
        return cohort
    return cohort.keep_records(positive, "sampling weight 0")
