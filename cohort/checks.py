"""What can be wrong with the records of a cohort: each check returns the problems it found.

All problems are told at once; the doors raise when any of them is an error.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .declaration import (
    CLUSTER,
    ENTRY,
    EVENT,
    EXIT,
    INCLUSION,
    OFFSET,
    PERSON,
    SET,
    STRATUM,
    SUBCOHORT,
    WEIGHT,
    Declaration,
)  # fmt: skip
from .errors import DesignError, FollowUpError, SchemaError, agreeing, counted, row_list
from .followup import HAPPENED
from .timescales import DAYS_PER_UNIT, LONGEST_YEARS, sentinel_story, sentinels

ROW = "_row"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: which rows (counted from 0), what it says, and whether it forbids analysis."""

    kind: str
    rows: tuple[int, ...]
    message: str
    error: type[Exception] | None = None


Check = Callable[[pl.DataFrame, Declaration], Iterable[Problem]]


def problems_of(frame: pl.DataFrame, declaration: Declaration) -> list[Problem]:
    """Everything found in normalised records, errors first."""
    checks: tuple[Check, ...] = (
        _time_problems, _sentinel_problems, _order_problems, _weight_problems, _overlap_problems,
        _after_event_problems, _cluster_problems, _person_constant_problems, _inclusion_problems,
        _event_problems, _tie_problems, _offset_problems, _set_problems, _unit_problems,
    )  # fmt: skip
    found = [problem for check in checks for problem in check(frame, declaration)]
    return sorted(found, key=lambda problem: problem.error is None)


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise one error that tells every problem which forbids analysis."""
    errors = [problem for problem in problems if problem.error is not None]
    if errors:
        kind = errors[0].error or FollowUpError
        raise kind("\n".join(problem.message for problem in errors))


def _rows(hit: NDArray[np.bool_] | pl.Series) -> tuple[int, ...]:
    return tuple(int(row) for row in np.flatnonzero(np.asarray(hit)))


def _time_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    scale = declaration.follow_up.scale
    named = [("exit", declaration.follow_up.exit, frame[EXIT].to_numpy())]
    if declaration.follow_up.entry is not None:
        named.append(("entry", declaration.follow_up.entry, frame[ENTRY].to_numpy()))
    for role, column, times in named:
        bad = ~np.isfinite(times)
        if bad.any():
            yield Problem(
                "time missing", _rows(bad),
                f"{counted(bad.sum(), 'records have')} no finite {role} in '{column}' "
                f"({row_list(np.flatnonzero(bad))}): expected {scale.unit} on '{scale.name}'. "
                + ("Leave entry out where nobody enters late." if role == "entry" else
                   "Take the records out before they enter, or complete them."),
                FollowUpError,
            )  # fmt: skip
        early = times < 0
        if early.any():
            yield Problem(
                "time negative", _rows(early),
                f"{counted(early.sum(), 'records have')} a negative {role} in '{column}' "
                f"({row_list(np.flatnonzero(early))}): expected {scale.unit} since the origin of "
                f"'{scale.name}'"
                + (f", '{scale.origin}'" if scale.origin is not None else "") + ".",
                FollowUpError,
            )  # fmt: skip


def _sentinel_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    follow_up = declaration.follow_up
    for column in dict.fromkeys((follow_up.entry, follow_up.exit, follow_up.scale.origin)):
        if isinstance(column, str):
            hit = sentinels(frame[column], follow_up.genuine)
            if hit.any():
                yield Problem("sentinel", _rows(hit), sentinel_story(column, hit), FollowUpError)


def _order_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    follow_up = declaration.follow_up
    if follow_up.entry is None:
        at_zero = frame[EXIT].to_numpy() == 0
        if at_zero.any():
            yield Problem(
                "exit at 0", _rows(at_zero),
                f"{counted(at_zero.sum(), 'records leave')} at time 0 "
                f"({row_list(np.flatnonzero(at_zero))}): "
                "kept at risk there, with no person-time.",
            )  # fmt: skip
        return
    wrong = frame[EXIT].to_numpy() <= frame[ENTRY].to_numpy()
    if wrong.any():
        yield Problem(
            "exit at or before entry", _rows(wrong),
            f"{wrong.sum():,} of {len(frame):,} records {agreeing(wrong.sum(), 'leave')} "
            "follow-up at or before they enter it "
            f"({row_list(np.flatnonzero(wrong))}): expected entry < exit, in "
            f"{follow_up.scale.unit}. Correct the dates, or take these records out with a reason.",
            FollowUpError,
        )  # fmt: skip


def _weight_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    if declaration.weight is None:
        return
    weight = frame[WEIGHT].fill_null(float("nan")).to_numpy()
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        yield Problem(
            "weight", _rows(wrong),
            f"{counted(wrong.sum(), 'sampling weights')} in '{declaration.weight}' "
            f"{agreeing(wrong.sum(), 'are')} missing, negative or "
            f"infinite ({row_list(np.flatnonzero(wrong))}): expected positive numbers.",
            SchemaError,
        )  # fmt: skip
    elif len(weight) and not weight.any():
        yield Problem(
            "weight", (),
            f"all {len(weight):,} sampling weights in '{declaration.weight}' are 0.",
            SchemaError,
        )  # fmt: skip


def _unit_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    scale = declaration.follow_up.scale
    longest = LONGEST_YEARS * DAYS_PER_UNIT["years"] / DAYS_PER_UNIT[scale.unit]
    beyond = frame[EXIT].to_numpy() > longest
    if beyond.any():
        yield Problem(
            "very long", _rows(beyond),
            f"{counted(beyond.sum(), 'records leave')} after more than {LONGEST_YEARS} years on "
            f"'{scale.name}' ({row_list(np.flatnonzero(beyond))}): are the times in {scale.unit}?",
        )  # fmt: skip


def _offset_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    if declaration.offset is None:
        return
    # A missing offset is left to the question, like any missing covariate.
    wrong = frame[OFFSET].is_infinite().fill_null(False)
    if wrong.any():
        yield Problem(
            "offset", _rows(wrong),
            f"{counted(wrong.sum(), 'offsets')} in '{declaration.offset}' "
            f"{agreeing(wrong.sum(), 'are')} infinite "
            f"({row_list(wrong.arg_true())}): expected finite log-hazards.",
            SchemaError,
        )  # fmt: skip


def _set_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    if SET not in frame.columns:
        return
    missing = frame[SET].is_null()
    if missing.any():
        yield Problem(
            "set missing", _rows(missing),
            f"{counted(missing.sum(), 'records have')} no matched set in "
            f"'{getattr(declaration.design, 'matched_set', '')}' "
            f"({row_list(missing.arg_true())}): expected one for every record.",
            DesignError,
        )  # fmt: skip


def _person_records(frame: pl.DataFrame) -> pl.DataFrame | None:
    """Records of persons with several, in order of entry within person, stratum and set."""
    counts = np.bincount(frame[PERSON].to_numpy())
    if counts.max(initial=0) < 2:
        return None
    keys = [key for key in (PERSON, STRATUM, SET) if key in frame.columns]
    # A missing time is told elsewhere; polars would sort it as the largest.
    known = ~(np.isnan(frame[ENTRY].to_numpy()) | np.isnan(frame[EXIT].to_numpy()))
    several = (counts[frame[PERSON].to_numpy()] > 1) & known
    columns = [*keys, ENTRY, EXIT, EVENT]
    picked = frame.select(columns).with_row_index(ROW).filter(pl.Series(several))
    ordered = picked.sort([*keys, ENTRY, EXIT, ROW])
    same = pl.all_horizontal([pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys])
    return ordered.with_columns(
        (same.fill_null(False) & (pl.int_range(pl.len()) > 0)).alias("follows"),
        pl.col(EXIT).shift(1).alias("left"),
        pl.col(EVENT).shift(1).alias("before"),
    )


def _overlap_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    records = _person_records(frame)
    if records is None:
        return
    scale = declaration.follow_up.scale
    within = "" if declaration.follow_up.stratum is None else " within a stratum"
    overlap = records.filter(pl.col("follows") & (pl.col(ENTRY) < pl.col("left")))
    if len(overlap):
        rows = sorted(overlap[ROW].to_list())
        without = declaration.follow_up.entry is None
        yield Problem(
            "overlap", tuple(rows),
            f"{counted(len(rows), 'records overlap')} another record of the same person{within} "
            f"({row_list(rows)}): expected one record at a time, in {scale.unit}. "
            + ("Without entry every record begins at the origin: if identifiers are doubled, "
               "remove the doubles; " if without else "Correct entry and exit; ")
            + "if rows are units within persons (two eyes of one woman), let person name the row "
            "unit and cluster the person.",
            FollowUpError,
        )  # fmt: skip
    gap = records.filter(pl.col("follows") & (pl.col(ENTRY) > pl.col("left")))
    if len(gap):
        rows = sorted(gap[ROW].to_list())
        yield Problem(
            "gap", tuple(rows),
            f"{counted(len(rows), 'records begin')} after a gap in the person's follow-up "
            f"({row_list(rows)}): not at risk in the gap.",
        )  # fmt: skip


def _after_event_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    records = _person_records(frame)
    if records is None:
        return
    later = records.filter(pl.col("follows") & (pl.col(ENTRY) >= pl.col("left")))
    ended = later.filter(pl.col("before") > HAPPENED)[ROW].sort().to_list()
    if ended:
        yield Problem(
            "after competing event", tuple(ended),
            f"{counted(len(ended), 'records follow')} a competing event of the same person "
            f"({row_list(ended)}): a competing event ends follow-up.",
            FollowUpError,
        )  # fmt: skip
    again = later.filter(pl.col("before") == HAPPENED)[ROW].sort().to_list()
    if again:
        yield Problem(
            "after event", tuple(again),
            f"{counted(len(again), 'records follow')} an event '{declaration.follow_up.outcome}' "
            "of the same "
            f"person ({row_list(again)}): kept as recurrent events, with robust variance.",
        )  # fmt: skip


def _cluster_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    if declaration.cluster is None:
        return
    yield from _varying(frame, CLUSTER, f"cluster '{declaration.cluster}'", "one cluster")


def _person_constant_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    if SUBCOHORT not in frame.columns:
        return
    name = getattr(declaration.design, "subcohort", "")
    missing = frame[SUBCOHORT].is_null()
    if missing.any():
        yield Problem(
            "subcohort missing", _rows(missing),
            f"{counted(missing.sum(), 'records do')} not say in '{name}' whether the person is "
            "in the "
            f"subcohort ({row_list(missing.arg_true())}).",
            DesignError,
        )  # fmt: skip
    yield from _varying(frame, SUBCOHORT, f"subcohort '{name}'", "the same for all her records")


def _varying(frame: pl.DataFrame, column: str, what: str, expected: str) -> Iterable[Problem]:
    first = frame.select(PERSON, column).unique(PERSON, keep="first", maintain_order=True)
    joined = frame.select(PERSON, column).join(
        first.rename({column: "first"}), on=PERSON, how="left", maintain_order="left"
    )
    differs = ~joined[column].eq_missing(joined["first"])
    if differs.any():
        yield Problem(
            "not constant in a person", _rows(differs),
            f"{counted(differs.sum(), 'records differ')} from an earlier record of the same "
            f"person in {what} "
            f"({row_list(differs.arg_true())}): expected {expected} for a person.",
            DesignError,
        )  # fmt: skip


def _inclusion_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    if INCLUSION not in frame.columns:
        return
    chance = frame[INCLUSION].fill_null(float("nan")).to_numpy()
    wrong = ~((chance > 0) & (chance <= 1))
    if wrong.any():
        yield Problem(
            "inclusion", _rows(wrong),
            f"{wrong.sum():,} inclusion probabilities are not above 0 and at most 1 "
            f"({row_list(np.flatnonzero(wrong))}).",
            DesignError,
        )  # fmt: skip


def _event_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    codes = frame[EVENT].to_numpy()
    follow_up = declaration.follow_up
    counts = np.bincount(codes, minlength=len(follow_up.outcomes) + 1)
    if len(codes) > 1 and counts[HAPPENED] == len(codes):
        yield Problem(
            "all events", (),
            f"all {len(codes):,} records end with '{follow_up.outcome}': check the coding of "
            f"'{follow_up.event}'.",
        )  # fmt: skip
    for place, outcome in enumerate(follow_up.outcomes, start=HAPPENED):
        if counts[place] == 0:
            yield Problem("no event", (), f"no record ends with '{outcome}'.")


def _tie_problems(frame: pl.DataFrame, declaration: Declaration) -> Iterable[Problem]:
    scale = declaration.follow_up.scale
    if scale.unit != "years" or declaration.follow_up.entry is None or len(frame) < 100:
        return
    times = frame[EXIT].to_numpy()
    if (times == np.rint(times)).all():
        yield Problem(
            "whole years", (),
            f"all exits are whole years on '{scale.name}': events are heavily tied and entry and "
            "exit in the same year are lost; finer times are better.",
        )  # fmt: skip
