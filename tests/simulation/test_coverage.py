"""95 % intervals cover 93-97 % and estimates are unbiased, for every variance offered.

The gates are those of the design note: worlds with at least 300 cases and 50 clusters; bias within
3 Monte Carlo errors or 10 % of the empirical standard error. The default run has 60 replicates and
so can only catch gross faults: it allows for 4 Monte Carlo errors around the gate.
"""

import math

import pytest

from .measure import Measured, measure
from .pipelines import PIPELINES

GATED = tuple(one for one in PIPELINES if one.gated)


def _bias_is_small(one: Measured) -> bool:
    return abs(one.bias) <= max(3 * one.bias_error, 0.1 * one.empirical_se)


@pytest.fixture(scope="module")
def few() -> dict[str, Measured]:
    return {one.name: one for one in measure(GATED, 60)}


@pytest.mark.parametrize("name", [one.name for one in GATED])
def test_reduced(few: dict[str, Measured], name: str) -> None:
    one = few[name]
    assert one.cases >= 300
    assert abs(one.bias) <= max(4 * one.bias_error, 0.1 * one.empirical_se)
    slack = 4 * math.sqrt(0.95 * 0.05 / one.replicates)
    assert 0.93 - slack <= one.coverage
    assert 0.7 < one.model_se / one.empirical_se < 1.4


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", GATED, ids=lambda one: one.name)
def test_full(pipeline) -> None:
    (one,) = measure((pipeline,), 1_000)
    assert one.cases >= 300
    assert _bias_is_small(one)
    assert 0.93 <= one.coverage <= 0.97
