"""Columns are centred and scaled by a part of the rows, and by all where that is not enough."""

from dataclasses import replace

import numpy as np
import pytest

from analyses.cox.baseline import baseline_hazard
from analyses.cox.fit import fit_cox
from analyses.cox.partial_likelihood import moments
from analyses.cox.residuals import martingale
from analyses.cox.standardised import standardised
from cohort.errors import NotEstimableError
from tests.cox.worlds import draw, records_of

ROWS = 100_000


def awkward(kind):
    """A column whose mean or spread a part of the rows may not tell."""
    rng = np.random.default_rng(5)
    normal = rng.normal(size=ROWS)
    far_apart = {
        "plain": normal,
        "far from 0": normal + 1e6,
        "rare": (rng.random(ROWS) < 1e-4).astype(float),
        "one row": np.where(np.arange(ROWS) == 1_000, 1.0, 0.0),
        "in order": np.sort(normal),
        "heavy tails": rng.standard_cauchy(ROWS) * 1e-3,
        "in runs": np.repeat(rng.normal(size=ROWS // 1_000), 1_000),
        "large": normal * 1e100,
    }
    return far_apart[kind]


KINDS = ("plain", "far from 0", "rare", "one row", "in order", "heavy tails", "in runs", "large")


@pytest.mark.parametrize("all_kept", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_about_0_and_1_and_the_same_numbers(kind, all_kept):
    column = awkward(kind)
    kept = np.ones(ROWS, dtype=bool) if all_kept else np.arange(ROWS) % 50 != 7
    one = np.zeros(ROWS, dtype=np.int64)
    terms, centre, scale, _ = standardised([column, np.full(ROWS, 0.1)], kept, one)
    assert abs(terms[:, 0].mean()) < 0.11
    assert terms[:, 0].std() == pytest.approx(1.0, abs=0.11)
    back = terms[:, 0] * scale[0] + centre[0]
    np.testing.assert_allclose(back, column[kept], rtol=0, atol=3e-15 * np.abs(column).max())
    assert (terms[:, 1] == 0.0).all()
    assert scale[1] == 1.0
    assert centre[1] == pytest.approx(0.1, rel=1e-15)


@pytest.mark.parametrize("rows", [1_500, ROWS])
@pytest.mark.parametrize("place", [7, 1_000])
def test_one_value_far_out_does_not_move_the_centre_of_the_others(rows, place):
    """Squares of a common distance from the centre drowned the spread: 1e-7 of standard errors."""
    column = np.random.default_rng(6).normal(size=rows)
    column[place] = 1e8
    everybody = np.ones(rows, dtype=bool)
    found = standardised([column], everybody, np.zeros(rows, dtype=np.int64))
    others = np.delete(found.terms[:, 0], place)
    assert abs(others.mean()) < others.std()
    assert found.terms.std() == pytest.approx(1.0, abs=0.11)


def test_residuals_are_those_at_the_maximum():
    """With MANY records a variance is made one step before it; residuals and hazards are not."""
    data = draw(5, late=True, weights="one", strata=False, clusters=False, offset=False,
                several=False, persons=200)  # fmt: skip
    own = records_of(data)
    fit = fit_cox(own, data.terms.T, ("x1", "x2"), "efron")
    quick = replace(fit.maximum, at=moments(fit.problem, fit.maximum.beta * 0.9), exactly=False)
    late = replace(fit, maximum=quick)
    assert martingale(late) == pytest.approx(martingale(fit), abs=1e-12)
    assert baseline_hazard(late).hazard == pytest.approx(baseline_hazard(fit).hazard, rel=1e-12)


def test_a_column_whose_squares_are_no_numbers_is_refused():
    """It was called a combination of the others, or the offsets were blamed."""
    options = {"late": True, "strata": False, "offset": False, "several": False, "clusters": False}
    data = draw(3, weights="two", persons=60, **options)
    data.terms[:, 0] *= 1e160
    with pytest.raises(NotEstimableError, match="values of x1 are so large"):
        fit_cox(records_of(data), data.terms.T, ("x1", "x2"), "efron")
