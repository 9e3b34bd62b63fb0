"""The outcomes of a world as arrays that the kernels read."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..document.checks import OLDEST
from ..document.outcomes import Outcome
from ..document.world import DEATH, World
from ..life.chimerism import Grafts
from ..life.pregnancies import MOST_BIRTHS, Pregnancies
from ..streams import FloatArray

NEVER = -1


class Tables(NamedTuple):
    """Hazards of c outcomes, death last, by year of age.

    rate : (c, 110) baseline hazard per person-year within each year of age. sum : (c, 111) its
    integral from 0. male, compatible : (c,) ratios while such cells are present. births : (c, 7)
    ratio by number of births. steps : (k,) years since the last birth, from 0. since : (c, k)
    ratios. excess_from, excess : (c, e) years since diagnosis (infinite as padding) and the hazard
    of death added from there on. late_age : age from which late variables act. top : (c,) the
    largest product of all these ratios that any woman can have.
    """

    rate: FloatArray
    sum: FloatArray
    male: FloatArray
    compatible: FloatArray
    births: FloatArray
    steps: FloatArray
    since: FloatArray
    excess_from: FloatArray
    excess: FloatArray
    late_age: float
    top: FloatArray


class Histories(NamedTuple):
    """What changes along the lives of n women.

    births : (n, 6) ages. start, stop : (n, s) ages at which grafts are gained and lost. compatible
    : (n, s). fixed : (2, n, c) hazard ratio of the fixed variables, before and from the late age;
    under an intervention on them (4, n, c), the same two again. intervene_from : (n,) age, infinite
    without one. state : -1 leaves the male cells as they are, 0 removes them, 1 sets them, 2 sets
    compatible ones.
    """

    births: FloatArray
    start: FloatArray
    stop: FloatArray
    compatible: NDArray[np.bool_]
    fixed: FloatArray
    intervene_from: FloatArray
    state: int


class Lives(NamedTuple):
    """All that decides the hazards of some women."""

    histories: Histories
    tables: Tables


def outcome_names(world: World) -> tuple[str, ...]:
    """The outcomes in the order of the arrays: as in the document, death last."""
    return (*(name for name in world.outcomes if name != DEATH), DEATH)


def outcome_tables(world: World) -> Tables:
    """Arrays of every outcome of a world."""
    told = [world.outcomes[name] for name in outcome_names(world)]
    rate = np.array([_by_year(outcome) for outcome in told])
    steps = np.array(sorted({0.0, *(s for outcome in told for s in outcome.years_since_birth)}))
    longest = max([1, *(len(outcome.excess_from) for outcome in told)])
    male = np.array([outcome.chimerism for outcome in told])
    compatible = np.array([outcome.compatible_chimerism for outcome in told])
    births = np.array([_by_births(outcome) for outcome in told])
    since = np.array([_on_steps(outcome, steps) for outcome in told])
    return Tables(
        rate=rate,
        sum=np.concatenate([np.zeros((len(told), 1)), np.cumsum(rate, axis=1)], axis=1),
        male=male,
        compatible=compatible,
        births=births,
        steps=steps,
        since=since,
        excess_from=np.array([_padded(outcome.excess_from, longest, np.inf) for outcome in told]),
        excess=np.array([_padded(outcome.excess_death, longest, 0.0) for outcome in told]),
        late_age=float(world.births.late_age),
        top=births.max(axis=1)
        * np.maximum(1.0, since.max(axis=1))
        * np.maximum(1.0, male)
        * np.maximum(1.0, compatible),
    )


def _by_year(outcome: Outcome) -> FloatArray:
    ratios = outcome.baseline_ratios or (1.0,) * len(outcome.ages)
    rate = np.zeros(OLDEST)
    for age, per_100000, ratio in zip(outcome.ages, outcome.per_100000, ratios, strict=True):
        rate[int(age) :] = per_100000 * 1e-5 * ratio * outcome.scale
    return rate


def _by_births(outcome: Outcome) -> FloatArray:
    number = np.arange(MOST_BIRTHS + 1)
    return np.asarray(np.where(number > 0, outcome.parous, 1.0) * outcome.per_birth**number)


def _on_steps(outcome: Outcome, steps: FloatArray) -> FloatArray:
    if not outcome.years_since_birth:
        return np.ones(len(steps))
    at = np.searchsorted(np.asarray(outcome.years_since_birth), steps, side="right") - 1
    return np.asarray(outcome.since_birth_ratios, float)[at]


def _padded(values: Sequence[float], length: int, fill: float) -> FloatArray:
    return np.array([*values, *[fill] * (length - len(values))], dtype=np.float64)


def natural_histories(pregnancies: Pregnancies, grafts: Grafts, fixed: FloatArray) -> Histories:
    """Histories without an intervention, from the ratios of the fixed variables (2, n, c)."""
    return Histories(
        births=pregnancies.births,
        start=grafts.start,
        stop=grafts.stop,
        compatible=grafts.compatible,
        fixed=fixed,
        intervene_from=np.full(len(pregnancies.births), np.inf),
        state=NEVER,
    )
