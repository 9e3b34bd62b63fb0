"""Event times in plain Python, written from the document and not from the kernels.

Each woman's life is cut at every whole year of age, refined at every age at which anything about
her changes; the hazard in a piece is worked out from the document at its middle, and cumulative
hazards are summed piece by piece. Slow, and with nothing in common with the tables, the paths or
the inversion of the kernels.
"""

from itertools import pairwise
from math import exp, inf, log

from synthetic.document.sections import BinaryVariable, CategoricalVariable
from synthetic.document.world import DEATH, World
from synthetic.life.course import Course

OLDEST = 110


def term_value(world: World, course: Course, i: int, term: str) -> float:
    """What a coefficient multiplies, for one woman."""
    name, _, level = term.partition("=")
    value = course.women.values[name][i]
    if name not in world.variables:
        return value
    variable = world.variables[name]
    if isinstance(variable, CategoricalVariable):
        return float(variable.levels[int(value)] == level)
    return (
        value if isinstance(variable, BinaryVariable) else (value - variable.centre) / variable.per
    )


def fixed_ratios(world: World, course: Course, i: int, name: str) -> tuple[float, float]:
    """Ratio of her fixed variables before and from the late age."""
    early = late = 0.0
    for term, ratio in world.outcomes[name].effects.items():
        part = log(ratio) * term_value(world, course, i, term)
        variable = world.variables.get(term.split("=")[0])
        late += part
        if variable is None or not variable.late:
            early += part
    return exp(early), exp(late)


def step(starts: tuple, values: tuple, time: float) -> float:
    """The value of the last step that has begun."""
    return next(v for s, v in reversed(list(zip(starts, values, strict=True))) if s <= time)


def moving_ratio(world: World, course: Course, i: int, name: str, age: float) -> float:
    """Ratio of what changes along her life, at an age."""
    told, births, grafts = world.outcomes[name], course.pregnancies.births[i], course.grafts
    past = [b for b in births if b <= age]
    held = [
        j for j in range(grafts.start.shape[1]) if grafts.start[i, j] <= age < grafts.stop[i, j]
    ]
    ratio = told.per_birth ** len(past) * (told.parous if past else 1.0)
    if past and told.years_since_birth:
        ratio *= step(told.years_since_birth, told.since_birth_ratios, age - past[-1])
    ratio *= told.chimerism if held else 1.0
    return ratio * (
        told.compatible_chimerism if any(grafts.compatible[i, j] for j in held) else 1.0
    )


def cuts(world: World, course: Course, i: int) -> list[float]:
    """Ages that bound the pieces of her life: whole years and her own changes."""
    births = [b for b in course.pregnancies.births[i] if b < inf]
    steps = {s for told in world.outcomes.values() for s in told.years_since_birth}
    ages = {float(year) for year in range(OLDEST + 1)} | {world.births.late_age}
    ages |= {b + s for b in births for s in steps} | set(births)
    for table in (course.grafts.start[i], course.grafts.stop[i]):
        ages |= {float(a) for a in table if a < inf}
    return sorted(a for a in ages if a <= OLDEST)


def baseline(world: World, name: str, age: float) -> float:
    """Baseline hazard at an age."""
    told = world.outcomes[name]
    if age < told.ages[0]:
        return 0.0
    ratio = step(told.ages, told.baseline_ratios, age) if told.baseline_ratios else 1.0
    return step(told.ages, told.per_100000, age) * 1e-5 * ratio * told.scale


def excess(world: World, ages: dict[str, float], age: float) -> float:
    """Hazard of death that her diagnoses add at an age."""
    total = 0.0
    for name, diagnosed in ages.items():
        told = world.outcomes[name]
        if told.excess_from and diagnosed <= age:
            total += step(told.excess_from, told.excess_death, age - diagnosed)
    return total


def event_age(world: World, course: Course, i: int, name: str, need: float, ages: dict) -> float:
    """Age at which her cumulative hazard reaches ``need``; ``ages`` are her diagnoses for death."""
    early, late = fixed_ratios(world, course, i, name)
    points = set(cuts(world, course, i))
    for other, diagnosed in ages.items():
        points |= {diagnosed + s for s in world.outcomes[other].excess_from if diagnosed < inf}
    ordered = sorted(p for p in points if p <= OLDEST)
    for start, end in pairwise(ordered):
        middle = (start + end) / 2
        fixed = late if middle >= world.births.late_age else early
        hazard = fixed * moving_ratio(world, course, i, name, middle)
        hazard = hazard * baseline(world, name, middle) + excess(world, ages, middle)
        if hazard * (end - start) >= need:
            return start + need / hazard
        need -= hazard * (end - start)
    return inf


def life(world: World, course: Course, i: int, needs: dict[str, float]) -> dict[str, float]:
    """Ages at all outcomes of one woman; those after her death are infinite."""
    names = [name for name in world.outcomes if name != DEATH]
    ages = {name: event_age(world, course, i, name, needs[name], {}) for name in names}
    death = event_age(world, course, i, DEATH, needs[DEATH], ages)
    return {**{n: a if a <= death else inf for n, a in ages.items()}, DEATH: death}
