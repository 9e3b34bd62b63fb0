"""Follow-up: which columns say when a person enters, leaves, and what happened at the exit.

A person is at risk on (entry, exit]: someone who enters at t is not at risk for an event at t, and
an event at t comes before a censoring at t (Therneau and Grambsch, Modeling Survival Data, 2000,
section 3.7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .declared_text import check_texts, words_by_code
from .errors import FollowUpError, SchemaError, agreeing, counted, row_list
from .timescales import TimeScale
from .variables import Code, equals

CENSORED, HAPPENED = 0, 1
"""Event codes inside a cohort; competing events follow from 2 in their declared order."""
WHERE = (
    "In Python: FollowUp(happened=, competing={code: name}, censored=); in a study document: "
    "event = { happened = ..., competing = { ... }, censored = ... }."
)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The columns of follow-up and the meaning of their codes.

    scale : the time scale of entry and exit. exit, event, entry : column names. Without an entry
    everyone is at risk from the beginning, and person-time counts from the origin, time 0.
    happened : the code (or codes) of the event column that mean the outcome; compulsory unless the
    column is boolean or 0/1. competing : other events that end follow-up, ``{code: name}``.
    censored : the codes that mean no event; compulsory when more than one code remains undeclared.
    stratum : a column with a separate baseline hazard and its own clock, within which the records
    of one person may not overlap (the event number of a recurrent-event layout).
    label : the outcome's name in questions and reports; the event column's name without it.
    genuine : dates that mostly stand for an unknown date (1900-01-01, 9999-12-31) and are real
    here; without it they are refused.
    """

    scale: TimeScale
    exit: str
    event: str
    entry: str | None = None
    happened: Code | tuple[Code, ...] | None = None
    competing: Mapping[Code, str] = field(default_factory=dict)
    stratum: str | None = None
    censored: Code | tuple[Code, ...] | None = None
    label: str | None = None
    genuine: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.scale, TimeScale):
            raise SchemaError(
                f"the follow-up has scale = {type(self.scale).__name__}: expected a time scale, "
                "TimeScale('age', unit='years')."
            )
        columns = ("entry", "exit", "event", "stratum", "label")
        check_texts("the follow-up", {role: getattr(self, role) for role in columns})
        competing = words_by_code("the follow-up", "competing", self.competing)
        object.__setattr__(self, "competing", competing)
        if len(set(self.outcomes)) < len(self.outcomes):
            raise SchemaError(f"two outcomes have the same name among {self.outcomes!r}.")
        declared = [*_codes(self.happened), *self.competing, *_codes(self.censored)]
        if len(set(declared)) < len(declared):
            raise SchemaError(
                f"a code of event column '{self.event}' is declared with two meanings."
            )
        if self.competing and self.happened is None:
            raise SchemaError(
                f"competing codes are declared for '{self.event}', but no happened: say which "
                "code is the outcome."
            )

    @property
    def outcome(self) -> str:
        """The name of the outcome that ``happened`` declares."""
        return self.label or self.event

    @property
    def outcomes(self) -> tuple[str, ...]:
        """All outcomes: the declared one, then the competing ones."""
        return (self.outcome, *self.competing.values())

    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        named = (self.entry, self.exit, self.event, self.stratum)
        origin = self.scale.origin if isinstance(self.scale.origin, str) else None
        return tuple(dict.fromkeys(name for name in (*named, origin) if name is not None))


def _codes(codes: Code | Iterable[Code] | None) -> tuple[Code, ...]:
    if codes is None:
        return ()
    if isinstance(codes, (str, int, float)):
        return (codes,)
    return tuple(codes)


def event_codes(frame: pl.DataFrame, follow_up: FollowUp) -> NDArray[np.int8]:
    """What happened at each exit, (n,) int8: 0 censored, 1 the outcome, 2 and up competing.

    Raises FollowUpError for a missing event, SchemaError for a coding that is not declared.
    """
    events = frame[follow_up.event]
    if isinstance(events.dtype, (pl.Categorical, pl.Enum)):
        events = events.cast(pl.String)
    if events.dtype.is_float():
        events = events.fill_nan(None)
    if events.null_count():
        raise FollowUpError(
            f"{counted(events.null_count(), 'records have')} no event code in '{follow_up.event}' "
            f"({row_list(events.is_null().arg_true())}): expected one for every record, censored "
            "ones included."
        )
    if follow_up.happened is None:
        return _plain_codes(events, follow_up)
    return _declared_codes(events, follow_up)


def _plain_codes(events: pl.Series, follow_up: FollowUp) -> NDArray[np.int8]:
    if events.dtype == pl.Boolean:
        return events.cast(pl.Int8).to_numpy().astype(np.int8)
    if not events.dtype.is_numeric():
        raise SchemaError(
            f"event column '{events.name}' holds {events.dtype}: declare as happened the code "
            f"that means the outcome; no coding is guessed. {WHERE}"
        )
    outside = (events != 0) & (events != 1)
    if outside.any():
        raise SchemaError(
            f"{outside.sum():,} of {len(events):,} records {agreeing(outside.sum(), 'have')} a "
            "code other than 0 or 1 in event "
            f"column '{events.name}' ({row_list(outside.arg_true())}): declare as happened "
            f"the code that means the outcome; no coding is guessed. {WHERE}"
        )
    return events.cast(pl.Int8).to_numpy().astype(np.int8)


def _declared_codes(events: pl.Series, follow_up: FollowUp) -> NDArray[np.int8]:
    codes = np.full(len(events), -1, dtype=np.int8)
    meanings: list[tuple[Code, int]] = [(code, HAPPENED) for code in _codes(follow_up.happened)]
    meanings += [(code, 2 + place) for place, code in enumerate(follow_up.competing)]
    meanings += [(code, CENSORED) for code in _codes(follow_up.censored)]
    for code, meaning in meanings:
        codes[equals(events, code, "declared event code").to_numpy()] = meaning
    rest = codes < 0
    left = events.filter(pl.Series(rest)).n_unique() if rest.any() else 0
    if left > 1 or (left == 1 and follow_up.censored is not None):
        raise SchemaError(
            f"event column '{events.name}' holds {left} code{'s' if left > 1 else ''} without a "
            f"declared meaning, on {rest.sum():,} records ({row_list(np.flatnonzero(rest))}): "
            f"declare them as happened, competing or censored. {WHERE}"
        )
    codes[rest] = CENSORED
    return codes
