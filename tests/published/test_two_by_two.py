"""Large-sample measures of one 2x2 table.

Numbers: `twobytwo_exact_oswego` (R 4.2.2; Oswego outbreak, 14 foods), tolerance of the file.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyses.pooling.exact import fisher_test
from analyses.pooling.two_by_two import (
    TwoByTwo,
    mantel_haenszel_chi_square,
    odds_ratio,
    pearson_chi_square,
    risk_difference,
    risk_ratio,
    yates_chi_square,
)
from cohort.errors import CohortError, NotEstimableError, SchemaError
from tests.published.reference import rows, same, stored

OSWEGO, RTOL = stored("twobytwo_exact_oswego")
COUNTS = st.integers(1, 400)
TABLES = st.builds(TwoByTwo, COUNTS, COUNTS, COUNTS, COUNTS)


def food_table(food):
    cells = [0, 0, 0, 0]
    for row in rows("oswego"):
        if row[food] != "":
            cells[2 * (row[food] == "N") + (row["ill"] == "N")] += 1
    return TwoByTwo(*cells)


def same_limits(expected, got, std_error):
    scale = got.std_error if got.log_estimate is None else 0.0
    same(expected["est"], got.estimate, RTOL, scale=scale, what="estimate")
    same(expected[std_error], got.std_error, RTOL, what="standard error")
    same(expected["lower"], got.conf_low, RTOL, scale=scale, what="lower")
    same(expected["upper"], got.conf_high, RTOL, scale=scale, what="upper")


@pytest.mark.parametrize("food", sorted(OSWEGO))
def test_oswego_measures_equal_r(food):
    """Estimate, standard error and both limits of OR, RR and RD, from the records themselves."""
    table, wald = food_table(food), OSWEGO[food]["wald"]
    assert OSWEGO[food]["cells_a_b_c_d"] == list(table.cells)
    same_limits(wald["OR"], odds_ratio(table), "se_log")
    same_limits(wald["RR"], risk_ratio(table), "se_log")
    same_limits(wald["RD"], risk_difference(table), "se")


@pytest.mark.parametrize("food", sorted(OSWEGO))
def test_oswego_chi_squares_equal_r(food):
    """Pearson, Mantel-Haenszel and Yates (R's `chisq.test`), and Pearson's p-value."""
    table, stored_food = food_table(food), OSWEGO[food]
    pearson = pearson_chi_square(table)
    same(stored_food["wald"]["pearson_chisq"], pearson.statistic, RTOL)
    same(stored_food["wald"]["mh_chisq"], mantel_haenszel_chi_square(table).statistic, RTOL)
    # R's corrected statistic is 1e-31 for rounding alone where the deviation is below one half.
    same(stored_food["chisq_yates"], yates_chi_square(table).statistic, RTOL, scale=1e-9)
    same(stored_food["midp"]["p_values"]["chi.square"], pearson.p_value, RTOL)


def test_woolf_by_hand():
    """Counts 10, 20, 30, 40: OR 400/600, variance 1/10 + 1/20 + 1/30 + 1/40, z 1.959964."""
    got = odds_ratio(TwoByTwo(10, 20, 30, 40))
    std_error = math.sqrt(0.1 + 0.05 + 1 / 30 + 0.025)
    assert 2 / 3 == pytest.approx(got.estimate, rel=1e-14)
    assert std_error == pytest.approx(got.std_error, rel=1e-14)
    assert (2 / 3) * math.exp(-1.959963984540054 * std_error) == pytest.approx(got.conf_low)
    assert (2 / 3) * math.exp(1.959963984540054 * std_error) == pytest.approx(got.conf_high)


def test_an_empty_cell_is_never_corrected_in_silence():
    """Without a correction it is refused, naming the cell; with one the note says so."""
    table = TwoByTwo(10, 0, 18, 10)
    for measure in (odds_ratio, risk_ratio):
        with pytest.raises(NotEstimableError, match=r"no exposed non-cases.*one-sided exact limit"):
            measure(table)
    got = odds_ratio(table, zero_cell_correction=0.5)
    assert "0.5 added to all four counts" in got.note
    # Haldane by hand: 10.5 x 10.5 / (0.5 x 18.5); the evidence compilation has 11.919 (0.632 to
    # 224.652) for this table of Kuroki 2002, with 1.96 for the normal quantile.
    assert 10.5 * 10.5 / (0.5 * 18.5) == pytest.approx(got.estimate, rel=1e-13)
    assert (0.632, 224.652) == pytest.approx((got.conf_low, got.conf_high), rel=1e-3)


def test_a_correction_leaves_full_tables_alone():
    """It is added when, and only when, a cell is empty."""
    table = TwoByTwo(5, 30, 20, 27)
    assert odds_ratio(table) == odds_ratio(table, zero_cell_correction=0.5)


@given(TABLES)
def test_swapping_the_groups_inverts_the_odds_ratio(table):
    """Exposed for unexposed: 1/OR, limits inverted; cases for non-cases: the same."""
    a, b, c, d = table.cells
    got = odds_ratio(table)
    for swapped in (TwoByTwo(c, d, a, b), TwoByTwo(b, a, d, c)):
        other = odds_ratio(swapped)
        assert 1 / got.estimate == pytest.approx(other.estimate, rel=1e-12)
        assert 1 / got.conf_high == pytest.approx(other.conf_low, rel=1e-12)
        assert 1 / got.conf_low == pytest.approx(other.conf_high, rel=1e-12)
        assert got.p_value == pytest.approx(other.p_value, rel=1e-9)


@given(TABLES, st.integers(2, 50))
def test_a_table_times_k_keeps_the_estimate_and_shrinks_the_error(table, times):
    """All counts times k: same OR and RD, standard error over sqrt(k), chi-square times k."""
    larger = TwoByTwo(*(times * cell for cell in table.cells))
    one, many = odds_ratio(table), odds_ratio(larger)
    assert one.estimate == pytest.approx(many.estimate, rel=1e-12)
    assert one.std_error == pytest.approx(many.std_error * math.sqrt(times), rel=1e-12)
    expected = times * pearson_chi_square(table).statistic
    assert expected == pytest.approx(pearson_chi_square(larger).statistic, rel=1e-9, abs=1e-12)


@given(TABLES)
def test_rare_outcomes_bring_the_ratios_together(table):
    """With a thousand-fold more non-cases OR and RR agree to the risk itself."""
    a, b, c, d = table.cells
    rare = TwoByTwo(a, 10_000 * (a + b), c, 10_000 * (c + d))
    assert odds_ratio(rare).estimate == pytest.approx(risk_ratio(rare).estimate, rel=1e-3)


@pytest.mark.parametrize("cells", [(-1, 2, 3, 4), (1.5, 2, 3, 4), (True, 2, 3, 4), ("5", 2, 3, 4)])
def test_counts_that_are_not_counts_are_refused(cells):
    """Negative, fractional, boolean, text."""
    with pytest.raises(SchemaError, match="exposed_cases"):
        TwoByTwo(*cells)


def test_a_table_of_nobody_is_refused():
    """All four counts 0."""
    with pytest.raises(SchemaError, match="at least one person"):
        TwoByTwo(0, 0, 0, 0)


@pytest.mark.parametrize("cells", [(0, 0, 3, 4), (1, 2, 0, 0), (0, 2, 0, 4), (1, 0, 3, 0)])
def test_an_empty_margin_holds_no_information(cells):
    """Every measure and test refuses, corrected or not."""
    table = TwoByTwo(*cells)
    for measure in (pearson_chi_square, yates_chi_square, fisher_test):
        with pytest.raises(NotEstimableError, match="no information"):
            measure(table)
    with pytest.raises(NotEstimableError, match="no information"):
        odds_ratio(table, zero_cell_correction=0.5)
    with pytest.raises(NotEstimableError):
        risk_difference(table)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, math.nan])
def test_a_confidence_level_is_a_share(level):
    """95 for 0.95 is the usual slip."""
    with pytest.raises(SchemaError, match=r"such as 0\.95"):
        odds_ratio(TwoByTwo(1, 2, 3, 4), conf_level=level)


@pytest.mark.parametrize("correction", [0.0, -0.5, math.inf, math.nan])
def test_a_correction_is_above_0(correction):
    """Zero, negative or infinite corrections are refused even where none is needed."""
    with pytest.raises(CohortError, match="zero_cell_correction"):
        odds_ratio(TwoByTwo(1, 2, 3, 4), zero_cell_correction=correction)
