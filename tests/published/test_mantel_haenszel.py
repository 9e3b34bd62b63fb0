"""Stratified 2x2 tables against R.

Numbers: `mantel_haenszel_strata` (leprosy and BCG by age; oesophageal cancer and alcohol by age),
tolerance of the file; both have tables with an empty cell.
"""

import pytest

from analyses.pooling.mantel_haenszel import (
    breslow_day_test,
    cochran_mantel_haenszel_test,
    homogeneity_test,
    mantel_haenszel_odds_ratio,
    mantel_haenszel_risk_difference,
    mantel_haenszel_risk_ratio,
    peto_estimate,
)
from analyses.pooling.two_by_two import TwoByTwo, odds_ratio, risk_difference, risk_ratio
from cohort.errors import NotEstimableError
from tests.published.reference import same, stored

STRATA, RTOL = stored("mantel_haenszel_strata")


def tables_of(cells):
    numbers = cells["column_major"]
    fours = [numbers[place : place + 4] for place in range(0, len(numbers), 4)]
    return [TwoByTwo(a, b, c, d) for a, c, b, d in fours]


LEPROSY, OESOPHAGUS = tables_of(STRATA["lep_cells"]), tables_of(STRATA["esoph_cells"])


@pytest.mark.parametrize(
    ("tables", "name"), [(LEPROSY, "lep_bcg_by_age"), (OESOPHAGUS, "esoph")], ids=["lep", "esoph"]
)
def test_common_measures_equal_r(tables, name):
    """OR (Robins-Breslow-Greenland), RR (Greenland-Robins), RD (Sato), CMH with and without."""
    expected = STRATA[name]
    for key, variance, got in (
        ("OR_MH", "var_log_RBG", mantel_haenszel_odds_ratio(tables)),
        ("RR_MH", "var_log_GR", mantel_haenszel_risk_ratio(tables)),
    ):
        same(expected[key]["est"], got.estimate, RTOL)
        same(expected[key][variance], got.std_error**2, RTOL)
        same(expected[key]["lower"], got.conf_low, RTOL)
        same(expected[key]["upper"], got.conf_high, RTOL)
    difference = mantel_haenszel_risk_difference(tables)
    same(expected["RD_MH"]["est"], difference.estimate, RTOL)
    same(expected["RD_MH"]["var_sato"], difference.std_error**2, RTOL)
    plain = cochran_mantel_haenszel_test(tables, continuity_correction=False)
    corrected = cochran_mantel_haenszel_test(tables, continuity_correction=True)
    same(expected["CMH_chisq_uncorrected"], plain.statistic, RTOL)
    same(expected["CMH_chisq_corrected"], corrected.statistic, RTOL)


def test_homogeneity_equals_r():
    """Breslow-Day and Tarone, leprosy tables without an empty cell."""
    full = [table for table in LEPROSY if not table.has_empty_cell]
    expected = STRATA["lep_homogeneity_nonzero"]
    plain, tarone = breslow_day_test(full, tarone=False), breslow_day_test(full)
    same(expected["breslow_day"], plain.statistic, RTOL)
    same(expected["tarone_corrected"], tarone.statistic, RTOL)
    assert expected["df"] == tarone.df == plain.df


def test_one_table_is_itself():
    """With a single table the common measures are the crude ones."""
    table = TwoByTwo(12, 146, 22, 117)
    pairs = (
        (odds_ratio(table), mantel_haenszel_odds_ratio([table])),
        (risk_ratio(table), mantel_haenszel_risk_ratio([table])),
        (risk_difference(table), mantel_haenszel_risk_difference([table])),
    )
    for crude, common in pairs:
        assert crude.estimate == pytest.approx(common.estimate, rel=1e-12)
    # Only the odds ratio's variance is the crude one then (Robins et al. 1986).
    assert pairs[0][0].std_error == pytest.approx(pairs[0][1].std_error, rel=1e-12)


def test_swapping_the_groups_inverts_the_common_odds_ratio():
    """Exposed for unexposed in every table."""
    swapped = [TwoByTwo(c, d, a, b) for a, b, c, d in (table.cells for table in LEPROSY)]
    got, other = mantel_haenszel_odds_ratio(LEPROSY), mantel_haenszel_odds_ratio(swapped)
    assert 1 / got.estimate == pytest.approx(other.estimate, rel=1e-12)
    assert got.std_error == pytest.approx(other.std_error, rel=1e-12)


@pytest.mark.parametrize("bad", [TwoByTwo(0, 5, 0, 7), TwoByTwo(0, 0, 3, 4), TwoByTwo(2, 0, 3, 0)])
def test_a_table_without_information_is_refused_by_number(bad):
    """An empty margin: the caller leaves it out in the open."""
    for measure in (
        mantel_haenszel_odds_ratio,
        mantel_haenszel_risk_ratio,
        mantel_haenszel_risk_difference,
        breslow_day_test,
    ):
        with pytest.raises(NotEstimableError, match="table 2 has no"):
            measure([LEPROSY[0], bad])
    with pytest.raises(NotEstimableError):
        peto_estimate("one", bad)


def test_what_cannot_be_is_refused():
    """No tables, tables empty on one side, one table for a test between tables."""
    with pytest.raises(NotEstimableError, match="no tables"):
        mantel_haenszel_odds_ratio([])
    with pytest.raises(NotEstimableError, match="0 or infinite"):
        mantel_haenszel_odds_ratio([TwoByTwo(0, 5, 3, 7), TwoByTwo(0, 4, 2, 9)])
    with pytest.raises(NotEstimableError, match="at least two"):
        breslow_day_test([LEPROSY[0]])
    with pytest.raises(NotEstimableError, match="at least two"):
        homogeneity_test([peto_estimate("one", LEPROSY[0])], 0.0)
