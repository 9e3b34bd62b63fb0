"""The truth of a contrast: the same women under two interventions, by integrating their hazards."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

import numpy as np
import polars as pl

from cohort.errors import StudyError, nearest

from ..document.checks import OLDEST
from ..document.sections import ContinuousVariable
from ..document.world import World
from ..life.course import Course, Intervention, draw_course, intervened, latent_ages
from ..life.study import Study, draw_study, emigration_ratio
from ..life.variables import DAYS_PER_YEAR
from ..outcomes.tables import Lives
from ..streams import Draws, FloatArray
from .conditional import conditional_truth
from .estimands import (
    Estimand,
    Integrals,
    cause_specific_log_ratio,
    risk,
    seen_log_ratio,
    subdistribution_log_ratio,
    with_error,
    years_free,
    years_lost,
)
from .integrals import QUANTITIES, Watch, integrate

_OfAge = Callable[[Integrals, int], float]
BATCHES = 50
CHUNK = 32_768


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two worlds to compare.

    outcome : whose risk. cause : see ``Intervention``; value against versus. start : age in years
    from which the cause is set, for women then alive and free of the outcome; None sets it at the
    entry of every woman who is enrolled in the study. until : ages in whole years at which risks
    are given.
    """

    outcome: str
    cause: str
    value: float | str = 1
    versus: float | str = 0
    start: float | None = None
    until: tuple[int, ...] = (65, 75)


