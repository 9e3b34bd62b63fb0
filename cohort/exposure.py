"""A time-varying exposure that starts once and stays: before its start she is unexposed."""

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .cohort import Cohort
from .errors import SchemaError, one_of
from .split_checks import (
    refuse_absent,
    refuse_matched,
    refuse_sentinels,
    refuse_unknown,
    refuse_varying,
)
from .splitting import cut_records, with_variable
from .timescales import DAYS_PER_UNIT, times_of
from .variables import Binary

Span = float | tuple[float, str]


def expose(
    cohort: Cohort,
    *,
    name: str,
    starts: str,
    lag: Span = 0.0,
    washout: Span | None = None,
    missing: Literal["refuse", "never exposed"] = "refuse",
) -> Cohort:
    """The cohort with follow-up split where an exposure starts, and a yes-or-no variable for it.

    Person-time before the start is unexposed, which avoids immortal time: nobody counts as exposed
    by what happens to her later (Suissa 2008, Am J Epidemiol 167:492-499).

    name : the new Binary variable. starts : the column with the start, a date where follow-up was
    given by dates, else a time on the cohort's scale. A start before entry means exposed from
    entry on; a start at or after exit, unexposed throughout.
    lag : time after the start that still counts as unexposed (an induction period). washout : time
    after start and lag that counts as neither: its person-time and events are set aside, as a Step
    of the participant flow. Both are numbers in the scale's unit, or ``(6, "months")``.
    missing : a record without a start is refused, or "never exposed" when that is what it means.

    Exposure counts from the next instant after its start, as the (entry, exit] rule has it and as
    R's ``tmerge`` does: an event on the day that exposure starts is unexposed.

    Raises SchemaError for a column, span or name that does not fit, DesignError when the records
    of one person differ in their start, UnsupportedError for matched designs.
    """
    refuse_matched(cohort)
    refuse_absent(cohort.frame, starts)
    refuse_varying(cohort, starts)
    if missing not in ("refuse", "never exposed"):
        raise SchemaError(f"missing='{missing}': expected 'refuse' or 'never exposed'.")
    refuse_sentinels(cohort, starts)
    begun = times_of(cohort.frame, starts, cohort.scale)
    if np.isinf(begun).any():
        raise SchemaError(f"column '{starts}' holds infinite times: leave them missing.")
    if missing == "refuse":
        refuse_unknown(begun, starts, "say missing='never exposed' if that is what it means")
    since = begun + _span(cohort, lag, "lag")
    if washout is None:
        pieces = cut_records(cohort.frame, since[:, None])
        return _declared(cohort, pieces.frame, name, pieces.cuts_before() > 0)
    until = since + _span(cohort, washout, "washout")
    pieces = cut_records(cohort.frame, np.column_stack((since, until)))
    passed = pieces.cuts_before()
    kept = pieces.frame.filter(pl.Series(passed != 1))
    cohort = cohort.with_frame(kept, f"within the washout after the start of '{name}'")
    return _declared(cohort, kept, name, passed[passed != 1] > 0)


def _declared(cohort: Cohort, frame: pl.DataFrame, name: str, exposed: NDArray[np.bool_]) -> Cohort:
    return with_variable(cohort, frame, Binary(name), pl.Series(name, exposed))


def _span(cohort: Cohort, span: Span, what: str) -> float:
    """A span of time in the unit of the cohort's scale."""
    number, unit = span if isinstance(span, tuple) else (span, cohort.scale.unit)
    if unit not in DAYS_PER_UNIT:
        raise SchemaError(f"{what}= has the unit '{unit}': expected {one_of(list(DAYS_PER_UNIT))}.")
    if not (0 <= number < float("inf")):
        raise SchemaError(f"{what}= is {number}: expected 0 or more {unit}.")
    own = cohort.scale.unit
    return number if unit == own else number * DAYS_PER_UNIT[unit] / DAYS_PER_UNIT[own]
