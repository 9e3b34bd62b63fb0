"""Studies that share women: generalised least squares by hand, refusals, warnings.

Expected values are derived in the tests; no outside source.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from analyses.pooling.pool import METHODS, pool
from analyses.pooling.study_estimate import correlated_covariance
from cohort.errors import SchemaError
from tests.published.reference import FIVE, studies


def test_correlated_studies_by_hand():
    """Two with variance 1 and correlation r: mean with variance (1 + r)/2, Q 1/(2 - 2r)."""
    pair = studies([(0.0, 1.0), (1.0, 1.0)], comparison_id="one subcohort")
    for correlation in (-0.5, 0.0, 0.3, 0.9):
        got = pool(pair, method="FE", covariance=correlated_covariance(pair, correlation))
        assert 0.5 == pytest.approx(got.value, rel=1e-12)
        assert ((1 + correlation) / 2) ** 0.5 == pytest.approx(got.std_error, rel=1e-12)
        assert 1 / (2 * (1 - correlation)) == pytest.approx(got.heterogeneity.q, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_no_correlation_is_independence(method):
    """A diagonal covariance changes nothing."""
    diagonal = np.diag([one.variance for one in FIVE])
    one, other = pool(FIVE, method=method), pool(FIVE, method=method, covariance=diagonal)
    assert replace(one, warnings=()) == replace(other, warnings=())


def test_only_shared_comparisons_are_correlated():
    """Pairs without one comparison group keep covariance 0."""
    three = [
        replace(one, comparison_id=name) for one, name in zip(FIVE, ("a", "a", "b"), strict=False)
    ]
    got = correlated_covariance(three, 0.5)
    assert 0.5 * math.sqrt(0.1 * 0.2) == pytest.approx(got[0, 1])
    assert [0.0, 0.0] == [got[0, 2], got[1, 2]]


def test_negative_weights_are_named():
    """A precise and an imprecise study, strongly correlated: the imprecise one weighs below 0."""
    pair = studies([(0.0, 0.01), (1.0, 1.0)], comparison_id="x")
    got = pool(pair, method="FE", covariance=correlated_covariance(pair, 0.9))
    assert min(got.weights) < 0
    assert any("negative weight" in warning for warning in got.warnings)


@pytest.mark.parametrize(
    ("matrix", "story"),
    [
        (np.eye(2), "5 by 5"),
        (np.eye(5), "diagonal"),
        (np.diag([0.1, 0.2, 0.05, 0.4, 0.15]) + np.triu(np.full((5, 5), 0.01), 1), "symmetric"),
        (np.full((5, 5), np.nan), "symmetric"),
    ],
)
def test_a_matrix_that_is_no_covariance_is_refused(matrix, story):
    """Wrong size, wrong diagonal, not symmetric, not finite."""
    with pytest.raises(SchemaError, match=story):
        pool(FIVE, covariance=matrix)


def test_correlations_that_cannot_hold_at_once_are_refused():
    """Three studies with pairwise correlation -0.9: no such variables exist."""
    three = studies([(0, 1), (1, 1), (2, 1)], comparison_id="x")
    with pytest.raises(SchemaError, match="not positive definite"):
        pool(three, covariance=correlated_covariance(three, -0.9))
    with pytest.raises(SchemaError, match="above -1 and below 1"):
        correlated_covariance(three, 1.0)


def test_overlap_is_said():
    """One comparison group, one population, a meta-analysis among its members."""
    three = [
        replace(FIVE[0], population_id="P", comparison_id="C"),
        replace(FIVE[1], population_id="P", comparison_id="C"),
        replace(FIVE[2], population_id="P", comparison_id=None),
        replace(FIVE[3], summary=True),
    ]
    text = "\n".join(pool(three).warnings)
    assert "study 0 and study 1 share the same comparison women (C)" in text
    assert "study 0, study 1 and study 2 share one population (P)" in text
    assert "study 3 pooled other studies" in text
    assert text.count("as if independent") == 2
    allowed = "\n".join(pool(three, covariance=correlated_covariance(three, 0.4)).warnings)
    assert "pooled with a correlation of 0.40" in allowed
    assert "some pairs were pooled as if independent" in allowed


def test_independent_studies_give_no_warning():
    """Five with populations of their own."""
    own = [replace(one, population_id=one.study) for one in FIVE]
    assert () == pool(own).warnings
