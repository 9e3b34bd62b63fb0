"""Whole lives: everything that happens to some women of a world, in causal order."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np

from cohort.errors import StudyError, nearest

from ..document.checks import CAUSES, check_terms
from ..document.outcomes import Outcome
from ..document.sections import CategoricalVariable
from ..document.world import World
from ..outcomes.events import event_ages
from ..outcomes.tables import (
    NEVER,
    Histories,
    Lives,
    natural_histories,
    outcome_names,
    outcome_tables,
)
from ..streams import Draws, FloatArray
from .chimerism import Grafts, draw_grafts
from .pregnancies import Pregnancies, draw_pregnancies
from .variables import Women, draw_women, late_terms, predictor

CHIMERISM, COMPATIBLE = CAUSES


@dataclass(frozen=True, slots=True)
class Intervention:
    """Set one cause to a value from some age on, the past and all draws left as they are.

    cause : "chimerism" (value 0 or 1), "compatible chimerism" (1: cells that are compatible), or
    a variable, whose value is a number, 0 or 1, or the name of a level. It acts on the hazards
    only: what the variable did to births or participation lies in the past.
    """

    cause: str
    value: float | str


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Lives of n women.

    ages : (n, c) age in years at each outcome of ``names``, death last, infinite if never; an
    outcome after death is infinite.
    """

    women: Women
    pregnancies: Pregnancies
    grafts: Grafts
    lives: Lives
    names: tuple[str, ...]
    ages: FloatArray


def draw_course(world: World, draws: Draws) -> Course:
    """Draw the lives of the women that ``draws`` stands for."""
    return course_of(world, draw_women(world, draws))


def course_of(world: World, women: Women) -> Course:
    """The lives of women whose fixed variables are drawn."""
    draws = women.draws
    pregnancies = draw_pregnancies(world, women)
    grafts = draw_grafts(world, women, pregnancies)
    fixed = _ratios(world, women.values, draws.count)
    lives = Lives(natural_histories(pregnancies, grafts, fixed), outcome_tables(world))
    names = outcome_names(world)
    return Course(women, pregnancies, grafts, lives, names, seen_ages(lives, draws, names))


def latent_ages(lives: Lives, draws: Draws, names: tuple[str, ...]) -> FloatArray:
    """Ages at every outcome as if none prevented another, (n, c); death does follow diagnoses."""
    return event_ages(lives, _needs(draws, names), False)


def seen_ages(lives: Lives, draws: Draws, names: tuple[str, ...]) -> FloatArray:
    """Ages at every outcome in the lifetime, (n, c); infinite after death."""
    ages = event_ages(lives, _needs(draws, names), True)
    ages[:, :-1][ages[:, :-1] > ages[:, -1:]] = np.inf
    return ages


def _needs(draws: Draws, names: tuple[str, ...]) -> FloatArray:
    need = np.empty((draws.count, len(names)))
    for c, name in enumerate(names):
        need[:, c] = draws.exponential(f"time|{name}")
    return need


def intervened(
    world: World, course: Course, intervention: Intervention, start: FloatArray
) -> Lives:
    """The hazards of the same women under an intervention from the ages ``start`` (n,) on.

    Raises StudyError for a cause or a value that the world does not have.
    """
    histories, tables = course.lives
    state, replaced = NEVER, histories.fixed
    if intervention.cause in (CHIMERISM, COMPATIBLE):
        if intervention.value not in (0, 1):
            raise StudyError(f"do({intervention.cause}): expected the value 0 or 1.")
        present = 2 if intervention.cause == COMPATIBLE else 1
        state = present if intervention.value == 1 else 0
    else:
        values = {
            **course.women.values,
            intervention.cause: _set_value(world, course, intervention),
        }
        fixed = _ratios(world, values, course.women.draws.count)
        replaced = np.concatenate([histories.fixed[:2], fixed])
    changed = Histories(
        histories.births, histories.start, histories.stop, histories.compatible,
        replaced, start, state,
    )  # fmt: skip
    return Lives(changed, tables)


def _set_value(world: World, course: Course, intervention: Intervention) -> FloatArray:
    name, value = intervention.cause, intervention.value
    if name not in world.variables:
        known = [*world.variables, CHIMERISM, COMPATIBLE]
        raise StudyError(f"do({name}): {nearest(name, known)}")
    variable = world.variables[name]
    if isinstance(variable, CategoricalVariable):
        check_terms(world, [f"{name}={value}"], f"do({name})")
        value = variable.levels.index(str(value))
    return np.full(course.women.draws.count, float(value))


def _ratios(world: World, values: Mapping[str, FloatArray], count: int) -> FloatArray:
    """Hazard ratios of the fixed variables, (2, n, c): before and from the late age."""
    told = [(name, world.outcomes[name]) for name in outcome_names(world)]
    both = np.zeros((2, count, len(told)))
    for c, (name, outcome) in enumerate(told):
        effects = {term: log(effect) for term, effect in _effects(world, name, outcome).items()}
        late = late_terms(world, effects)
        always = {term: effect for term, effect in effects.items() if term not in late}
        both[0, :, c] = np.exp(predictor(world, values, always, count))
        shift = predictor(world, values, {term: effects[term] for term in late}, count)
        both[1, :, c] = both[0, :, c] * np.exp(shift)
    return both


def _effects(world: World, name: str, outcome: Outcome) -> Mapping[str, float]:
    hidden = world.defects.unmeasured_confounding
    if hidden is None or name not in hidden.outcomes:
        return outcome.effects
    both = outcome.effects.get(hidden.variable, 1.0) * hidden.outcomes[name]
    return {**outcome.effects, hidden.variable: both}
