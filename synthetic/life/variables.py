"""Fixed variables of a world: drawn in causal order, and turned into linear predictors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ..document.checks import BIRTH_DECADE, parents_of
from ..document.sections import BinaryVariable, CategoricalVariable
from ..document.world import World
from ..graph import causal_order
from ..streams import Draws, FloatArray

DAY_OF_1900 = -25567
"""1 January 1900 in days since 1970, the epoch of all dates here."""
DAYS_PER_YEAR = 365.25
DECADE_ZERO = 1940


@dataclass(frozen=True, slots=True, eq=False)
class Women:
    """Consecutive women of a world and their fixed variables.

    draws : their random numbers. birth_day : (n,) int64, days since 1970. values : by variable,
    (n,) float64: the value, 0 or 1, or the number of the level counted from 0.
    """

    draws: Draws
    birth_day: NDArray[np.int64]
    values: Mapping[str, FloatArray]


def draw_women(world: World, draws: Draws) -> Women:
    """Birth dates and all variables of the women that ``draws`` stands for."""
    first, last = (int(year) for year in world.births.years)
    start = int(np.datetime64(f"{first}-01-01").astype(np.int64))
    stop = int(np.datetime64(f"{last + 1}-01-01").astype(np.int64))
    day = start + np.floor(draws.uniform("birth_date") * (stop - start)).astype(np.int64)
    year = 1970 + day / DAYS_PER_YEAR
    values: dict[str, FloatArray] = {BIRTH_DECADE: (year - DECADE_ZERO) / 10}
    order = causal_order(
        {BIRTH_DECADE: (), **{name: parents_of(told) for name, told in world.variables.items()}}
    )
    for name in order:
        if name != BIRTH_DECADE:
            values[name] = _draw(world, name, draws, values)
    return Women(draws, day, values)


def _draw(world: World, name: str, draws: Draws, values: Mapping[str, FloatArray]) -> FloatArray:
    variable = world.variables[name]
    if isinstance(variable, CategoricalVariable):
        return _draw_level(world, name, draws, values)
    shift = predictor(world, values, variable.given, draws.count)
    if isinstance(variable, BinaryVariable):
        return draws.where(name, shifted(variable.probability, shift)).astype(np.float64)
    value = variable.mean + shift + variable.sd * draws.normal(name)
    return np.exp(value) if variable.kind == "lognormal" else value


def _draw_level(
    world: World, name: str, draws: Draws, values: Mapping[str, FloatArray]
) -> FloatArray:
    variable = world.variables[name]
    assert isinstance(variable, CategoricalVariable)
    odds = [
        share * np.exp(predictor(world, values, variable.given.get(level, {}), draws.count))
        for level, share in zip(variable.levels, variable.probabilities, strict=True)
    ]
    bounds = np.cumsum(odds, axis=0)
    chosen: FloatArray = (draws.uniform(name) * bounds[-1] >= bounds[:-1]).sum(axis=0)
    return chosen.astype(np.float64)


def shifted(probability: float, shift: FloatArray) -> FloatArray:
    """A probability moved on the log odds, (n,); 0 and 1 stay as they are."""
    moved: FloatArray = expit(logit(probability) + shift)
    return moved


def term_value(world: World, values: Mapping[str, FloatArray], term: str) -> FloatArray:
    """What a coefficient multiplies: steps from the centre, 0 or 1, or being at a level."""
    name, _, level = term.partition("=")
    if name == BIRTH_DECADE:
        return values[name]
    variable = world.variables[name]
    if isinstance(variable, CategoricalVariable):
        return np.asarray(values[name] == variable.levels.index(level), dtype=np.float64)
    if isinstance(variable, BinaryVariable):
        return values[name]
    return (values[name] - variable.centre) / variable.per


def predictor(
    world: World, values: Mapping[str, FloatArray], terms: Mapping[str, float], count: int
) -> FloatArray:
    """Sum of coefficient times term, (count,)."""
    total = np.zeros(count)
    for term, coefficient in terms.items():
        if coefficient != 0:
            total += coefficient * term_value(world, values, term)
    return total


def late_terms(world: World, terms: Iterable[str]) -> tuple[str, ...]:
    """Those terms whose variable acts from the late age only."""
    names = {name for name, variable in world.variables.items() if variable.late}
    return tuple(term for term in terms if term.split("=")[0] in names)