def contrast_truth(world: World, contrast: Contrast, *, persons: int, seed: int) -> pl.DataFrame:
    """Truth of every estimand of a contrast with its Monte Carlo error.

    persons : women generated, of whom those eligible are watched. Columns: outcome, variable,
    contrast, measure, until, truth, log_truth (null unless a ratio), std_error (of the truth, of
    its logarithm for a ratio), conditional_on (empty: marginal), women.

    Risks, differences and the cause-specific and subdistribution ratios are without censoring;
    "hazard ratio, as followed" is for the entry and censoring of this study. Risks need a common
    ``start``.

    Raises StudyError for an outcome or cause that the world does not have.
    """
    _check(world, contrast)
    both = integrated(world, contrast, persons=persons, seed=seed)
    rows = []
    for measure, until, estimand, is_ratio in _estimands(contrast):
        value, error = with_error(estimand, *both)
        rows.append(
            {
                "outcome": contrast.outcome,
                "variable": contrast.cause,
                "contrast": f"{_word(world, contrast, 0)} vs {_word(world, contrast, 1)}",
                "measure": measure,
                "until": until,
                "truth": exp(value) if is_ratio else value,
                "log_truth": value if is_ratio else None,
                "std_error": error,
                "conditional_on": "",
                "women": int(both[0].women.sum()),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def world_truth(world: World, *, persons: int, seed: int) -> pl.DataFrame:
    """Everything that is true in a world: its conditional ratios, and all declared estimands.

    Columns: as those of ``contrast_truth``, with ``estimand``, the name in the document, null for
    the ratios that stand in it.
    """
    parts = [conditional_truth(world)]
    for name, told in world.estimands.items():
        contrast = Contrast(
            told.outcome,
            told.cause,
            told.value,
            told.versus,
            None if told.at_recruitment else told.start,
            tuple(int(age) for age in told.until),
        )
        found = contrast_truth(world, contrast, persons=persons, seed=seed)
        parts.append(found.with_columns(estimand=pl.lit(name)))
    return pl.concat(parts, how="diagonal_relaxed")


def _check(world: World, contrast: Contrast) -> None:
    if contrast.outcome not in world.outcomes:
        known = list(world.outcomes)
        raise StudyError(f"no outcome '{contrast.outcome}': {nearest(contrast.outcome, known)}")
    if any(not 0 < age <= OLDEST for age in contrast.until):
        raise StudyError(f"until: expected ages above 0 and at most {OLDEST}.")


def _word(world: World, contrast: Contrast, side: int) -> str:
    """One side of a contrast in the words of our estimates."""
    value = (contrast.value, contrast.versus)[side]
    variable = world.variables.get(contrast.cause)
    if isinstance(variable, ContinuousVariable):
        return f"{value:g} {variable.unit}".strip() if side else f"{value:g}"
    if isinstance(value, str):
        return value
    return "yes" if value == 1 else "no"


def _estimands(contrast: Contrast) -> list[tuple[str, int | None, Estimand, bool]]:
    told: list[tuple[str, int | None, Estimand, bool]] = [
        ("cause-specific hazard ratio", None, cause_specific_log_ratio, True),
    ]
    if contrast.start is None:
        return [*told, ("hazard ratio, as followed", None, seen_log_ratio, True)]
    told.append(("subdistribution hazard ratio", None, subdistribution_log_ratio, True))
    for age in contrast.until:
        told += [
            ("risk difference", age, _difference(risk, age), False),
            ("risk ratio", age, _log_ratio(risk, age), True),
            ("difference in years free", age, _difference(years_free, age), False),
            ("difference in years lost", age, _difference(years_lost, age), False),
        ]
    return told


def _difference(of: _OfAge, age: int) -> Estimand:
    return lambda exposed, unexposed: of(exposed, age) - of(unexposed, age)


def _log_ratio(of: _OfAge, age: int) -> Estimand:
    return lambda exposed, unexposed: float(np.log(of(exposed, age) / of(unexposed, age)))


def integrated(
    world: World, contrast: Contrast, *, persons: int, seed: int
) -> tuple[Integrals, Integrals]:
    """Integrated hazards of the eligible women in the two worlds, the first with ``value``."""
    sums = [np.zeros((BATCHES, 1, OLDEST, QUANTITIES)) for _ in range(2)]
    women = np.zeros(BATCHES)
    for first in range(0, persons, CHUNK):
        count = min(CHUNK, persons - first)
        course = draw_course(world, Draws(seed, first, count))
        study = draw_study(world, course)
        start = starting_ages(course, study, contrast)
        batch = (np.arange(first, first + count) * BATCHES) // persons
        women += np.bincount(batch[np.isfinite(start)], minlength=BATCHES)
        for total, value in zip(sums, (contrast.value, contrast.versus), strict=True):
            lives = intervened(world, course, Intervention(contrast.cause, value), start)
            weight = np.ones((count, 1))
            watch = watching(world, course, study, lives, contrast.outcome)
            integrate(lives, watch._replace(start=start, batch=batch, weight=weight), total)
    exposed, unexposed = (Integrals(total[:, 0], women) for total in sums)
    return exposed, unexposed


def watching(world: World, course: Course, study: Study, lives: Lives, outcome: str) -> Watch:
    """What ``integrate`` needs of a course for one outcome, everyone from birth with weight 1."""
    row = course.names.index(outcome)
    others = latent_ages(lives, course.women.draws, course.names)
    others[:, row] = np.inf
    count = course.women.draws.count
    return Watch(
        outcome=row,
        others=others,
        start=np.zeros(count),
        stop=(study.end_day - course.women.birth_day) / DAYS_PER_YEAR,
        leaving=world.leaving.emigration * emigration_ratio(world, course),
        batch=np.zeros(count, dtype=np.int64),
        weight=np.ones((count, 1)),
    )


def starting_ages(course: Course, study: Study, contrast: Contrast) -> FloatArray:
    """Age from which each woman is watched, infinite if she is not eligible, (n,)."""
    row = course.names.index(contrast.outcome)
    if contrast.start is None:
        age = (study.invited_day - course.women.birth_day) / DAYS_PER_YEAR
        eligible = study.enrolled & (course.ages[:, row] > age)
    else:
        age = np.full(course.women.draws.count, float(contrast.start))
        eligible = (course.ages[:, row] > age) & (course.ages[:, -1] > age)
    return np.where(eligible, age, np.inf)
