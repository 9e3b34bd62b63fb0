"""Moderators, subgroups and small-study tests: properties and refusals.

Expected values are derived in the tests; no outside source.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from analyses.pooling.meta_regression import meta_regression, subgroup_pools
from analyses.pooling.pool import pool
from analyses.pooling.small_study import begg_test, egger_test, trim_and_fill
from cohort.errors import CohortError, NotEstimableError, SchemaError
from tests.published.reference import FIVE, studies


def test_knapp_hartung_coefficients_by_weighted_least_squares():
    """At the REML tau2: (X'WX)^-1 times the weighted residual mean square, t with k - 2."""
    x = np.array([1.0, 3.0, 4.0, 8.0, 9.0])
    got = meta_regression(FIVE, {"x": x.tolist()}, limits="knapp-hartung")
    y = np.array([one.value for one in FIVE])
    w = 1 / (np.array([one.variance for one in FIVE]) + got.heterogeneity.tau2)
    design = np.column_stack([np.ones(5), x])
    bread = np.linalg.inv(design.T @ (design * w[:, None]))
    beta = bread @ design.T @ (w * y)
    square = (w * (y - design @ beta) ** 2).sum() / 3
    for place, one in enumerate(got.coefficients):
        assert beta[place] == pytest.approx(one.value, rel=1e-9)
        assert math.sqrt(bread[place, place] * square) == pytest.approx(one.std_error, rel=1e-9)
        # t quantile of 3 degrees of freedom: 3.182446 (any table).
        reach = 3.182446 * one.std_error
        assert one.value + reach == pytest.approx(one.conf_high, abs=1e-6 * reach)


def test_few_studies_are_said():
    """For tau2 below five, for tests of asymmetry below ten."""
    assert any("3 studies" in warning for warning in pool(FIVE[:3]).warnings)
    assert any("5 studies" in warning for warning in egger_test(FIVE).warnings)
    assert any("5 studies" in warning for warning in begg_test(FIVE).warnings)
    assert any("5 studies" in warning for warning in trim_and_fill(FIVE).warnings)


def test_a_moderator_may_be_a_year():
    """Shifting a moderator by 1950 leaves slope and test alone."""
    x = [1.0, 3.0, 4.0, 8.0, 9.0]
    one = meta_regression(FIVE, {"x": x})
    other = meta_regression(FIVE, {"x": [1950 + value for value in x]})
    slope, shifted = one.coefficients[1], other.coefficients[1]
    assert slope.value == pytest.approx(shifted.value, rel=1e-8)
    assert slope.std_error == pytest.approx(shifted.std_error, rel=1e-8)
    moved = one.coefficients[0].value - 1950 * slope.value
    assert moved == pytest.approx(other.coefficients[0].value, rel=1e-8)


def test_one_moderator_is_tested_as_its_coefficient():
    """Chi-square = z^2, F = t^2."""
    x = {"x": [1.0, 3.0, 4.0, 8.0, 9.0]}
    normal, student = meta_regression(FIVE, x), meta_regression(FIVE, x, limits="knapp-hartung")
    assert normal.coefficients[1].p_value == pytest.approx(normal.moderators.p_value, rel=1e-9)
    assert student.coefficients[1].p_value == pytest.approx(student.moderators.p_value, rel=1e-9)
    assert (None, 3) == (normal.moderators.residual_df, student.moderators.residual_df)


@pytest.mark.parametrize(
    ("moderators", "story"),
    [
        ({}, "at least one moderator"),
        ({"x": [1, 2, 3]}, "each of the 5 studies"),
        ({"x": [1, 2, 3, 4, math.nan]}, "finite"),
        ({"x": [2, 2, 2, 2, 2]}, "constant"),
        ({"x": [1, 2, 3, 4, 5], "y": [2, 4, 6, 8, 10]}, "'y' is constant or follows"),
        (
            {name: list(np.arange(5.0) ** power) for power, name in enumerate("abcd", 1)},
            "cannot carry",
        ),
    ],
)
def test_bad_moderators_are_refused(moderators, story):
    """None, wrong length, not finite, constant, collinear, too many."""
    with pytest.raises(CohortError, match=story):
        meta_regression(FIVE, moderators)


def test_subgroups_add_up():
    """Fixed effect: Q in all = Q within + Q between; a group of one is that study."""
    got = subgroup_pools(FIVE, ["a", "a", "b", "a", "c"])
    within = sum(pooled.heterogeneity.q for _, pooled in got.pools)
    total = pool(FIVE, method="FE").heterogeneity.q
    assert total == pytest.approx(within + got.difference.statistic, rel=1e-12)
    assert ["a", "b", "c"] == [name for name, _ in got.pools]
    assert FIVE[2].value == pytest.approx(got.pools[1][1].value)
    assert 2 == got.difference.df
    random = subgroup_pools(FIVE, ["a", "a", "b", "a", "b"], method="REML")
    assert all(pooled.method == "REML" for _, pooled in random.pools)
    with pytest.raises(NotEstimableError, match="at least two"):
        subgroup_pools(FIVE, ["a"] * 5)
    with pytest.raises(SchemaError, match="group labels"):
        subgroup_pools(FIVE, ["a", "b"])


def test_small_study_tests_refuse_what_they_cannot_see():
    """Two studies; equal standard errors."""
    with pytest.raises(NotEstimableError, match="3 studies, not 2"):
        egger_test(FIVE[:2])
    with pytest.raises(NotEstimableError, match="one standard error"):
        egger_test(studies([(0.1, 0.2), (0.3, 0.2), (0.9, 0.2)]))


def test_trim_and_fill_evens_a_lopsided_funnel():
    """Turning every study turns the answer: side, number and pool."""
    lopsided = studies([(0.1, 0.01), (0.2, 0.02), (0.6, 0.2), (0.9, 0.3), (1.2, 0.4), (1.5, 0.6)])
    one = trim_and_fill(lopsided)
    other = trim_and_fill([replace(study, value=-study.value) for study in lopsided])
    assert one.missing == other.missing > 0
    assert ("low", "high") == (one.side, other.side)
    assert one.filled.value == pytest.approx(-other.filled.value, rel=1e-12)
    assert one.filled.value < pool(lopsided, method="FE").value
