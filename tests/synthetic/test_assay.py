"""Sensitivity and specificity follow from the wells; nobody sets them."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, norm

from synthetic.document.sections import Assay, Level
from synthetic.life.assay import (
    positive_probability,
    positive_wells,
    sensitivity,
    specificity,
    well_probability,
)


def _assay(wells=10, contamination=0.004, need=1, dna=1e6, amplification=1.0):
    return Assay(dna, wells, amplification, contamination, need)


@pytest.mark.parametrize(("need", "expected"), [(1, 0.9607), (2, 0.9993)])
def test_specificity(need, expected):
    """methods.md 2.2: contamination 0.004, 10 wells: 0.961; two wells needed: 0.9993."""
    assert expected == pytest.approx(specificity(_assay(need=need)), abs=5e-5)


def test_sensitivity_is_the_average_over_levels():
    """Against quadrature over the lognormal level, one positive well needed."""
    level, assay = Level(1.0, 0.6), _assay(dna=2e5)

    def detected(z: float) -> float:
        copies = 10 ** (0.6 * z) * 1e-6 * 2e5
        return (1 - (1 - 0.004) ** 10 * np.exp(-copies)) * norm.pdf(z)

    expected, _ = quad(detected, -9, 9)
    # Midpoints of 2,000 quantiles: the two differ by their discretisation only.
    assert expected == pytest.approx(sensitivity(assay, level), abs=2e-5)


def test_low_levels_are_missed():
    """methods.md 4.3: 1 per million and 2e5 genomes are 0.2 copies: about 0.18 without noise."""
    assay = _assay(contamination=0.0, dna=2e5)
    assert 1 - np.exp(-0.2) == pytest.approx(sensitivity(assay, Level(1.0, 0.0)), abs=1e-12)


@pytest.mark.parametrize("well", [0.0, 0.004, 0.3, 0.97, 1.0])
def test_wells_are_binomial(well):
    """The inverse distribution function of scipy, draw by draw."""
    uniform = (np.arange(5000) + 0.5) / 5000
    drawn = positive_wells(_assay(), np.full(5000, well), uniform)
    assert np.array_equal(binom.ppf(uniform, 10, well).astype(int), drawn)


def test_probability_of_a_positive_sample():
    well = well_probability(_assay(need=2), np.array([0.0, 3.0]), 1.0)
    contamination = 0.004
    assert contamination == pytest.approx(well[0])
    expected = 1 - binom.cdf(1, 10, well)
    assert expected == pytest.approx(positive_probability(_assay(need=2), well), rel=1e-12)
