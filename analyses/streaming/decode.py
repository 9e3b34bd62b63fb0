"""One part of a scanned cohort as the compact columns of one model, and what it counts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from cohort.cohort import Cohort, time_at_risk
from cohort.declaration import CLUSTER, EVENT, OFFSET, PERSON, STRATUM
from cohort.errors import CohortError, SchemaError, agreeing, row_list
from cohort.followup import HAPPENED
from cohort.scanned import ScannedCohort, ScannedPart, located
from cohort.variables import Categorical

from ..cox.weighted_records import plain_records
from ..model import Model, matrix
from ..question import Question
from ..records import Codes, Flags, Floats, RiskRecords
from ..terms import complete
from .compact import Columns, compact

Level = tuple[object, ...]
"""The values of the columns that make a stratum."""
HIDDEN = {STRATUM: "stratum", CLUSTER: "cluster", OFFSET: "offset"}


@dataclass(frozen=True, slots=True)
class Order:
    """What to decode: a model of a question over a scanned cohort.

    code : of the outcome. strata : the columns that cross to strata. clustered : whether the
    variance needs to know which records belong together.
    """

    cohort: ScannedCohort
    question: Question
    model: Model
    code: int
    strata: tuple[str, ...]
    clustered: bool


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What a part counts of the records that are complete for the model.

    dropped : incomplete records. events : of the question's outcome; happened : of the declared
    one. units : persons, or clusters where they are declared. strata :
    the strata in the order of their codes; event_times : of each, increasing, (k,). levels : the
    levels that occur of each categorical variable that is compared.
    """

    records: int
    dropped: int
    persons: int
    events: int
    happened: int
    units: int
    person_time: float
    strata: tuple[Level, ...]
    event_times: tuple[Floats, ...]
    levels: dict[str, frozenset[object]]


class Tally:
    """Counts in the making, batch by batch."""

    __slots__ = (
        "_events", "dropped", "events", "happened", "levels", "person_time", "persons", "records",
        "strata", "units",
    )  # fmt: skip

    def __init__(self) -> None:
        self.records = self.dropped = self.persons = self.events = self.happened = self.units = 0
        self.person_time = 0.0
        self.strata: dict[Level, int] = {}
        self.levels: dict[str, set[object]] = {}
        self._events: dict[int, Floats] = {}

    def add(self, frame: pl.DataFrame, records: RiskRecords, stratum: Codes) -> None:
        """The complete records of a batch."""
        self.records += records.size
        self.persons += frame[PERSON].n_unique()
        self.units += int(np.unique(records.cluster).size)
        self.events += int(records.event.sum())
        self.happened += int((frame[EVENT] == HAPPENED).sum())
        self.person_time += float(time_at_risk(frame).sum())
        happened, where = records.exit[records.event], stratum[records.event]
        for code in np.unique(where):
            times = happened[where == code]
            known = self._events.get(int(code), np.empty(0))
            self._events[int(code)] = np.unique(np.concatenate((known, times)))

    def counts(self) -> Counts:
        """What was counted."""
        return Counts(
            records=self.records,
            dropped=self.dropped,
            persons=self.persons,
            events=self.events,
            happened=self.happened,
            units=self.units,
            person_time=self.person_time,
            strata=tuple(self.strata),
            event_times=tuple(
                self._events.get(code, np.empty(0)) for code in range(len(self.strata))
            ),
            levels={name: frozenset(found) for name, found in self.levels.items()},
        )


def decoded(order: Order, part: ScannedPart, tally: Tally) -> Iterator[Columns]:
    """The batches of a part as compact columns; the tally counts on the way.

    Raises SchemaError for a missing value that the question refuses, or a term without a value.
    """
    wanted = frozenset(order.model.variables())
    batches = order.cohort.batches(part, wanted)
    for (begin, end), batch in zip(part.batches, batches, strict=True):
        try:
            kept = _complete(batch, order)
            frame = batch.frame if kept.all() else batch.frame.filter(pl.Series(kept))
            tally.dropped += int((~kept).sum())
            if len(frame):
                yield _columns(batch, frame, order, tally)
        except CohortError as error:
            raise located(error, part, begin, end) from None


def _complete(batch: Cohort, order: Order) -> Flags:
    names = [*order.model.variables(), *(name for name in HIDDEN if name in batch.frame.columns)]
    kept = complete(batch.frame, names)
    if kept.all() or order.question.missing == "complete case":
        return kept
    told = ", ".join(
        f"'{HIDDEN.get(name, name)}' {batch.frame[name].null_count():,}"
        for name in names
        if batch.frame[name].null_count()
    )
    raise SchemaError(
        f"{(~kept).sum():,} of {len(kept):,} records {agreeing((~kept).sum(), 'lack')} a value "
        "that the model "
        f"'{order.model.name}' needs ({row_list(np.flatnonzero(~kept))}); missing by variable: "
        f'{told}. Ask the question with missing = "complete case" to leave them out, counted, or '
        "complete them."
    )


def _columns(batch: Cohort, frame: pl.DataFrame, order: Order, tally: Tally) -> Columns:
    records = plain_records(frame, order.code, ())
    stratum = _stratum_codes(frame, order.strata, tally.strata)
    tally.add(frame, records, stratum)
    for name in _compared(order.model):
        if isinstance(batch.variable(name), Categorical):
            tally.levels.setdefault(name, set()).update(frame[name].unique().to_list())
    columns: Columns = {
        "exit": compact(records.exit),
        "event": records.event,
        "stratum": compact(stratum),
        "weight": compact(records.event_weight),
    }
    if order.cohort.follow_up.entry is not None:
        columns["entry"] = compact(records.entry)
    if OFFSET in frame.columns:
        columns["offset"] = compact(records.offset)
    if order.clustered:
        columns["cluster"] = compact(records.cluster)
    values = matrix(batch, frame, order.model).values
    for place in range(values.shape[1]):
        columns[term(place)] = compact(values[:, place])
    return columns


def term(place: int) -> str:
    """The name of a column of the model."""
    return f"term {place}"


def _compared(model: Model) -> Iterable[str]:
    return (*model.exposure.names, *(() if model.modifier is None else (model.modifier,)))


def _stratum_codes(frame: pl.DataFrame, columns: tuple[str, ...], known: dict[Level, int]) -> Codes:
    """Codes of the strata by first appearance in the part, (n,); new ones are added to known."""
    if not columns:
        known.setdefault((), 0)
        return np.zeros(len(frame), dtype=np.int64)
    levels = frame.select(columns).unique(maintain_order=True)
    codes = [known.setdefault(level, len(known)) for level in levels.iter_rows()]
    coded = levels.with_columns(pl.Series("_code", codes, dtype=pl.Int64))
    joined = frame.select(columns).join(coded, on=columns, how="left", maintain_order="left")
    return joined["_code"].to_numpy().astype(np.int64)
