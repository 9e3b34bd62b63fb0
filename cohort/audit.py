"""The follow-up audit: everything that is wrong with a table of records, told before it is used.

A door stops at what forbids an analysis. The audit goes on, and also compares follow-up with dates
that no analysis reads: birth, death, the date of the outcome, the end of the study.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .assemble import identifiers
from .checks import Problem, problems_of
from .declaration import ENTRY, EVENT, EXIT, PERSON, Declaration, declared, refuse_types
from .doors import as_polars
from .errors import (
    MOST_ROWS_NAMED,
    CohortError,
    FollowUpError,
    SchemaError,
    agreeing,
    counted,
    row_list,
)
from .followup import CENSORED, HAPPENED, FollowUp, event_codes
from .timescales import (
    NEAR_EQUAL,
    TimeScale,
    merge_near_equal,
    sentinel_story,
    sentinels,
    times_of,
    whole_dates,
)
from .variables import Variable, read_variable


@dataclass(frozen=True, slots=True)
class Milestones:
    """Columns beside follow-up that the audit compares with it, each optional.

    birth, death : columns. outcome : the column with the date of the outcome. study_end : a column
    or one date. All are dates where follow-up is, else times on the scale of follow-up.
    earliest, latest : the first and last calendar date that any of these, entry or exit may have.
    """

    birth: str | None = None
    death: str | None = None
    outcome: str | None = None
    study_end: str | date | float | None = None
    earliest: date | None = None
    latest: date | None = None

    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        named = (self.birth, self.death, self.outcome, self.study_end)
        return tuple(name for name in named if isinstance(name, str))


NO_MILESTONES = Milestones()


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found, problems that forbid an analysis first.

    records, persons : how many there are; persons is None where identifiers cannot be read.
    """

    records: int
    persons: int | None
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found that forbids an analysis."""
        return all(problem.error is None for problem in self.problems)

    @property
    def frame(self) -> pl.DataFrame:
        """One row a problem: kind, whether it forbids analysis, records, rows, message.

        rows : at most five, counted from 1. records : null where the problem is one of the whole
        column rather than of some records.
        """
        rows = [
            (
                one.kind,
                one.error is not None,
                len(one.rows) or None,
                [row + 1 for row in one.rows[:MOST_ROWS_NAMED]],
                one.message,
            )
            for one in self.problems
        ]
        schema: dict[str, Any] = {
            "kind": pl.String, "forbids_analysis": pl.Boolean, "records": pl.Int64,
            "rows": pl.List(pl.Int64), "message": pl.String,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def text(self) -> str:
        """The audit as lines to read: what forbids an analysis, then what to know."""
        lines = [repr(self)]
        for title, forbids in (("Forbids an analysis:", True), ("To know:", False)):
            told = [one.message for one in self.problems if (one.error is not None) == forbids]
            if told:
                lines += [title, *(f"- {message}" for message in told)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        errors = sum(problem.error is not None for problem in self.problems)
        persons = "" if self.persons is None else f" of {counted(self.persons, 'persons')}"
        return (
            f"Audit({counted(self.records, 'records')}{persons}: {errors} "
            f"{'problem that forbids' if errors == 1 else 'problems that forbid'} an analysis, "
            f"{len(self.problems) - errors} to know)"
        )


def audit(
    frame: Any,
    *,
    person: str,
    follow_up: FollowUp,
    variables: Sequence[Variable] = (),
    milestones: Milestones = NO_MILESTONES,
) -> Audit:
    """Everything that is wrong with a table of records, at once, and nothing raised for it.

    frame : a polars, pandas or Arrow table. milestones : further columns to compare.

    Told: identifiers missing or damaged; identical records; exit at or before entry; overlaps and
    gaps; records after an event; events outside follow-up or after death; prevalent cases; birth
    after entry; death before entry; exit after death or study end; dates outside the declared
    range; sentinel dates; codings that were not declared.

    Raises SchemaError only when there is no table, or a named column is not in it or holds neither
    numbers, text, booleans nor dates.
    """
    table = as_polars(frame)
    declaration = Declaration(person, follow_up, variables=declared(variables))
    declaration.check_against(table.columns)
    refuse_types(table, (*declaration.columns(), *milestones.columns()))
    absent = [name for name in milestones.columns() if name not in table.columns]
    if absent:
        raise SchemaError(f"milestones name column '{absent[0]}', which the data do not have.")
    found: list[Problem] = list(_identical_records(table))
    found += _unreadable_variables(table, declaration.variables)
    found += _calendar_problems(table, follow_up, milestones)
    normal, failures = _normalised(table, declaration)
    found += failures
    if normal is not None:
        found += problems_of(normal, declaration)
        found += _milestone_problems(table, normal, declaration, milestones)
    once = {problem.message: problem for problem in found}.values()
    ordered = tuple(sorted(once, key=lambda problem: problem.error is None))
    persons = None if normal is None else int(normal[PERSON].n_unique())
    return Audit(len(table), persons, ordered)


def _attempt(read: Callable[[], Any], kind: str, failures: list[Problem]) -> Any:
    """What a reader gives, or None and its refusal among the failures."""
    try:
        return read()
    except CohortError as error:
        failures.append(Problem(kind, (), str(error), type(error)))
        return None


def _normalised(
    table: pl.DataFrame, declaration: Declaration
) -> tuple[pl.DataFrame | None, list[Problem]]:
    """Follow-up as the door would have it, or why it cannot be read."""
    follow_up, scale = declaration.follow_up, declaration.follow_up.scale
    failures: list[Problem] = []
    if len(table) == 0:
        return None, [Problem("no records", (), "the table has no records.", SchemaError)]
    names = _attempt(partial(identifiers, table[declaration.person]), "identifier", failures)
    exits = _attempt(partial(times_of, table, follow_up.exit, scale), "exit", failures)
    entries = np.full(len(table), -np.inf)
    if follow_up.entry is not None:
        entries = _attempt(partial(times_of, table, follow_up.entry, scale), "entry", failures)
    codes = _attempt(partial(event_codes, table, follow_up), "event", failures)
    if failures:
        return None, failures
    if follow_up.entry is None:
        (exits,), _ = merge_near_equal(exits)
    else:
        (entries, exits), _ = merge_near_equal(entries, exits)
    coded = (names.rank("dense").cast(pl.UInt32) - 1).alias(PERSON)
    times = (pl.Series(ENTRY, entries), pl.Series(EXIT, exits), pl.Series(EVENT, codes))
    return table.with_columns(coded, *times), []


def _identical_records(table: pl.DataFrame) -> Iterable[Problem]:
    again = table.select(~pl.struct(pl.all()).is_first_distinct()).to_series()
    if again.any():
        rows = again.arg_true().to_list()
        yield Problem(
            "identical record", tuple(rows),
            f"{counted(len(rows), 'records are')} identical to an earlier one in every column "
            f"({row_list(rows)}): remove the doubles.",
            FollowUpError,
        )  # fmt: skip


def _unreadable_variables(table: pl.DataFrame, variables: Iterable[Variable]) -> list[Problem]:
    failures: list[Problem] = []
    for variable in variables:
        _attempt(partial(read_variable, table, variable), "variable", failures)
    return failures


def _calendar_problems(
    table: pl.DataFrame, follow_up: FollowUp, milestones: Milestones
) -> Iterable[Problem]:
    """Dates outside the declared range, and sentinels in the milestones."""
    origin = follow_up.scale.origin
    columns = (follow_up.entry, follow_up.exit, origin, *milestones.columns())
    for column in dict.fromkeys(name for name in columns if isinstance(name, str)):
        failures: list[Problem] = []
        dates = _attempt(partial(whole_dates, table[column]), "dates", failures)
        yield from failures
        if dates is None or dates.dtype != pl.Date:
            continue
        suspect = sentinels(dates, follow_up.genuine)
        if suspect.any():
            rows = tuple(suspect.arg_true().to_list())
            yield Problem("sentinel", rows, sentinel_story(column, suspect), FollowUpError)
        low, high = milestones.earliest, milestones.latest
        outside = ((dates < low) if low else suspect) | ((dates > high) if high else suspect)
        outside = (outside & ~suspect).fill_null(False)
        if outside.any():
            rows = tuple(outside.arg_true().to_list())
            yield Problem(
                "date out of range", rows,
                f"{counted(len(rows), 'dates')} in '{column}' {agreeing(len(rows), 'are')} "
                f"outside {low or '...'} to {high or '...'} "
                f"({row_list(rows)}).",
                FollowUpError,
            )  # fmt: skip


def _milestone_problems(
    table: pl.DataFrame, normal: pl.DataFrame, declaration: Declaration, milestones: Milestones
) -> list[Problem]:
    """Follow-up against birth, death, outcome and the end of the study, on its own scale."""
    problems: list[Problem] = []
    scale = declaration.follow_up.scale
    places = (milestones.birth, milestones.death, milestones.outcome, milestones.study_end)
    times = [_milestone_times(table, place, scale, problems) for place in places]
    for kind, hit, what in _contradictions(normal, times):
        rows = tuple(np.flatnonzero(hit).tolist())
        if rows:
            problems.append(
                Problem(
                    kind, rows, f"{len(rows):,} records {what} ({row_list(rows)}).", FollowUpError
                )
            )
    return problems


def _milestone_times(
    table: pl.DataFrame, place: str | date | float | None, scale: TimeScale, problems: list[Problem]
) -> NDArray[np.float64]:
    """A milestone on the scale of follow-up, (n,), NaN where it is not known."""
    unknown = np.full(len(table), np.nan)
    if place is None:
        return unknown
    if not isinstance(place, str):
        table, place = table.with_columns(pl.lit(place).alias("study_end")), "study_end"
    read = _attempt(partial(times_of, table, place, scale), "milestone", problems)
    return unknown if read is None else np.asarray(read)


def _contradictions(
    normal: pl.DataFrame, times: Sequence[NDArray[np.float64]]
) -> list[tuple[str, NDArray[np.bool_], str]]:
    """What contradicts what: a kind, the records (n,), and words for them.

    times : birth, death, outcome and study end. Times that differ by rounding alone are equal.
    """
    birth, death, outcome, end = times
    entered, left = normal[ENTRY].to_numpy(), normal[EXIT].to_numpy()
    late = np.isfinite(entered)
    began = np.where(late, entered, 0.0)
    codes = normal[EVENT].to_numpy()
    near = NEAR_EQUAL * max(1.0, float(np.nanmean(np.abs(left))))
    inside = (outcome > began + near) & (outcome < left - near)
    at_exit = np.abs(outcome - left) <= near
    return [
        ("birth after entry", late & (birth > began + near), "enter before their birth"),
        ("death before entry", death < began - near, "enter after their death"),
        ("death before birth", death < birth - near, "die before their birth"),
        ("exit after death", left > death + near, "leave follow-up after their death"),
        ("exit after study end", left > end + near, "leave follow-up after the end of the study"),
        ("prevalent case", outcome <= began + near,
         "have the outcome at or before entry: prevalent, not new"),
        ("outcome after death", outcome > death + near, "have the outcome after their death"),
        ("event outside follow-up", (codes == HAPPENED) & (outcome > left + near),
         "end with an event that is dated after exit"),
        ("exit after the outcome", inside, "stay in follow-up beyond the date of the outcome"),
        ("event not coded", (codes == CENSORED) & at_exit,
         "leave on the date of the outcome with a code that says no event"),
    ]  # fmt: skip
