"""From a cohort and a question to the records of curves, by group.

A person's follow-up that was cut into records is joined again, so that splitting follow-up changes
no curve: only an exit that is no entry of the next record takes her out of the risk sets.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from cohort.cohort import Cohort, Step, step
from cohort.declaration import CLUSTER, ENTRY, EVENT, EXIT, PERSON, STRATUM, WEIGHT
from cohort.designs import FullCohort
from cohort.errors import NotEstimableError, QuestionError, UnsupportedError, counted
from cohort.variables import Binary, Categorical

from ..grammar import Term
from ..model import Model, usable
from ..question import Question
from ..records import Codes, Flags, Floats, each_once
from ..terms import parse

Grouping = str | None


@dataclass(frozen=True, slots=True, eq=False)
class CurveRecords:
    """Aligned arrays, each (n,).

    entry, exit : times in the scale's unit, entry may be -infinity. event : 0 censored, 1 and up
    the events that count. weight : sampling weight. group, person, cluster : codes from 0.
    alone : nobody is known to have more than one record.
    """

    entry: Floats
    exit: Floats
    event: Codes
    weight: Floats
    group: Codes
    person: Codes
    cluster: Codes
    alone: bool = False

    def where(self, keep: Flags | Codes) -> "CurveRecords":
        """The records where ``keep`` (n,) is true; or those at the positions given."""
        return CurveRecords(
            self.entry[keep],
            self.exit[keep],
            self.event[keep],
            self.weight[keep],
            self.group[keep],
            self.person[keep],
            self.cluster[keep],
            self.alone,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups that an exposure and the strata of a question make.

    frame : the records that have a value for all of them. code : (n,) from 0, in the order of the
    words. words : one a group. exposure, stratum : the parts of each word; None where there is
    none. variable : the exposure's name, None for everyone together. steps : who was left out as
    incomplete.
    """

    frame: pl.DataFrame
    code: Codes
    words: tuple[str, ...]
    exposure: tuple[str | None, ...]
    stratum: tuple[str | None, ...]
    variable: str | None
    steps: tuple[Step, ...]


def check_grouping(by: str | None, *times: float | None) -> None:
    """Refuse a grouping that is not known, or a time that is no number; None is left out.

    Raises QuestionError.
    """
    if by not in ("exposure", None):
        raise QuestionError(f"by = '{by}' is not known: expected 'exposure', or None for everyone.")
    for time in times:
        number = isinstance(time, (int, float, np.number)) and not isinstance(time, bool)
        if time is not None and not (number and np.isfinite(time)):
            raise QuestionError(
                f"{time!r} is no time: expected a number in the unit of the cohort's time scale."
            )


def whole_cohort_only(cohort: Cohort, what: str) -> None:
    """Refuse a sampled design: its risk sets would be those of the sample.

    Raises UnsupportedError naming the design.
    """
    if not isinstance(cohort.design, FullCohort):
        raise UnsupportedError(
            f"the cohort is sampled ({type(cohort.design).__name__}), and {what} of the sample is "
            "not that of the cohort it was drawn from: expected a full cohort. Cox() with a "
            "weighting analyses a sampled design."
        )


def groups_of(cohort: Cohort, question: Question, by: Grouping) -> Groups:
    """The groups of a question: levels of the exposure (``by="exposure"``), or one (``None``).

    Strata of the question, and that of the follow-up, cross with them.

    Raises QuestionError for an exposure without levels, SchemaError when values are missing and
    the question refuses that or a stratum is not declared, UnsupportedError for modifiers.
    """
    if question.modifiers:
        named = ", ".join(f"'{name}'" for name in question.modifiers)
        raise UnsupportedError(
            f"the question has modifiers ({named}), which curves and rates do not: name them as "
            "strata= to have each level by itself, or ask without them."
        )
    exposure = _exposure(cohort, question, by)
    for name in question.strata:
        cohort.variable(name)
    model = Model("crude", Term(()) if exposure is None else exposure, (), question.strata)
    kept = usable(cohort, model, question)
    frame = cohort.frame if kept.all() else cohort.frame.filter(pl.Series(kept))
    steps = () if kept.all() else (step("incomplete for the groups of the curve", frame),)
    exposed = None if exposure is None else exposure.factors[0].name
    parts = [] if exposed is None else [(exposed, *_levels(cohort, frame, exposed))]
    parts += [(name, *_levels(cohort, frame, name)) for name in question.strata]
    own = cohort.follow_up.stratum
    if own is not None and own not in (exposed, *question.strata):
        parts.append((own, *_plain_levels(frame[STRATUM])))
    return _crossed(frame, parts, exposed, steps)


def _exposure(cohort: Cohort, question: Question, by: Grouping) -> Term | None:
    if by is None:
        return None
    term = parse(cohort, question.exposure)
    variable = cohort.variable(term.factors[0].name)
    plain = len(term.factors) == 1 and term.factors[0].function is None
    if not (plain and isinstance(variable, (Binary, Categorical))):
        raise QuestionError(
            f"the exposure '{term}' has no levels to draw a curve or count a rate for: declare a "
            "Categorical of its bands, or ask for everyone together with by=None."
        )
    if variable.name in question.strata:
        raise QuestionError(f"the exposure '{term}' is a stratum as well.")
    return term


