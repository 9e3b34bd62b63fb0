"""What a study of a world would find, as expected values: integrals, with no events drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from ..document.checks import OLDEST
from ..document.world import World
from ..life.course import draw_course
from ..life.study import draw_study
from ..life.variables import DAYS_PER_YEAR
from ..streams import Draws, FloatArray
from ..truth.contrast import watching
from ..truth.estimands import cox_root
from ..truth.integrals import AT_RISK, EVENTS, QUANTITIES, SEEN_AT_RISK, SEEN_EVENTS, integrate

CHUNK = 32_768


@dataclass(frozen=True, slots=True)
class Findings:
    """Expected findings for one outcome among enrolled women.

    positive_in_cohort : share of positive samples among women free of the outcome at entry.
    positive_in_cases : the same among cases. odds_ratio : of the two. test_hazard_ratio : crude
    Cox ratio of positive against negative, on the age scale; not a number for a case-control
    study. carriage : share who carry male cells. cases_per_woman : expected cases.
    """

    positive_in_cohort: float
    positive_in_cases: float
    odds_ratio: float
    test_hazard_ratio: float
    carriage: float
    cases_per_woman: float


def years_before(world: World, outcome: str) -> float:
    """Years before the sample within which cases were diagnosed, 0 if they came after it."""
    told = [d.years_before for d in world.designs.values() if d.outcome == outcome]
    return max(told, default=0.0)


def expected_findings(world: World, outcome: str, *, persons: int, seed: int) -> Findings:
    """Expected findings of the world's study from ``persons`` generated women.

    Cases of a case-control study with ``years_before`` are women diagnosed within those years
    before their sample. Their deaths between diagnosis and sample are left out of the weights: they
    are alike in carriers and others.
    """
    window = years_before(world, outcome)
    sums = np.zeros((1, 2, OLDEST, QUANTITIES))
    women = np.zeros(3)
    for first in range(0, persons, CHUNK):
        course = draw_course(world, Draws(seed, first, min(CHUNK, persons - first)))
        study = draw_study(world, course)
        watch = watching(world, course, study, course.lives, outcome)
        entry = (study.invited_day - course.women.birth_day) / DAYS_PER_YEAR
        eligible = study.enrolled & (course.ages[:, watch.outcome] > entry)
        p = study.probability
        start = np.where(study.enrolled if window else eligible, entry - window, np.inf)
        if window:
            watch = watch._replace(stop=entry, leaving=np.zeros_like(entry))
        watch = watch._replace(start=start, weight=np.stack([p, 1 - p], axis=1))
        integrate(course.lives, watch, sums)
        women += (eligible.sum(), p[eligible].sum(), study.cells[eligible].sum())
    events, at_risk = sums[0, :, :, SEEN_EVENTS], sums[0, :, :, SEEN_AT_RISK]
    cohort, cases = women[1] / women[0], events[0].sum() / events.sum()
    return Findings(
        positive_in_cohort=float(cohort),
        positive_in_cases=float(cases),
        odds_ratio=_odds_ratio(cases, cohort),
        test_hazard_ratio=_ratio(events, at_risk, bool(window)),
        carriage=float(women[2] / women[0]),
        cases_per_woman=float(events.sum() / women[0]),
    )


def _ratio(events: FloatArray, at_risk: FloatArray, case_control: bool) -> float:
    if case_control or not events.sum(axis=1).all():
        return float("nan")
    return exp(cox_root(list(events), list(at_risk)))


def _odds_ratio(cases: float, cohort: float) -> float:
    # Shares of 0 and 1 occur at the ends of a bisection; infinite and undefined are right there.
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(cases) / (1 - cases) * (1 - cohort) / np.float64(cohort))


def population_rates(
    world: World, names: Sequence[str], *, persons: int, seed: int
) -> dict[str, FloatArray]:
    """Expected events and years at risk of outcomes by year of age, (2, 110) for each.

    Among all women alive and free of the outcome, from birth on and without emigration.
    """
    sums = {name: np.zeros((1, 1, OLDEST, QUANTITIES)) for name in names}
    for first in range(0, persons, CHUNK):
        course = draw_course(world, Draws(seed, first, min(CHUNK, persons - first)))
        study = draw_study(world, course)
        for name in names:
            watch = watching(world, course, study, course.lives, name)
            integrate(course.lives, watch, sums[name])
    return {name: _band_sums(total[0, 0]) for name, total in sums.items()}


def _band_sums(total: FloatArray) -> FloatArray:
    return np.stack([total[:, EVENTS], total[:, AT_RISK]])
