"""A term that varies in the data but in no risk set: rounding error is no information."""

from dataclasses import replace

import numpy as np
import pytest

from analyses.cox.fit import fit_cox
from tests.cox.worlds import draw, records_of


@pytest.mark.parametrize("seed", range(40))
def test_a_term_constant_within_strata_is_aliased(seed):
    draws = np.random.default_rng(seed)
    data = draw(seed, late=bool(seed % 2), weights=("none", "one", "two")[seed % 3], strata=False,
                clusters=False, offset=False, several=False, persons=60)  # fmt: skip
    records = records_of(data)
    stratum = draws.integers(0, 5, records.size)
    records = replace(records, stratum=stratum)
    term = draws.normal(size=5)[stratum][:, None]
    fit = fit_cox(records, term.T, ("x",), "efron")
    assert fit.aliased.tolist() == [True]
