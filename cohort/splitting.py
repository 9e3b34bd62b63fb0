"""Splitting follow-up: records cut at times of one scale or of several (the Lexis diagram).

A record on (entry, exit] becomes pieces (entry, a], (a, b], ..., (z, exit], and its event stays in
the last of them: an event exactly at a cut belongs to the piece that ends there. Persons, events
and person-time do not change, and time runs equally fast on every scale.

Carstensen and Plummer (2011), Using Lexis objects for multi-state models in R, J Stat Softw
38(6):1-18; Clayton and Hills (1993), Statistical Models in Epidemiology, chapter 6.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .cohort import Cohort
from .declaration import ENTRY, EVENT, EXIT, Declaration
from .errors import SchemaError
from .followup import CENSORED
from .split_checks import (
    refuse_absent,
    refuse_matched,
    refuse_sentinels,
    refuse_unknown,
)
from .timescales import (
    DAYS_PER_UNIT,
    NEAR_EQUAL,
    TimeScale,
    times_of,
    whole_dates,
)
from .variables import Categorical, Variable

Cut = float | date
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class OtherScale:
    """A second time scale for cohorts whose times are numbers.

    scale : what the second clock measures, without an origin. at_entry : the column with each
    record's time on it when it enters follow-up (at time 0 where nobody enters late), in the unit
    of ``scale``: with follow-up on age, the calendar year of entry.
    """

    scale: TimeScale
    at_entry: str


def split(
    cohort: Cohort,
    *,
    at: Iterable[Cut],
    on: TimeScale | OtherScale | None = None,
    name: str | None = None,
    reference: str | None = None,
    never: str | None = None,
) -> Cohort:
    """The same cohort with its records cut at given times.

    at : the cut points, numbers in the unit of the scale that is cut, or calendar dates. Dates
    need a cohort whose times were dates, and then ``on`` stays empty.
    on : the scale to cut, the cohort's own without it. A TimeScale with an origin (a date, or the
    name of a date column: time since her last birth) for follow-up given by dates; an OtherScale
    for follow-up given by numbers. Call ``split`` again for a third scale.
    name : a new Categorical variable for the band that a piece lies in: ``under 50``,
    ``50 to 60``, ``60 and over``. A band holds its upper end, not its lower one.
    reference : the band that models compare with.
    never : the band of persons without an origin date (nulliparous women have no time since
    birth); None refuses them.

    The source columns keep the values of the whole record: entry, exit and event of a piece stand
    in ``_entry``, ``_exit`` and ``_event``. A cut within rounding (1.49e-8) of a time that is
    already in the cohort takes that time, so that no sliver arises and ties stay ties.

    Raises SchemaError for cut points, scales or names that do not fit, UnsupportedError for
    matched designs, whose records are no follow-up to be cut.
    """
    refuse_matched(cohort)
    cuts, position = _cuts_and_position(cohort, list(at), on)
    if never is None:
        refuse_unknown(position.start, position.reads, "declare a band for them with never=")
    times = position.own_times(cuts.places)
    pieces = cut_records(cohort.frame, times)
    if name is None:
        return cohort.with_frame(pieces.frame)
    levels = cuts.bands() if never is None else (*cuts.bands(), never)
    band = Categorical(name, levels=levels, reference=reference)
    places = pieces.cuts_before()
    places[np.isnan(position.start)[pieces.source]] = len(levels) - 1
    words = pl.Series(name, levels, dtype=pl.String).gather(pl.Series(places))
    return with_variable(cohort, pieces.frame, band, words)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Records cut in pieces.

    frame : the pieces, (m,). source : the row of the old frame that each was cut from, (m,).
    times : the times of the cuts as they were made, (n, k), near-equal ones merged.
    """

    frame: pl.DataFrame
    source: NDArray[np.int64]
    times: NDArray[np.float64]

    def cuts_before(self) -> NDArray[np.int64]:
        """How many of the record's cut times lie before the piece's end, (m,)."""
        ends = self.frame[EXIT].to_numpy()
        before = np.zeros(len(ends), dtype=np.int64)
        for times in self.times.T:  # One cut at a time: (m, k) would not fit for large cohorts.
            before += times[self.source] < ends
        return before


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Cut points in increasing order (k,), and the words for them."""

    places: NDArray[np.float64]
    words: tuple[str, ...]
    below: str = "under"
    above: str = "and over"

    def bands(self) -> tuple[str, ...]:
        inner = [f"{low} to {high}" for low, high in pairwise(self.words)]
        first, last = self.words[0], self.words[-1]
        return (f"{self.below} {first}", *inner, f"{last} {self.above}")


@dataclass(frozen=True, slots=True, eq=False)
class _Position:
    """Where the other clock stands against the cohort's own, record by record.

    start : (n,) when the other clock shows 0, NaN where it never starts. step : one unit of the
    other clock. Both are counted in parts of which ``parts`` make one unit of the cohort's scale
    (whole days, where follow-up is given by dates). reads : the column it was read from.
    """

    start: NDArray[np.float64]
    step: float
    reads: str
    parts: float = 1.0

    def own_times(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The cut points on the cohort's own scale, (n, k)."""
        # Divided last, as the door divides days, so that equal days are equal times.
        return np.asarray((self.start[:, None] + places[None, :] * self.step) / self.parts)


