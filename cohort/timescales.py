"""Time scales: what the clock measures, in which unit, and from when.

Dates become whole days since an origin; days become months or years in one place only, so that
two equal dates are always equal times. Times that differ by rounding alone are merged once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .declared_text import check_texts
from .errors import FollowUpError, SchemaError, agreeing, counted, one_of, row_list

DAYS_PER_UNIT = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12.0, "years": 365.25}
NEAR_EQUAL = float(np.sqrt(np.finfo(np.float64).eps))
"""Times closer than this, absolutely or relative to the mean time, are one time (1.49e-8).

The tolerance and the rule are those of R's survival package (Therneau, vignette "Roundoff error
and tied times"), so that risk sets agree with it.
"""


ORIGIN = "TimeScale(origin=...), in a study document scale = { origin = ... },"
ISO_SHAPE = r"^\d{4}-\d{2}-\d{2}$"
LONGEST_YEARS = 150
"""Longer than anybody was followed: beyond it, times are likely in another unit."""
SENTINELS = (date(1900, 1, 1), date(9999, 12, 31))
"""Dates that registers write where the date is not known."""


@dataclass(frozen=True, slots=True)
class TimeScale:
    """What the clock measures.

    name : such as "age" or "time since recruitment".
    unit : "days", "weeks", "months" or "years".
    origin : where the clock starts when entry and exit are dates: the name of a date column (a
        birth date gives age) or one calendar date. None when times are already numbers.

    Raises SchemaError for an unknown unit.
    """

    name: str
    unit: str = "years"
    origin: str | date | None = None

    def __post_init__(self) -> None:
        check_texts("a time scale", {"name": self.name, "unit": self.unit})
        if self.unit not in DAYS_PER_UNIT:
            raise SchemaError(
                f"time scale '{self.name}' has the unit '{self.unit}': "
                f"expected {one_of(list(DAYS_PER_UNIT))}."
            )

    @property
    def person_time_unit(self) -> str:
        """The unit of person-time on this scale, as in ``person-years``."""
        return f"person-{self.unit}"


def times_of(frame: pl.DataFrame, column: str, scale: TimeScale) -> NDArray[np.float64]:
    """Times on the scale, (n,) float64 in the scale's unit, from numbers or dates.

    Null and NaN come back as NaN; the follow-up checks refuse them.

    Raises SchemaError when dates have no origin, numbers have one, or the type is neither.
    """
    series = whole_dates(frame[column])
    if series.dtype == pl.Date:
        return _from_dates(frame, series, scale)
    if series.dtype == pl.Null:
        return np.full(len(series), np.nan)
    if series.dtype == pl.String:
        raise SchemaError(
            f"column '{column}' holds text: expected times on '{scale.name}' as numbers of "
            f"{scale.unit}, or dates. {text_story(series)}"
        )
    if not series.dtype.is_numeric() or series.dtype == pl.Boolean:
        raise SchemaError(
            f"column '{column}' holds {series.dtype}: expected times on '{scale.name}' as "
            f"numbers of {scale.unit}, or dates, from the origin that {ORIGIN} gives."
        )
    if scale.origin is not None:
        raise SchemaError(
            f"column '{column}' holds numbers, but time scale '{scale.name}' has an origin, "
            "which only dates need: leave the origin out, or give dates. Day numbers of a "
            "spreadsheet are no dates: write them as YYYY-MM-DD."
        )
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def text_story(series: pl.Series) -> str:
    """Why a column of text is no column of dates, and what to do."""
    shaped = series.str.contains(ISO_SHAPE).fill_null(False)
    wrong = series.is_not_null() & series.str.to_date("%Y-%m-%d", strict=False).is_null()
    if 2 * shaped.sum() > len(series) - series.null_count():
        return (
            f"{counted(wrong.sum(), 'values are')} no date that the calendar has, written "
            f"YYYY-MM-DD ({row_list(wrong.arg_true())})."
        )
    return (
        "Dates written otherwise than YYYY-MM-DD need their format: "
        f"CsvFormat(dates={{'{series.name}': 'DD/MM/YYYY'}}) in Python, "
        f"form = {{ dates = {{ {series.name} = 'DD/MM/YYYY' }} }} in [source] of a study document."
    )


def whole_dates(series: pl.Series) -> pl.Series:
    """A series as it is, but date-times that are all at midnight as dates.

    Raises SchemaError for a time zone or a time of day: neither can be dropped without a guess.
    """
    if not isinstance(series.dtype, pl.Datetime):
        return series
    if series.dtype.time_zone is not None:
        raise SchemaError(
            f"column '{series.name}' has the time zone of a date-time: convert it to plain dates "
            "before it enters, since the calendar day depends on the zone."
        )
    days = series.dt.date()
    with_clock = (series != days.cast(series.dtype)).fill_null(False)
    if with_clock.any():
        raise SchemaError(
            f"{counted(with_clock.sum(), 'values')} of '{series.name}' "
            f"{agreeing(with_clock.sum(), 'have')} a time of day "
            f"({row_list(with_clock.arg_true())}): expected whole dates."
        )
    return days


def sentinels(series: pl.Series, genuine: Collection[date] = ()) -> pl.Series:
    """Where a column of dates holds one that mostly stands for an unknown date, (n,) boolean.

    genuine : such dates that are real in these data. Other columns hold none.
    """
    if series.dtype != pl.Date and not isinstance(series.dtype, pl.Datetime):
        return pl.repeat(False, len(series), dtype=pl.Boolean, eager=True)
    suspect = [day for day in SENTINELS if day not in genuine]
    return series.dt.date().is_in(suspect).fill_null(False)


def sentinel_story(column: str, hit: pl.Series) -> str:
    """What to say of sentinels found in a column."""
    return (
        f"{counted(hit.sum(), 'values')} of '{column}' {agreeing(hit.sum(), 'are')} 1900-01-01 "
        "or 9999-12-31 "
        f"({row_list(hit.arg_true())}), which mostly stand for an unknown date: make them missing, "
        "or, if they are real, say so with genuine in the follow-up: (date(9999, 12, 31),) in "
        "Python, [9999-12-31] in a study document."
    )


def _from_dates(frame: pl.DataFrame, dates: pl.Series, scale: TimeScale) -> NDArray[np.float64]:
    if scale.origin is None:
        raise SchemaError(
            f"column '{dates.name}' holds dates, and time scale '{scale.name}' has no origin: "
            f"give {ORIGIN} the name of a date column (such as a birth date) or a date."
        )
    if isinstance(scale.origin, date):
        days = dates.to_physical().cast(pl.Int64) - (scale.origin - date(1970, 1, 1)).days
    else:
        start = _origin_column(frame, scale)
        days = dates.to_physical().cast(pl.Int64) - start.to_physical().cast(pl.Int64)
    whole_days = days.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.asarray(whole_days / DAYS_PER_UNIT[scale.unit], dtype=np.float64)


def _origin_column(frame: pl.DataFrame, scale: TimeScale) -> pl.Series:
    name = str(scale.origin)
    if name not in frame.columns:
        raise SchemaError(
            f"time scale '{scale.name}' starts at column '{name}', which the data do not have."
        )
    start = whole_dates(frame[name])
    if start.dtype != pl.Date:
        raise SchemaError(
            f"time scale '{scale.name}' starts at column '{name}', which holds {start.dtype}: "
            "expected dates." + (f" {text_story(start)}" if start.dtype == pl.String else "")
        )
    if start.null_count():
        raise FollowUpError(
            f"{counted(start.null_count(), 'records have')} no '{name}', where time scale "
            f"'{scale.name}' "
            f"starts ({row_list(start.is_null().arg_true())})."
        )
    return start


def merge_near_equal(*columns: NDArray[np.float64]) -> tuple[tuple[NDArray[np.float64], ...], int]:
    """Make times that differ by rounding alone one time, over all columns together.

    columns : each (n,), finite or infinite. Returns the columns and the number of distinct times
    that were merged away. Chains of near-equal times take their smallest member, as in R.
    """
    finite = [column[np.isfinite(column)] for column in columns]
    if all(_whole(values) for values in finite):
        return columns, 0
    distinct = np.unique(np.concatenate(finite))
    if distinct.size < 2:
        return columns, 0
    gap = np.diff(distinct)
    near = (gap <= NEAR_EQUAL) | (gap <= NEAR_EQUAL * float(np.mean(np.abs(distinct))))
    if not near.any():
        return columns, 0
    kept = distinct[np.concatenate(([True], ~near))]

    def merged(column: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.searchsorted(kept, column, side="right") - 1
        return np.where(np.isfinite(column), kept[np.maximum(place, 0)], column)

    return tuple(merged(column) for column in columns), int(near.sum())


def _whole(values: NDArray[np.float64]) -> bool:
    """Whole numbers below 6e7 are at least 1 apart and their mean times 1.49e-8 is below 1."""
    return bool(
        values.size == 0 or (np.abs(values).max() < 6e7 and (values == np.rint(values)).all())
    )
