"""Event times are exact, whatever the engine."""

import numpy as np
import pytest

from synthetic.life.course import Intervention, draw_course, intervened, latent_ages
from synthetic.streams import Draws
from tests.synthetic import slow_reference
from tests.synthetic.documents import plain_document, world

CHANGED = (
    ("acquisition.loss_rate", 0.03),
    ("outcomes.breast.chimerism", 0.3),
    ("outcomes.systemic_sclerosis.compatible_chimerism", 20.0),
    ("outcomes.death.chimerism", 0.7),
)
"""A shipped world in which every kind of ratio is at work and cells are often lost."""


def _compare(persons: int, seed: int) -> None:
    told = world("danish_women", *CHANGED)
    draws = Draws(seed, 0, persons)
    course = draw_course(told, draws)
    needs = {name: draws.exponential(f"time|{name}") for name in course.names}
    for i in range(persons):
        expected = slow_reference.life(told, course, i, {n: float(e[i]) for n, e in needs.items()})
        shown = dict(zip(course.names, course.ages[i], strict=True))
        assert [n for n, a in expected.items() if np.isfinite(a)] == [
            n for n in expected if np.isfinite(shown[n])
        ], f"woman {i + 1}"
        for name, age in expected.items():
            # 1e-9 years is 0.03 seconds: rounding of sums over some hundred pieces, no more.
            assert age == pytest.approx(shown[name], abs=1e-9), (i + 1, name)


def test_kernel_agrees_with_plain_python():
    """The slow reference of this folder on 250 women; 20,000 in the slow test."""
    _compare(250, seed=3)


@pytest.mark.slow
def test_kernel_agrees_with_plain_python_on_20000_women():
    _compare(20_000, seed=4)


@pytest.mark.parametrize("state", [0, 1])
def test_an_intervention_changes_nothing_before_it_starts(state):
    """The past is natural: every age below the start is the same to the bit."""
    told = world("danish_women", *CHANGED)
    draws = Draws(1, 0, 4000)
    course = draw_course(told, draws)
    start = np.full(4000, 55.0)
    natural = latent_ages(course.lives, draws, course.names)
    lives = intervened(told, course, Intervention("chimerism", state), start)
    set_ages = latent_ages(lives, draws, course.names)
    early = natural < 55
    assert np.array_equal(natural[early], set_ages[early])
    assert np.array_equal(early, set_ages < 55)
    breast = course.names.index("breast")
    later = np.isfinite(natural[:, breast]) & (natural[:, breast] > 55)
    moved = (set_ages[later, breast] != natural[later, breast]).mean()
    # Those who would carry cells, or none, to the end anyhow are not moved.
    assert 0.1 < moved < 1


def test_a_protective_intervention_delays_every_woman():
    """Common random numbers: with a ratio below 1, no woman's event comes earlier."""
    told = world(plain_document(), ("outcomes.breast.chimerism", 0.5))
    draws = Draws(2, 0, 5000)
    course = draw_course(told, draws)
    ages = [
        latent_ages(
            intervened(told, course, Intervention("chimerism", value), np.zeros(5000)),
            draws,
            course.names,
        )[:, 0]
        for value in (1, 0)
    ]
    assert np.all(ages[0] >= ages[1])
    # Constant hazards: the same exponential draw lasts exactly twice as long at half the hazard.
    both = np.isfinite(ages[0]) & np.isfinite(ages[1])
    assert 2 * ages[1][both] == pytest.approx(ages[0][both], rel=1e-9)