def _cuts_and_position(
    cohort: Cohort, at: Sequence[Cut], on: TimeScale | OtherScale | None
) -> tuple[_Cuts, _Position]:
    if not at:
        raise SchemaError("split needs at least one cut point in at=.")
    if all(isinstance(cut, date) for cut in at):
        return _calendar_cuts(cohort, at, on)
    if not all(isinstance(cut, (int, float)) and np.isfinite(cut) for cut in at):
        raise SchemaError("cut points in at= must be all finite numbers or all dates.")
    numbers = np.unique(np.array(at, dtype=np.float64))
    cuts = _Cuts(numbers, tuple(f"{number:.12g}" for number in numbers))
    return cuts, _position(cohort, on)


def _calendar_cuts(
    cohort: Cohort, at: Sequence[Cut], on: TimeScale | OtherScale | None
) -> tuple[_Cuts, _Position]:
    own = cohort.scale
    if on is not None or own.origin is None or any(isinstance(cut, datetime) for cut in at):
        raise SchemaError(
            "cut points given as dates need plain dates, follow-up given by dates "
            f"(TimeScale(origin=...)), and no on=; the cohort's scale is '{own.name}'"
            + (", whose times are numbers." if own.origin is None else ".")
        )
    dates = sorted({cut for cut in at if isinstance(cut, date)})
    days = np.array([(day - EPOCH).days for day in dates], dtype=np.float64)
    cuts = _Cuts(days, tuple(day.isoformat() for day in dates), "before", "and later")
    return cuts, _dated_position(cohort, TimeScale("calendar time", "days", EPOCH))


def _position(cohort: Cohort, on: TimeScale | OtherScale | None) -> _Position:
    own = cohort.scale
    if on is None:
        return _Position(np.zeros(len(cohort.frame)), 1.0, own.name)
    if isinstance(on, OtherScale):
        return _numbered_position(cohort, on)
    if on.origin is None or own.origin is None:
        raise SchemaError(
            f"time scale '{on.name}' can be laid against '{own.name}' when both start at dates: "
            "give both an origin, or, where times are numbers, "
            "OtherScale(scale, at_entry=<column>)."
        )
    return _dated_position(cohort, on)


def _dated_position(cohort: Cohort, on: TimeScale) -> _Position:
    days_between = _origin_days(cohort.frame, on) - _origin_days(cohort.frame, cohort.scale)
    if isinstance(on.origin, str):
        refuse_sentinels(cohort, on.origin)
    reads = on.origin if isinstance(on.origin, str) else on.name
    return _Position(
        days_between, DAYS_PER_UNIT[on.unit], reads, parts=DAYS_PER_UNIT[cohort.scale.unit]
    )


