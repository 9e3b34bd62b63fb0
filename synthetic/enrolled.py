"""A world drawn for its study alone: the women who might enrol, and nobody else.

The women, their lives and the samples are those of ``simulate_world`` with the same seed; women
whom age or refusal keeps out are left before their lives are drawn, which is most of the work.
"""

from collections.abc import Sequence

import numpy as np

from .cohorts import CHUNK, SimulatedWorld, checked_draw, simulated_from
from .document.world import World
from .generate import Tables, tables_of
from .life.course import course_of
from .life.study import invitation_day, willing
from .life.variables import Women, draw_women
from .streams import Draws


def simulate_enrolled(
    world: World, *, persons: int, seed: int, designs: Sequence[str] | None = None
) -> SimulatedWorld:
    """As ``simulate_world``, without the women who could not be enrolled.

    ``cohort_of`` gives the same cohorts and samples. Tables hold nobody who is too young, too old
    or unwilling when invited.

    Raises StudyError for impossible numbers or names, DesignError when a design needs more women.
    """
    checked_draw(world, persons, seed, designs)
    parts = [
        _tables(world, Draws(seed, first, min(CHUNK, persons - first)))
        for first in range(0, persons, CHUNK)
    ]
    return simulated_from(world, parts, seed, designs)


def _tables(world: World, draws: Draws) -> Tables:
    everyone = draw_women(world, draws)
    rows = np.flatnonzero(willing(world, everyone, invitation_day(world, draws)))
    women = Women(
        draws.among(rows),
        everyone.birth_day[rows],
        {name: values[rows] for name, values in everyone.values.items()},
    )
    return tables_of(world, course_of(world, women), draws.first + rows + 1)
