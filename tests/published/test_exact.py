"""Exact inference in one 2x2 table.

Numbers: `cmle_midp_exact_roots` (roots solved to 1e-13 in R 4.2.2), tolerance of the file.
`twobytwo_exact_oswego`: p-values to that file's tolerance; its conditional odds ratios and limits
come from R's uniroot at 1.2e-4 and are compared to 1e-3 only, as its note says.
"""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyses.pooling.exact import (
    exact_odds_ratio,
    fisher_test,
    median_unbiased_odds_ratio,
    midp_odds_ratio,
)
from analyses.pooling.two_by_two import TwoByTwo, odds_ratio
from cohort.errors import NotEstimableError, SchemaError
from tests.published.reference import number, same, stored

ROOTS, ROOT_RTOL = stored("cmle_midp_exact_roots")
OSWEGO, OSWEGO_RTOL = stored("twobytwo_exact_oswego")
UNIROOT = 1e-3
COUNTS = st.integers(1, 60)
TABLES = st.builds(TwoByTwo, COUNTS, COUNTS, COUNTS, COUNTS)
FEW = st.integers(1, 12)
SMALL_TABLES = st.builds(TwoByTwo, FEW, FEW, FEW, FEW)


@pytest.mark.parametrize("name", sorted(ROOTS))
def test_exact_roots_equal_r(name):
    """Conditional estimate, exact and mid-p limits, and every p-value."""
    expected = ROOTS[name]
    table = TwoByTwo(*expected["cells"])
    exact, midp, test = exact_odds_ratio(table), midp_odds_ratio(table), fisher_test(table)
    pairs = {
        "estimate": (expected["cmle"], exact.estimate),
        "mid-p estimate": (expected["cmle"], midp.estimate),
        "exact low": (expected["exact"]["lower"], exact.conf_low),
        "exact high": (expected["exact"]["upper"], exact.conf_high),
        "mid-p low": (expected["midp"]["lower"], midp.conf_low),
        "mid-p high": (expected["midp"]["upper"], midp.conf_high),
        "p greater": (expected["p_one_sided_upper"], test.p_greater),
        "p less": (expected["p_one_sided_lower"], test.p_less),
        "p twice": (expected["p_twice"], test.p_twice),
        "p mid": (expected["p_midp_twice"], test.p_midp),
        "p Fisher": (expected["p_fisher"], test.p_value),
    }
    for what, (stored_value, got) in pairs.items():
        same(stored_value, got, ROOT_RTOL, what=what)
    assert exact.p_value == test.p_twice
    assert midp.p_value == test.p_midp


@pytest.mark.parametrize("food", sorted(OSWEGO))
def test_oswego_p_values_equal_r(food):
    """`fisher.test` two-sided, less and greater; epitools' mid-p."""
    expected = OSWEGO[food]
    test = fisher_test(TwoByTwo(*expected["cells_a_b_c_d"]))
    same(expected["fisher"]["p"], test.p_value, OSWEGO_RTOL)
    same(expected["fisher"]["p_less"], test.p_less, OSWEGO_RTOL)
    same(expected["fisher"]["p_greater"], test.p_greater, OSWEGO_RTOL)
    same(expected["midp"]["p_values"]["midp.exact"], test.p_midp, OSWEGO_RTOL)


@pytest.mark.parametrize("food", sorted(OSWEGO))
def test_oswego_fisher_limits_agree_with_r_as_far_as_r_goes(food):
    """To 1e-3; but R has 138.865 for vanilla's upper limit, whose exact root is 138.393."""
    expected = OSWEGO[food]["fisher"]
    got = exact_odds_ratio(TwoByTwo(*OSWEGO[food]["cells_a_b_c_d"]))
    same(expected["cmle_or"], got.estimate, UNIROOT)
    same(expected["lower"], got.conf_low, UNIROOT)
    if food == "vanilla.ice.cream":
        # The same table turned over is among the exact roots.
        same(ROOTS["43_3_11_18"]["exact"]["upper"], got.conf_high, ROOT_RTOL)
    else:
        same(expected["upper"], got.conf_high, UNIROOT)


@pytest.mark.parametrize("food", sorted(OSWEGO))
def test_median_unbiased_agrees_with_epitools(food):
    """epitools' "midp" estimate is the median-unbiased one; its root is found to about 1e-4."""
    expected = OSWEGO[food]["midp"]["measure"]["estimate"]
    got = median_unbiased_odds_ratio(TwoByTwo(*OSWEGO[food]["cells_a_b_c_d"]))
    same(expected, got, UNIROOT)


