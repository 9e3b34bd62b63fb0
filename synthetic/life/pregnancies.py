"""Pregnancies: live births with their gaps, and losses in the intervals between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..document.world import World
from ..streams import FloatArray
from .variables import Women, predictor, shifted

MOST_BIRTHS = 6
INTERVALS = MOST_BIRTHS + 1
REFERENCE_AGE = 25.0
RECOVERY = 0.25
"""Years between the end of a pregnancy and the next conception, at the least (assumed)."""
TERM = 0.75
FIRST_POSSIBLE, LAST_POSSIBLE = 16.0, 45.0
SMALLEST_ROOM = 0.5
"""An interval shorter than this, in years, holds no loss."""


@dataclass(frozen=True, slots=True, eq=False)
class Pregnancies:
    """All pregnancies of n women, ages in years, infinite where there is none.

    births : (n, 6) rising. boys : (n, 6) sex of the child. miscarriages, abortions : (n, 7), at
    most one in each interval between births. male_miscarriages, male_abortions : sex of the fetus.
    """

    births: FloatArray
    boys: NDArray[np.bool_]
    miscarriages: FloatArray
    male_miscarriages: NDArray[np.bool_]
    abortions: FloatArray
    male_abortions: NDArray[np.bool_]

    @property
    def has_birth(self) -> NDArray[np.bool_]:
        """Women with a live birth at any age, (n,)."""
        return np.isfinite(self.births[:, 0])


def draw_pregnancies(world: World, women: Women) -> Pregnancies:
    """The pregnancies of a whole life, whether or not she lives to have them all."""
    births = _births(world, women)
    boys = _male(world, women, "birth", births)
    miscarriages = _losses(world, women, births, "miscarriage")
    abortions = _losses(world, women, births, "abortion")
    return Pregnancies(
        births,
        boys,
        miscarriages,
        _male(world, women, "miscarriage", miscarriages),
        abortions,
        _male(world, women, "abortion", abortions),
    )


def _births(world: World, women: Women) -> FloatArray:
    told, draws, values = world.fertility, women.draws, women.values
    births = np.full((draws.count, MOST_BIRTHS), np.inf)
    childless = shifted(told.childless, predictor(world, values, told.childless_given, draws.count))
    mean = told.first_birth + predictor(world, values, told.first_birth_given, draws.count)
    age = mean + told.first_birth_sd * draws.normal("birth|1")
    age = np.clip(age, told.ages[0], told.ages[1])
    going = ~draws.where("childless", childless)
    shift = predictor(world, values, told.progression_given, draws.count)
    births[:, 0] = np.where(going, age, np.inf)
    for number in range(1, MOST_BIRTHS):
        base = told.progression[min(number, len(told.progression)) - 1]
        chance = base + told.progression_per_year * (age - REFERENCE_AGE) + shift
        gap = told.median_gap * np.exp(told.log_gap_sd * draws.normal(f"gap|{number + 1}"))
        age = age + told.shortest_gap + gap
        going = going & draws.where(f"progression|{number + 1}", chance) & (age <= told.ages[1])
        births[:, number] = np.where(going, age, np.inf)
    return births


def _losses(world: World, women: Women, births: FloatArray, kind: str) -> FloatArray:
    early = kind == "miscarriage"
    told, draws = world.losses, women.draws
    given = told.miscarriage_given if early else told.abortion_given
    chance = shifted(
        told.miscarriage if early else told.abortion,
        predictor(world, women.values, given, draws.count),
    )
    ages = np.full((draws.count, INTERVALS), np.inf)
    for interval in range(INTERVALS):
        start, room = _room(births, interval)
        there = draws.where(f"{kind}|{interval + 1}", chance) & (room >= SMALLEST_ROOM)
        share = 0.5 * draws.uniform(f"{kind}_age|{interval + 1}") + (0.0 if early else 0.5)
        ages[there, interval] = (start + share * room)[there]
    return ages


def _room(births: FloatArray, interval: int) -> tuple[FloatArray, FloatArray]:
    """Start and length in years of what an interval leaves for a pregnancy that is lost."""
    first = np.full(len(births), FIRST_POSSIBLE)
    start = first if interval == 0 else births[:, interval - 1] + RECOVERY
    following = births[:, interval] if interval < MOST_BIRTHS else np.full(len(births), np.inf)
    end = np.minimum(following - TERM - RECOVERY, LAST_POSSIBLE)
    exists = np.isfinite(start)
    room = np.where(exists, end - np.where(exists, start, 0.0), 0.0)
    return start, room


def _male(world: World, women: Women, kind: str, ages: FloatArray) -> NDArray[np.bool_]:
    male = np.zeros(ages.shape, dtype=np.bool_)
    for slot in range(ages.shape[1]):
        drawn = women.draws.where(f"{kind}_male|{slot + 1}", world.births.male_fraction)
        male[:, slot] = drawn & np.isfinite(ages[:, slot])
    return male
