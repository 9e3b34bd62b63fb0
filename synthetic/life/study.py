"""The study: who is invited and takes part, what her sample says, how long she is followed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ..document.world import World
from ..streams import Draws, FloatArray
from .assay import positive_probability, positive_wells, well_probability
from .course import Course
from .variables import DAYS_PER_YEAR, Women, predictor, shifted

EMIGRATION_FROM = 18.0
NEVER_DAY = 2**31 - 1
"""A day that never comes, for events that do not happen."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What the study sees of n women; days are counted from 1970.

    emigration : (n,) age in years. event_day : (n, c) day of each outcome, ``NEVER_DAY`` if none.
    leave_day : (n,) first day on which she is dead or abroad, or the day after the study's end.
    invited_day : (n,). enrolled : (n,). cells, compatible : (n,) male cells at the invitation.
    probability : (n,) that her sample is positive. wells : (n,) positive wells.
    """

    emigration: FloatArray
    event_day: NDArray[np.int64]
    leave_day: NDArray[np.int64]
    end_day: int
    invited_day: NDArray[np.int64]
    enrolled: NDArray[np.bool_]
    cells: NDArray[np.bool_]
    probability: FloatArray
    wells: NDArray[np.int64]

    def positive(self, world: World) -> NDArray[np.bool_]:
        """Whether her sample is called positive, (n,)."""
        return np.asarray(self.wells >= world.assay.positive_wells)


def draw_study(world: World, course: Course) -> Study:
    """Invitation, participation, sample and follow-up of the women of ``course``."""
    women, draws = course.women, course.women.draws
    emigration = EMIGRATION_FROM + _emigration_years(world, course)
    event_day = _days(women.birth_day[:, None], course.ages)
    end = _day_number(world.leaving.end)
    leave = np.minimum(event_day[:, -1], _days(women.birth_day, emigration))
    invited = invitation_day(world, draws)
    enrolled = willing(world, women, invited)
    enrolled &= _eligible(world, course, event_day, np.stack([invited, leave]))
    age = (invited - women.birth_day) / DAYS_PER_YEAR
    cells = course.grafts.present(age)
    well = _well(world, course, age, cells)
    return Study(
        emigration=emigration,
        event_day=event_day,
        leave_day=np.minimum(leave, end + 1),
        end_day=end,
        invited_day=invited,
        enrolled=enrolled,
        cells=cells,
        probability=positive_probability(world.assay, well),
        wells=positive_wells(world.assay, well, draws.uniform("wells")),
    )


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _days(birth_day: NDArray[np.int64], age: FloatArray) -> NDArray[np.int64]:
    """The day on which an age is complete: never before it, so that order is kept."""
    whole = np.ceil(np.where(np.isfinite(age), age, 0.0) * DAYS_PER_YEAR).astype(np.int64)
    return np.where(np.isfinite(age), birth_day + whole, NEVER_DAY)


def emigration_ratio(world: World, course: Course) -> FloatArray:
    """Hazard ratio of emigration of each woman, (n,), with informative censoring if it is on."""
    terms = dict(world.leaving.given)
    told = world.defects.informative_censoring
    for term, effect in told.given.items() if told else ():
        terms[term] = terms.get(term, 0.0) + effect
    draws = course.women.draws
    return np.exp(predictor(world, course.women.values, terms, draws.count))


def _emigration_years(world: World, course: Course) -> FloatArray:
    rate = world.leaving.emigration * emigration_ratio(world, course)
    drawn = course.women.draws.exponential("emigration")
    return np.divide(drawn, rate, out=np.full_like(drawn, np.inf), where=rate > 0)


def invitation_day(world: World, draws: Draws) -> NDArray[np.int64]:
    """The day on which each woman would be invited, (n,)."""
    first, last = (_day_number(day) for day in world.recruitment.dates)
    days: NDArray[np.int64] = np.floor(draws.uniform("invitation") * (last - first + 1)).astype(
        np.int64
    )
    return first + days


def willing(world: World, women: Women, invited: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Women of the right age who would take part if nothing in their lives forbids it, (n,)."""
    told = world.recruitment
    age = (invited - women.birth_day) / DAYS_PER_YEAR
    shift = predictor(world, women.values, told.given, women.draws.count)
    taking_part = women.draws.where("participation", shifted(told.participation, shift))
    return np.asarray((age >= told.ages[0]) & (age < told.ages[1]) & taking_part)


def _eligible(
    world: World, course: Course, event_day: NDArray[np.int64], days: NDArray[np.int64]
) -> NDArray[np.bool_]:
    told, women, (invited, leave) = world.recruitment, course.women, days
    age = (invited - women.birth_day) / DAYS_PER_YEAR
    eligible = leave > invited
    for name in told.free_of:
        eligible &= event_day[:, course.names.index(name)] > invited
    pregnancies = course.pregnancies
    if told.require == "birth":
        eligible &= pregnancies.births[:, 0] <= age
    elif told.require == "son":
        born = pregnancies.boys & (pregnancies.births <= age[:, None])
        eligible &= born.any(axis=1)
    if told.no_losses:
        lost = np.minimum(pregnancies.miscarriages, pregnancies.abortions).min(axis=1)
        eligible &= (lost > age) & (course.grafts.transfusion > age)
    return np.asarray(eligible)


def _well(world: World, course: Course, age: FloatArray, cells: NDArray[np.bool_]) -> FloatArray:
    """Probability that one well of her sample is positive, with the defects that are on."""
    held, amplification = cells.copy(), np.full(len(age), world.assay.amplification)
    reverse, differential = world.defects.reverse_causation, world.defects.differential_assay
    if reverse is not None:
        onset = course.ages[:, course.names.index(reverse.outcome)]
        coming = (onset > age) & (onset <= age + reverse.years)
        held &= ~(coming & course.women.draws.where("signal_lost", reverse.probability))
    if differential is not None:
        case = np.isfinite(course.ages[:, course.names.index(differential.outcome)])
        amplification[case] *= differential.amplification_ratio
    level = np.where(held, course.grafts.level, 0.0)
    return well_probability(world.assay, level, np.minimum(amplification, 1.0))