def distribution(table, psi):
    """P(s) of the exposed cases given the margins, in whole-number arithmetic."""
    a, b, c, d = table.cells
    m, n, k = a + b, c + d, a + c
    odds = Fraction(psi)
    terms = {
        s: math.comb(m, s) * math.comb(n, k - s) * odds**s
        for s in range(max(0, k - n), min(k, m) + 1)
    }
    total = sum(terms.values())
    return {s: term / total for s, term in terms.items()}


@given(SMALL_TABLES, st.sampled_from([0.8, 0.95, 0.99]))
def test_limits_leave_their_tails_in_exact_arithmetic(table, level):
    """At our limits fractions of whole numbers give the tails that define them."""
    a, tail = table.exposed_cases, (1 - level) / 2
    got, midp = exact_odds_ratio(table, conf_level=level), midp_odds_ratio(table, conf_level=level)
    at = {
        name: distribution(table, psi)
        for name, psi in (
            ("low", got.conf_low),
            ("high", got.conf_high),
            ("midp high", midp.conf_high),
            ("estimate", got.estimate),
        )
    }
    assert tail == pytest.approx(float(sum(p for s, p in at["low"].items() if s >= a)), rel=1e-10)
    assert tail == pytest.approx(float(sum(p for s, p in at["high"].items() if s <= a)), rel=1e-10)
    below = sum(p for s, p in at["midp high"].items() if s < a) + at["midp high"][a] / 2
    assert tail == pytest.approx(float(below), rel=1e-10)
    assert a == pytest.approx(float(sum(s * p for s, p in at["estimate"].items())), rel=1e-10)


@given(TABLES)
def test_swapping_the_groups_inverts_the_exact_interval(table):
    """1/estimate and inverted limits; p-values unchanged."""
    a, b, c, d = table.cells
    got, other = exact_odds_ratio(table), exact_odds_ratio(TwoByTwo(c, d, a, b))
    assert 1 / got.estimate == pytest.approx(other.estimate, rel=1e-9)
    assert 1 / got.conf_high == pytest.approx(other.conf_low, rel=1e-9)
    assert 1 / got.conf_low == pytest.approx(other.conf_high, rel=1e-9)
    assert got.p_value == pytest.approx(other.p_value, rel=1e-9)


@given(TABLES)
def test_midp_lies_inside_exact_and_the_estimate_inside_both(table):
    """The mid-p interval is never wider, and a p-value below 5 % goes with limits beyond 1."""
    exact, midp = exact_odds_ratio(table), midp_odds_ratio(table)
    assert exact.conf_low <= midp.conf_low <= exact.estimate
    assert exact.estimate <= midp.conf_high <= exact.conf_high
    for one in (exact, midp):
        if abs(one.p_value - 0.05) > 1e-9:
            assert (one.p_value < 0.05) == (one.conf_low > 1 or one.conf_high < 1)


def test_large_counts_agree_with_woolf():
    """With ten thousand in each cell the exact and the large-sample limits are one."""
    table = TwoByTwo(11_000, 10_000, 10_000, 12_000)
    exact, woolf = exact_odds_ratio(table), odds_ratio(table)
    assert woolf.estimate == pytest.approx(exact.estimate, rel=1e-4)
    assert woolf.conf_low == pytest.approx(exact.conf_low, rel=1e-3)
    assert woolf.conf_high == pytest.approx(exact.conf_high, rel=1e-3)


def test_an_empty_cell_gives_a_one_sided_limit_and_says_so():
    """Tables of `cmle_midp_exact_roots` at either end of the range."""
    low = exact_odds_ratio(TwoByTwo(0, 10, 5, 8))
    assert (0.0, 0.0) == (low.estimate, low.conf_low)
    assert low.log_estimate is None
    assert "only the upper limit is informative (one-sided 97.5 %)" in low.note
    high = exact_odds_ratio(TwoByTwo(5, 0, 2, 7))
    assert math.inf == high.estimate == high.conf_high == number("Inf")
    assert "only the lower limit is informative" in high.note
    assert 0.0 == median_unbiased_odds_ratio(TwoByTwo(0, 10, 5, 8))
    assert math.inf == median_unbiased_odds_ratio(TwoByTwo(5, 0, 2, 7))


@pytest.mark.parametrize("method", [exact_odds_ratio, midp_odds_ratio, median_unbiased_odds_ratio])
def test_a_table_without_a_margin_is_refused(method):
    """Given its margins it could not have been otherwise."""
    with pytest.raises(NotEstimableError, match="could not have been otherwise"):
        method(TwoByTwo(0, 5, 0, 7))


def test_the_level_is_checked():
    """95 is not a share."""
    with pytest.raises(SchemaError, match=r"such as 0\.95"):
        exact_odds_ratio(TwoByTwo(1, 2, 3, 4), conf_level=95)
