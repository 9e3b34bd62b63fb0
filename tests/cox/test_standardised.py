"""Columns are centred and scaled by a part of the rows, and by all where that is not enough."""

import numpy as np
import pytest

from analyses.cox.fit import fit_cox
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
    terms, centre, scale = standardised([column, np.full(ROWS, 0.1)], kept)
    assert abs(terms[:, 0].mean()) < 0.11
    assert terms[:, 0].std() == pytest.approx(1.0, abs=0.11)
    back = terms[:, 0] * scale[0] + centre[0]
    np.testing.assert_allclose(back, column[kept], rtol=0, atol=3e-15 * np.abs(column).max())
    assert (terms[:, 1] == 0.0).all()
    assert scale[1] == 1.0
    assert centre[1] == pytest.approx(0.1, rel=1e-15)


def test_a_column_whose_squares_are_no_numbers_is_refused():
    """It was called a combination of the others, or the offsets were blamed."""
    options = {"late": True, "strata": False, "offset": False, "several": False, "clusters": False}
    data = draw(3, weights="two", persons=60, **options)
    data.terms[:, 0] *= 1e160
    with pytest.raises(NotEstimableError, match="values of x1 are so large"):
        fit_cox(records_of(data), data.terms.T, ("x1", "x2"), "efron")
