"""From lives to tables: what registers, questionnaires and the laboratory hold, and what is latent.

Observed tables never hold a latent column; latent tables stand apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .document.sections import BinaryVariable, CategoricalVariable
from .document.world import World
from .life.course import Course, draw_course
from .life.study import Study, draw_study
from .life.variables import predictor, shifted
from .streams import Draws, FloatArray

OBSERVED = ("persons", "pregnancies", "events", "enrolment", "samples")
LATENT = ("women", "outcomes", "grafts")
PREGNANCY_ENDS = pl.Enum(["birth", "miscarriage", "abortion"])
EXIT_REASONS = pl.Enum(["death", "emigration", "end of study"])
EMIGRATION = "emigration"


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Tables of some women of a world, by name.

    observed : "persons", "pregnancies", "events", "enrolment", "samples". latent : "women",
    "outcomes", "grafts". Persons are numbered from 1; dates are calendar days; ages are years.
    """

    observed: Mapping[str, pl.DataFrame]
    latent: Mapping[str, pl.DataFrame]


def generate(world: World, *, first: int, persons: int, seed: int) -> Tables:
    """Tables of persons ``first + 1`` to ``first + persons`` of a world.

    A pure function: the same person is the same in any call.
    """
    course = draw_course(world, Draws(seed, first, persons))
    return tables_of(world, course, np.arange(first + 1, first + persons + 1))


def tables_of(world: World, course: Course, person: NDArray[np.int64]) -> Tables:
    """Tables of women whose lives are drawn; person : (n,) their numbers, rising."""
    study = draw_study(world, course)
    observed = {
        "persons": _persons(world, course, person),
        "pregnancies": _pregnancies(course, study, person),
        "events": _events(course, study, person),
        "enrolment": _enrolment(world, course, study, person),
        "samples": _samples(world, study, person),
    }
    latent = {
        "women": _women(world, course, study, person),
        "outcomes": _outcomes(course, person),
        "grafts": _grafts(course, person),
    }
    return Tables(observed, latent)


def event_names(world: World) -> pl.Enum:
    """The words of the event column: the outcomes of the world and emigration."""
    return pl.Enum([*world.outcomes, EMIGRATION])


def _date(name: str, days: NDArray[np.int64]) -> pl.Series:
    return pl.Series(name, days.astype(np.int32)).cast(pl.Date)


def _words(name: str, codes: NDArray[np.int64], words: pl.Enum) -> pl.Series:
    # Gathered, since a cast from codes to words differs between versions of polars.
    return pl.Series(name, words.categories, dtype=words).gather(pl.Series(codes))


def _column(world: World, name: str, values: FloatArray) -> pl.Series:
    variable = world.variables[name]
    if isinstance(variable, CategoricalVariable):
        return _words(name, values.astype(np.int64), pl.Enum(list(variable.levels)))
    if isinstance(variable, BinaryVariable):
        return pl.Series(name, values > 0)
    return pl.Series(name, values.astype(np.float32))


def _measured(world: World, where: str) -> list[str]:
    return [name for name, told in world.variables.items() if told.measured == where]


def _persons(world: World, course: Course, person: NDArray[np.int64]) -> pl.DataFrame:
    women = course.women
    columns = [_column(world, n, women.values[n]) for n in _measured(world, "register")]
    return pl.DataFrame(
        [pl.Series("person", person), _date("birth_date", women.birth_day), *columns]
    )


def _pregnancies(course: Course, study: Study, person: NDArray[np.int64]) -> pl.DataFrame:
    told, birth_day = course.pregnancies, course.women.birth_day
    parts = []
    for end, (ages, male) in enumerate(
        (
            (told.births, told.boys),
            (told.miscarriages, told.male_miscarriages),
            (told.abortions, told.male_abortions),
        )
    ):
        row, slot = np.nonzero(np.isfinite(ages))
        day = birth_day[row] + np.ceil(ages[row, slot] * 365.25).astype(np.int64)
        seen = day < study.leave_day[row]
        row, slot, day = row[seen], slot[seen], day[seen]
        boy = pl.Series("boy", male[row, slot]) if end == 0 else pl.Series("boy", [None] * len(row))
        columns = [
            pl.Series("person", person[row]),
            _date("date", day),
            _words("end", np.full(len(row), end), PREGNANCY_ENDS),
            boy.cast(pl.Boolean),
        ]
        parts.append(pl.DataFrame(columns))
    return pl.concat(parts).sort("person", "date", "end")


