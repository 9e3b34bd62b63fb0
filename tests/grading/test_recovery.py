"""The twin of the Danish study, redrawn at its published sizes, gives its published odds ratios.

Kamper-Jorgensen 2012, Eur J Cancer 48:2227-35: breast cancer, 89 cases, odds ratio 0.30
(0.17-0.52); colon cancer, 67 cases, 3.9 (1.6-9.5); 272 women of the subcohort. At least 90 % of the
redrawn odds ratios must lie within the published interval.
"""

from math import exp

import pytest

from analyses import Logistic, Question
from analyses.grading import Graded
from reports.rehearsal.runs import Run, grade
from reports.rehearsal.world_twin import WorldDraw
from synthetic import read_world

PUBLISHED = (("breast", 25_000, 89, 0.17, 0.52), ("colon", 50_000, 67, 1.6, 9.5))
QUESTION = Question(exposure="positive")


def inside(folder, outcome, persons, low, high, replicates) -> tuple[float, float]:
    """Share of the redrawn odds ratios within the published interval, and how many were drawn."""
    world = read_world("dch2012")
    draw = WorldDraw(world, persons, outcome, ("age",), outcome, ())
    graded = Graded("logistic", Logistic(), QUESTION, 0.0, draw="age")
    run = Run("recovery", outcome, replicates, 2012)
    rows = grade(draw, [graded], run, folder=folder)
    there = rows.filter("converged")
    ratios = [exp(one) for one in there["estimate"]]
    return sum(low <= one <= high for one in ratios) / replicates, len(ratios) / replicates


@pytest.mark.parametrize(("outcome", "persons", "cases", "low", "high"), PUBLISHED)
def test_reduced(tmp_path, outcome, persons, cases, low, high) -> None:
    """30 draws: with 95 % inside, fewer than 24 come less than once in 1,000 runs (binomial)."""
    share, drawn = inside(tmp_path, outcome, persons, low, high, 30)
    assert drawn == 1
    assert share >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("outcome", "persons", "cases", "low", "high"), PUBLISHED)
def test_full(tmp_path, outcome, persons, cases, low, high) -> None:
    share, drawn = inside(tmp_path, outcome, persons, low, high, 500)
    assert drawn >= 0.99
    assert share >= 0.9