def _origin_days(frame: pl.DataFrame, scale: TimeScale) -> NDArray[np.float64]:
    """Days from 1970-01-01 to the origin of a scale, (n,), NaN where a record has none."""
    if isinstance(scale.origin, date):
        return np.full(len(frame), float((scale.origin - EPOCH).days))
    column = str(scale.origin)
    refuse_absent(frame, column)
    start = whole_dates(frame[column])
    if start.dtype != pl.Date:
        raise SchemaError(
            f"time scale '{scale.name}' starts at column '{column}', which holds {start.dtype}: "
            "expected dates."
        )
    return start.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _numbered_position(cohort: Cohort, on: OtherScale) -> _Position:
    own, entry = cohort.scale, cohort.follow_up.entry
    if own.origin is not None or on.scale.origin is not None:
        raise SchemaError(
            f"OtherScale('{on.scale.name}') is for follow-up given by numbers; this cohort has "
            "dates: name a TimeScale with an origin instead."
        )
    refuse_absent(cohort.frame, on.at_entry)
    rate = DAYS_PER_UNIT[on.scale.unit] / DAYS_PER_UNIT[own.unit]
    shown = times_of(cohort.frame, on.at_entry, on.scale)
    # The source column, not _entry: pieces of an earlier split begin later than the record did.
    entered = np.zeros(len(shown)) if entry is None else times_of(cohort.frame, entry, own)
    return _Position(entered - shown * rate, rate, on.at_entry)


def cut_records(frame: pl.DataFrame, times: NDArray[np.float64]) -> Pieces:
    """Records cut at times of the cohort's own scale.

    times : (n, k), increasing within a row; NaN and times outside (entry, exit) cut nothing. Where
    nobody enters late a record begins at the origin, and times before it cut nothing either.
    """
    entry, exit_ = frame[ENTRY].to_numpy(), frame[EXIT].to_numpy()
    times = _merged(times, entry, exit_)
    inside = (times > entry[:, None]) & (times < exit_[:, None])
    # Before the origin there is no person-time to cut; at the origin a cut tells only where
    # someone leaves at time 0.
    inside &= (times > 0) | np.isfinite(entry)[:, None] | ((times == 0) & bool((exit_ == 0).any()))
    # Two cut points merged into one time are one cut.
    inside[:, 1:] &= times[:, 1:] > times[:, :-1]
    if not inside.any():
        return Pieces(frame, np.arange(len(frame)), times)
    counts = inside.sum(axis=1) + 1
    source = np.repeat(np.arange(len(frame)), counts)
    last = np.cumsum(counts) - 1
    first = last - counts + 1
    is_last, is_first = np.zeros(len(source), dtype=bool), np.zeros(len(source), dtype=bool)
    is_last[last], is_first[first] = True, True
    entries, exits = np.empty(len(source)), np.empty(len(source))
    entries[first], entries[~is_first] = entry, times[inside]
    exits[last], exits[~is_last] = exit_, times[inside]
    events = np.full(len(source), CENSORED, dtype=np.int8)
    events[last] = frame[EVENT].to_numpy()
    pieces = frame[source].with_columns(
        pl.Series(ENTRY, entries), pl.Series(EXIT, exits), pl.Series(EVENT, events)
    )
    return Pieces(pieces, source, times)


def _merged(
    times: NDArray[np.float64], entry: NDArray[np.float64], exit_: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Cut times that differ by rounding alone from a time in the cohort become that time.

    The tolerance is that of ``merge_near_equal``; the times of the cohort stay as they are.
    """
    known = np.unique(np.concatenate((entry, exit_)))
    known = known[np.isfinite(known)]
    near = NEAR_EQUAL * max(1.0, float(np.mean(np.abs(known))))
    asked = (times > entry[:, None] - near) & (times < exit_[:, None] + near)
    values = times[asked]
    above = np.minimum(np.searchsorted(known, values), known.size - 1)
    below = np.maximum(above - 1, 0)
    nearer = np.where(np.abs(known[above] - values) < np.abs(known[below] - values), above, below)
    merged = times.copy()
    merged[asked] = np.where(np.abs(known[nearer] - values) <= near, known[nearer], values)
    return merged


def with_variable(
    cohort: Cohort, frame: pl.DataFrame, variable: Variable, values: pl.Series
) -> Cohort:
    """The cohort with other records and one declared variable more.

    Raises SchemaError when the variable's name is taken.
    """
    if variable.name in cohort.frame.columns:
        raise SchemaError(
            f"the new variable '{variable.name}' has the name of a column: choose another name."
        )
    variables = (*cohort.variables, variable)
    declared: Declaration = replace(cohort.declaration, variables=variables)
    frame = frame.with_columns(values.alias(variable.name))
    declared.check_variable_names(frame.columns)
    return replace(cohort, declaration=declared, frame=frame)