def _levels(cohort: Cohort, frame: pl.DataFrame, name: str) -> tuple[Codes, list[str]]:
    """Codes of a variable's levels, (n,), in their declared order, and the words for them."""
    variable, series = cohort.variable(name), frame[name]
    if isinstance(variable, Binary):
        return series.cast(pl.Int64).to_numpy().astype(np.int64), ["no", "yes"]
    if not isinstance(variable, Categorical):
        return _plain_levels(series)
    levels = variable.levels or ()
    code = np.zeros(len(frame), dtype=np.int64)
    for place, level in enumerate(levels[1:], start=1):
        code[(series == level).to_numpy()] = place
    return code, [variable.word(level) for level in levels]


def _plain_levels(series: pl.Series) -> tuple[Codes, list[str]]:
    code = series.rank("dense").to_numpy().astype(np.int64) - 1
    return code, [str(level) for level in series.unique().sort().to_list()]


def _crossed(
    frame: pl.DataFrame,
    parts: list[tuple[str, Codes, list[str]]],
    exposed: str | None,
    steps: tuple[Step, ...],
) -> Groups:
    if not parts:
        everyone = np.broadcast_to(np.int64(0), len(frame))
        return Groups(frame, everyone, ("all",), (None,), (None,), exposed, steps)
    code = np.zeros(len(frame), dtype=np.int64)
    exposure: list[str | None] = [None]
    stratum: list[list[str]] = [[]]
    for name, each, words in parts:
        code = code * len(words) + each
        if name == exposed:
            exposure, stratum = list(words), [[] for _ in words]
            continue
        exposure = [word for word in exposure for _ in words]
        stratum = [[*before, f"{name}: {word}"] for before in stratum for word in words]
    present = np.bincount(code, minlength=len(exposure)) > 0
    code = (np.cumsum(present) - 1)[code]
    exposure = [word for word, here in zip(exposure, present, strict=True) if here]
    within = [
        "; ".join(words) or None for words, here in zip(stratum, present, strict=True) if here
    ]
    whole = [
        "; ".join(word for word in pair if word is not None) or "all"
        for pair in zip(exposure, within, strict=True)
    ]
    return Groups(frame, code, tuple(whole), tuple(exposure), tuple(within), exposed, steps)


def curve_records(groups: Groups, codes: tuple[int, ...], start: float | None) -> CurveRecords:
    """Records joined within persons, the events of ``codes`` counted from 1 in their order.

    start : leave out those who left before it, so that curves are conditional on being there.

    Raises NotEstimableError when nobody is left.
    """
    frame = groups.frame
    happened = frame[EVENT].to_numpy()
    event = np.zeros(len(frame), dtype=happened.dtype)
    for place, code in enumerate(codes, start=1):
        event += (happened == code).view(np.int8) * happened.dtype.type(place)
    person = frame[PERSON].to_numpy()
    alone = each_once(person)
    person = person.astype(np.int64)
    records = CurveRecords(
        frame[ENTRY].to_numpy(),
        frame[EXIT].to_numpy(),
        event,
        frame[WEIGHT].to_numpy() if WEIGHT in frame.columns else np.broadcast_to(1.0, len(frame)),
        groups.code,
        person,
        frame[CLUSTER].to_numpy().astype(np.int64) if CLUSTER in frame.columns else person,
        alone,
    )
    if not alone:
        records = joined(records)
    if start is not None:
        records = records.where(records.exit >= start)
    if not records.exit.size:
        raise NotEstimableError(
            "no record is left to draw a curve from"
            + ("." if start is None else f": everyone left before start = {start:g}.")
        )
    return records


def joined(records: CurveRecords) -> CurveRecords:
    """Consecutive records of a person in one group as one, where nothing happened between."""
    order = np.lexsort((records.entry, records.group, records.person))
    ordered = records.where(order)
    follows = (
        (ordered.person[1:] == ordered.person[:-1])
        & (ordered.group[1:] == ordered.group[:-1])
        & (ordered.entry[1:] == ordered.exit[:-1])
        & (ordered.weight[1:] == ordered.weight[:-1])
        & (ordered.event[:-1] == 0)
    )
    begins = np.flatnonzero(np.append(True, ~follows))
    ends = np.append(begins[1:], ordered.exit.size) - 1
    last = ordered.where(ends)
    return CurveRecords(
        ordered.entry[begins],
        last.exit,
        last.event,
        last.weight,
        last.group,
        last.person,
        last.cluster,
    )


def once_only(records: CurveRecords, what: str) -> None:
    """Refuse several events of one person in one group: survival is until the first.

    Raises UnsupportedError naming how many.
    """
    if records.alone:
        return
    happened = records.event > 0
    key = records.person[happened] * (int(records.group.max(initial=0)) + 1)
    key += records.group[happened]
    again = key.size - distinct(key)[0].size
    if again:
        raise UnsupportedError(
            f"{counted(again, 'events follow')} an earlier event of the same person: {what} is "
            "until the "
            "first. NelsonAalen() gives the mean number of recurrent events; or let "
            "stratum in the follow-up name the event number."
        )


def distinct(keys: Codes) -> tuple[Codes, Codes]:
    """Distinct whole numbers from 0, sorted, and the place of each of (n,) among them.

    As numpy's unique, but by a table where the numbers are dense, which is several times faster.
    """
    largest = int(keys.max(initial=-1))
    if largest > 8 * keys.size + 1024:
        found, place = np.unique(keys, return_inverse=True)
        return found, place.reshape(-1)
    taken = np.zeros(largest + 1, dtype=bool)
    taken[keys] = True
    return np.flatnonzero(taken), (np.cumsum(taken) - 1)[keys]


def persons_by_group(person: Codes, group: Codes, size: int) -> Codes:
    """Distinct persons in each of ``size`` groups."""
    pairs = distinct(person * size + group)[0]
    return np.asarray(np.bincount(pairs % max(size, 1), minlength=size))
