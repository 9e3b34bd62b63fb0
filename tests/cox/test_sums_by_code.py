"""Sums by code are those of a loop, by SciPy's inner routines as without them."""

import numpy as np
import pytest

from analyses import sums_by_code
from analyses.sums_by_code import add_rows, column_sums, counts_of

N, CODES = 2 * sums_by_code.AT_ONCE + 5, 40


@pytest.fixture(params=["with", "without"])
def routines(request, monkeypatch):
    """SciPy as it is, and one that no longer has what it never promised."""
    if request.param == "without":
        monkeypatch.setattr(sums_by_code, "_add_numbers", None)
        monkeypatch.setattr(sums_by_code, "_add_rows", None)
    else:
        assert sums_by_code._add_numbers is not None
        assert sums_by_code._add_rows is not None


def data(n):
    rng = np.random.default_rng(n)
    return rng.integers(0, CODES, n), rng.normal(size=n), rng.normal(size=(n, 3))


@pytest.mark.parametrize("n", [0, 1, 300, N])
def test_sums_of_a_loop(routines, n):
    codes, weights, rows = data(n)
    counts, sums = np.zeros(CODES + 2), np.zeros((CODES + 2, 3))
    for code, weight, row in zip(codes, weights, rows, strict=True):
        counts[code] += weight
        sums[code] += weight * row
    np.testing.assert_allclose(counts_of(codes, weights, CODES + 2), counts, rtol=0, atol=1e-11)
    np.testing.assert_allclose(column_sums(codes, weights, rows, CODES + 2), sums, atol=1e-11)
    add_rows(sums, codes, -weights, rows)
    np.testing.assert_allclose(sums, 0.0, atol=1e-11)


def test_rows_that_do_not_lie_side_by_side(routines):
    codes, weights, rows = data(300)
    whole = column_sums(codes, weights, rows, CODES)
    np.testing.assert_allclose(
        column_sums(np.repeat(codes, 2)[::2], np.repeat(weights, 2)[::2], rows[:, ::2], CODES),
        whole[:, ::2],
        rtol=0,
        atol=1e-12,
    )