def _events(course: Course, study: Study, person: NDArray[np.int64]) -> pl.DataFrame:
    leave = study.leave_day
    seen = study.event_day < leave[:, None]
    died = study.event_day[:, -1]
    seen[:, -1] = (died == leave) & (died <= study.end_day)
    row, outcome = np.nonzero(seen)
    gone = np.flatnonzero((leave <= study.end_day) & (died > leave))
    names = pl.Enum([*course.names, EMIGRATION])
    code = np.concatenate([outcome, np.full(len(gone), len(course.names))])
    day = np.concatenate([study.event_day[row, outcome], leave[gone]])
    who = np.concatenate([person[row], person[gone]])
    columns = [pl.Series("person", who), _date("date", day), _words("event", code, names)]
    return pl.DataFrame(columns).sort("person", "date", "event")


def _enrolment(
    world: World, course: Course, study: Study, person: NDArray[np.int64]
) -> pl.DataFrame:
    rows = np.flatnonzero(study.enrolled)
    leave, died = study.leave_day[rows], study.event_day[rows, -1]
    reason = np.where(leave > study.end_day, 2, np.where(died == leave, 0, 1))
    columns = [
        pl.Series("person", person[rows]),
        _date("entry", study.invited_day[rows]),
        _date("exit", np.minimum(leave, study.end_day)),
        _words("exit_reason", reason, EXIT_REASONS),
    ]
    for name in _measured(world, "enrolment"):
        column = _column(world, name, course.women.values[name][rows])
        lost = _missing(world, course, name)
        if lost is not None:
            column = column.to_frame().select(
                pl.when(~pl.Series(lost[rows])).then(pl.col(name)).alias(name)
            )[name]
        columns.append(column)
    return pl.DataFrame(columns)


def _missing(world: World, course: Course, name: str) -> NDArray[np.bool_] | None:
    told = world.defects.missing.get(name)
    if told is None:
        return None
    draws = course.women.draws
    shift = predictor(world, course.women.values, told.given, draws.count)
    return draws.where(f"missing|{name}", shifted(told.probability, shift))


def _samples(world: World, study: Study, person: NDArray[np.int64]) -> pl.DataFrame:
    rows = np.flatnonzero(study.enrolled)
    return pl.DataFrame(
        [
            pl.Series("person", person[rows]),
            _date("date", study.invited_day[rows]),
            pl.Series("wells", np.full(len(rows), world.assay.wells, dtype=np.uint16)),
            pl.Series("positive_wells", study.wells[rows].astype(np.uint16)),
            pl.Series("positive", study.positive(world)[rows]),
        ]
    )


def _women(world: World, course: Course, study: Study, person: NDArray[np.int64]) -> pl.DataFrame:
    hidden = [_column(world, n, course.women.values[n]) for n in _measured(world, "never")]
    return pl.DataFrame(
        [
            pl.Series("person", person),
            *hidden,
            pl.Series("level", course.grafts.level.astype(np.float32)),
            pl.Series("emigration_age", study.emigration.astype(np.float32)),
            pl.Series("cells_at_invitation", study.cells),
            pl.Series("positive_probability", study.probability.astype(np.float32)),
        ]
    )


def _outcomes(course: Course, person: NDArray[np.int64]) -> pl.DataFrame:
    row, outcome = np.nonzero(np.isfinite(course.ages))
    return pl.DataFrame(
        [
            pl.Series("person", person[row]),
            _words("event", outcome, pl.Enum(list(course.names))),
            pl.Series("age", course.ages[row, outcome]),
        ]
    )


def _grafts(course: Course, person: NDArray[np.int64]) -> pl.DataFrame:
    grafts = course.grafts
    row, source = np.nonzero(np.isfinite(grafts.start))
    return pl.DataFrame(
        [
            pl.Series("person", person[row]),
            _words("source", source, pl.Enum(list(grafts.sources))),
            pl.Series("start", grafts.start[row, source].astype(np.float32)),
            pl.Series("stop", grafts.stop[row, source].astype(np.float32)),
            pl.Series("compatible", grafts.compatible[row, source]),
        ]
    )
