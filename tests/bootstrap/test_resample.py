"""Resampled fits against fits to records physically repeated, with every option that meets them."""

from itertools import product

import numpy as np
import pytest

from analyses.cox.fit import fit_cox
from analyses.cox.resample import refit_of
from tests.cox.worlds import draw, records_of

SWITCHES = ("late", "strata", "clusters", "offset", "several")
CELLS = [
    dict(zip(("ties", "weights", *SWITCHES), cell, strict=True))
    for cell in product(("breslow", "efron"), ("none", "one", "two"), *[(False, True)] * 5)
]
PERSONS = 40


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_as_if_repeated(cell):
    options = {name: value for name, value in cell.items() if name != "ties"}
    data = draw(11, **options, persons=PERSONS)
    records = records_of(data)
    fit = fit_cox(records, data.terms.T, ("x1", "x2"), cell["ties"])
    unit = records.cluster
    refit = refit_of(fit, unit)
    draws = np.random.default_rng(5)
    for _ in range(3):
        drawn = draws.integers(0, unit.max() + 1, unit.max() + 1)
        copies = np.bincount(drawn, minlength=unit.max() + 1)
        rows = np.repeat(np.arange(records.size), copies[unit])
        repeated = fit_cox(records.where(rows), data.terms[rows].T, ("x1", "x2"), cell["ties"])
        assert repeated.maximum.converged
        # Of a standard error: both climbs end within 1e-12 of one.
        miss = (refit.fit(copies) - repeated.beta) / repeated.std_error
        assert np.abs(miss).max() < 1e-10


def test_a_resample_without_events_has_no_estimate():
    data = draw(11, late=True, weights="none", strata=False, clusters=False, offset=False,
                several=False, persons=PERSONS)  # fmt: skip
    records = records_of(data)
    fit = fit_cox(records, data.terms.T, ("x1", "x2"), "efron")
    copies = (np.bincount(records.person, records.event) == 0).astype(np.int64)
    assert np.isnan(refit_of(fit, records.person).fit(copies)).all()
