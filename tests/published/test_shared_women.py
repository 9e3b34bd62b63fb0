"""Studies that share women: their covariance, by hand; and shares with exact limits.

Sources: the covariance of two log odds ratios with the same controls is 1/exposed + 1/unexposed
controls (Gleser and Olkin 1994); pools are written out in `by_hand.py`; Clopper and Pearson (1934)
by the definition of their limits.
"""

import math

import numpy as np
import pytest
from scipy.stats import binom

from analyses.pooling.pool import pool
from analyses.pooling.proportion import exact_proportion
from analyses.pooling.shared_women import (
    share_comparison,
    share_population,
    sharing_compared,
    sharing_covariance,
)
from analyses.pooling.study_estimate import crude_odds_ratios, published_effects
from cohort.errors import NotEstimableError, SchemaError
from cohort.published import select_tables
from cohort.published_door import read_published
from tests.published.by_hand import by_hand, printed
from tests.published.reference import EVIDENCE

TABLES = read_published(EVIDENCE)
DANISH = ("hallum_2021_ovarian", "hallum_2022_endometrial", "kamper_2023_brain")
SHARED = 1 / 333 + 1 / 172
"""333 exposed and 172 unexposed women of the Danish subcohort of 505 (inferred from 65.9 %)."""


def test_counted_women_give_the_covariance_by_hand():
    """Ovary, endometrium, brain: off the diagonal 1/333 + 1/172; then DerSimonian and Laird."""
    tables = select_tables(TABLES, DANISH)
    estimates = published_effects(tables)
    covariance = sharing_covariance(tables, estimates)
    assert covariance is not None
    assert [SHARED] * 3 == pytest.approx(list(covariance[np.triu_indices(3, 1)]), rel=1e-12)
    y = np.array([one.value for one in estimates])
    fixed, random = by_hand(y, covariance)
    alone, together = sharing_compared(tables, estimates, method="DL")
    assert random[1] == pytest.approx(together.pooled.std_error, rel=1e-9)
    assert fixed[2] == pytest.approx(together.pooled.heterogeneity.q, rel=1e-12)
    assert alone.pooled.std_error < together.pooled.std_error


def test_assumed_correlations_are_each_tried():
    """Heart disease and stroke in the same 766 women, whose events were not counted."""
    tables = select_tables(TABLES, ("hallum_2021_ihd", "hallum_2021_stroke"))
    estimates = published_effects(tables)
    with pytest.raises(NotEstimableError, match="counts are unknown"):
        sharing_covariance(tables, estimates)
    found = sharing_compared(tables, estimates, method="DL", correlations=(0.2, 0.6))
    assert [(0.0, 0.0), (0.2, 0.2), (0.6, 0.6)] == [pytest.approx(one.correlation) for one in found]
    y = np.array([math.log(0.44), math.log(0.8)])
    variances = [printed((0.44, 0.23, 0.83))[1], printed((0.8, 0.46, 1.41))[1]]
    v = np.diag(variances) + 0.6 * math.sqrt(math.prod(variances)) * (1 - np.eye(2))
    assert by_hand(y, v)[1][1] == pytest.approx(found[2].pooled.std_error, rel=1e-9)
    first = sharing_covariance(tables, estimates, (0.2, 0.6))
    assert first is not None
    assert 0.2 * math.sqrt(math.prod(variances)) == pytest.approx(first[0, 1])


def test_tables_that_share_nothing_are_left_alone():
    """Two American tables of systemic sclerosis."""
    tables = select_tables(TABLES, ("artlett_1998", "evans_1999"))
    estimates = crude_odds_ratios(tables)
    assert not share_comparison(tables)
    assert not share_population(tables)
    assert sharing_covariance(tables, estimates) is None
    assert () == sharing_compared(tables, estimates, method="DL")


def test_the_correlation_only_widens_where_all_point_one_way():
    """Positive correlation, equal variances: the variance grows by (1 + (k - 1) r)."""
    tables = select_tables(TABLES, DANISH)
    estimates = published_effects(tables)
    covariance = sharing_covariance(tables, estimates, (0.5,))
    plain, together = (pool(estimates, method="FE", covariance=one) for one in (None, covariance))
    ratio = (together.std_error / plain.std_error) ** 2
    assert 2.0 == pytest.approx(ratio, abs=0.02)  # the three variances differ by 12 %


@pytest.mark.parametrize(
    ("positive", "tested"), [(6, 8), (0, 10), (10, 10), (12, 31), (1, 1), (545, 766)]
)
def test_exact_shares_leave_their_tails(positive, tested):
    """Clopper and Pearson: at the lower limit P(X >= x) = 0.025, at the upper P(X <= x) = 0.025."""
    got = exact_proportion(positive, tested)
    assert positive / tested == got.estimate
    if positive > 0:
        assert 0.025 == pytest.approx(binom.sf(positive - 1, tested, got.conf_low), rel=1e-9)
    else:
        assert 0.0 == got.conf_low
    if positive < tested:
        assert 0.025 == pytest.approx(binom.cdf(positive, tested, got.conf_high), rel=1e-9)
    else:
        assert 1.0 == got.conf_high


def test_none_of_ten_by_hand():
    """The upper limit solves (1 - p)^10 = 0.025."""
    assert 1 - 0.025**0.1 == pytest.approx(exact_proportion(0, 10).conf_high, rel=1e-12)


@pytest.mark.parametrize(("positive", "tested"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(positive, tested):
    with pytest.raises(SchemaError, match="expected 0 or more positive"):
        exact_proportion(positive, tested)
