"""Male cells as a latent process: where they come from, whether they stay, how many there are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..document.world import World
from ..streams import FloatArray
from .pregnancies import Pregnancies
from .variables import Women, predictor

TRANSFUSION_FROM = 15.0
MALE_DONORS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Grafts:
    """Grafts of male cells of n women, one column for each possible source.

    sources : names of the columns, such as "son|2". start, stop : (n, s) age in years at which
    the cells are gained and lost, infinite where nothing engrafted. compatible : (n, s) HLA
    compatible grafts. transfusion : (n,) age at the first transfusion from anyone. level : (n,)
    male genomes per million that she has while any graft is present.
    """

    sources: tuple[str, ...]
    start: FloatArray
    stop: FloatArray
    compatible: NDArray[np.bool_]
    transfusion: FloatArray
    level: FloatArray

    def present(self, age: FloatArray) -> NDArray[np.bool_]:
        """Whether any graft is present at an age, (n,)."""
        at = age[:, None]
        return np.asarray(((self.start <= at) & (at < self.stop)).any(axis=1))


def draw_grafts(world: World, women: Women, pregnancies: Pregnancies) -> Grafts:
    """The male cells of a whole life."""
    told, draws = world.acquisition, women.draws
    transfusion = _first_transfusion(world, women)
    exposures = _exposures(world, women, pregnancies, transfusion)
    shape = (draws.count, len(exposures))
    start, stop = np.full(shape, np.inf), np.full(shape, np.inf)
    compatible = np.zeros(shape, dtype=np.bool_)
    odds_ratio = told.odds_ratio * np.exp(_shift(world, women))
    for column, (source, (probability, age)) in enumerate(exposures.items()):
        exposed = np.flatnonzero(np.isfinite(age))
        if probability == 0 or len(exposed) == 0:
            continue
        matched = draws.where(f"compatible|{source}", told.compatible)[exposed]
        ratio = odds_ratio[exposed] * np.where(matched, told.compatible_odds_ratio, 1.0)
        chance = _with_odds(probability, ratio)
        taken = draws.uniform(f"engraft|{source}")[exposed] < chance
        lasting = _duration(draws.exponential(f"keep|{source}")[exposed], told.loss_rate)
        rows = exposed[taken]
        start[rows, column] = age[rows]
        stop[rows, column] = age[rows] + lasting[taken]
        compatible[rows, column] = matched[taken]
    level = world.level.median_per_million * 10 ** (world.level.log10_sd * draws.normal("level"))
    return Grafts(tuple(exposures), start, stop, compatible, transfusion, level)


def _with_odds(probability: float, ratio: FloatArray) -> FloatArray:
    if probability == 1:
        return np.ones_like(ratio)
    odds = probability / (1 - probability) * ratio
    return odds / (1 + odds)


def _duration(drawn: FloatArray, rate: float) -> FloatArray:
    return np.full_like(drawn, np.inf) if rate == 0 else drawn / rate


def _shift(world: World, women: Women) -> FloatArray:
    shift = predictor(world, women.values, world.acquisition.given, women.draws.count)
    hidden = world.defects.unmeasured_confounding
    return shift if hidden is None else shift + hidden.engraftment * women.values[hidden.variable]


def _first_transfusion(world: World, women: Women) -> FloatArray:
    rate = world.acquisition.transfusion_rate
    return TRANSFUSION_FROM + _duration(women.draws.exponential("transfusion"), rate)


def _exposures(
    world: World, women: Women, pregnancies: Pregnancies, transfusion: FloatArray
) -> dict[str, tuple[float, FloatArray]]:
    """Probability of engraftment and age at exposure, infinite where never, by source."""
    told, draws = world.acquisition, women.draws
    from_birth = np.zeros(draws.count)
    brother = women.values.get("older_brother", from_birth) > 0
    male_donor = draws.where("male_donor", MALE_DONORS)
    exposures = {
        "spontaneous": (told.spontaneous, from_birth),
        "older_brother": (told.older_brother, np.where(brother, 0.0, np.inf)),
        "transfusion": (told.transfusion, np.where(male_donor, transfusion, np.inf)),
    }
    for name, probability, ages, male in (
        ("son", told.son, pregnancies.births, pregnancies.boys),
        ("miscarriage", told.miscarriage, pregnancies.miscarriages, pregnancies.male_miscarriages),
        ("abortion", told.abortion, pregnancies.abortions, pregnancies.male_abortions),
    ):
        for slot in range(ages.shape[1]):
            age = np.where(male[:, slot], ages[:, slot], np.inf)
            exposures[f"{name}|{slot + 1}"] = (probability, age)
    return exposures
