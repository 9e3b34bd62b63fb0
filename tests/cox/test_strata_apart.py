"""Strata whose hazards lie far apart: what all of a stratum share cancels out of its risk sets.

The expected values are those of the same records without what they share, which is arithmetic.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from analyses.cox import residuals, running
from analyses.cox.baseline import Stretch, baseline_hazard, cumulative_hazard
from analyses.cox.concordance import concordance
from analyses.cox.diagnostics import proportional_hazards
from analyses.cox.fit import fit_cox
from analyses.cox.running import up_to_and_before
from analyses.cox.sampled_fit import with_robust
from analyses.cox.slot_sums import lived_loses_digits
from analyses.records import RiskRecords


def stratified(strata, *, late, persons=1500):
    """Records in strata, heavy ties, and two terms."""
    rng = np.random.default_rng(strata + late)
    stratum = np.sort(rng.integers(0, strata, persons))
    entry = rng.integers(0, 8, persons).astype(float) if late else np.full(persons, -np.inf)
    leave = np.maximum(entry, 0) + rng.integers(1, 12, persons)
    weight, codes = rng.choice([0.5, 1.0, 2.25], persons), np.arange(persons)
    records = RiskRecords(
        entry, leave, rng.random(persons) < 0.4, weight, weight, np.zeros(persons), stratum, codes,
        codes // 3,
    )  # fmt: skip
    return records, [rng.normal(size=persons), (rng.random(persons) < 0.3).astype(float)]


def fitted(records, columns):
    return with_robust(fit_cox(records, columns, ("x1", "x2"), "efron"))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("strata", "apart"), [(5, 6.0), (60, 2.0), (400, 2.0)])
def test_an_offset_that_a_stratum_shares_changes_nothing(strata, apart, late):
    """Martingale residuals were off by 1e-10, or came the slow way.

    Standard errors of a term of few strata were off by 1e-7 of themselves in worse worlds.
    """
    records, columns = stratified(strata, late=late)
    columns[0] = np.where(records.stratum < max(strata // 20, 1), columns[0], 0.0)
    known = np.random.default_rng(1).normal(0, apart, strata)[records.stratum]
    plain, moved = fitted(records, columns), fitted(replace(records, offset=known), columns)
    assert not moved.moments().additions_only
    assert moved.beta == pytest.approx(plain.beta, rel=1e-12, abs=1e-13)
    assert moved.std_error == pytest.approx(plain.std_error, rel=1e-13)
    assert moved.model_covariance == pytest.approx(plain.model_covariance, rel=1e-12, abs=1e-16)
    assert residuals.martingale(moved) == pytest.approx(residuals.martingale(plain), abs=1e-13)
    one, other = (proportional_hazards(fit).table["chi_square"] for fit in (moved, plain))
    assert one.to_list() == pytest.approx(other.to_list(), rel=1e-11)


@pytest.mark.parametrize("shape", [(1000,), (1000, 3)])
@pytest.mark.parametrize("most", [1, 200])
def test_running_sums_within_short_and_long_strata(monkeypatch, shape, most):
    monkeypatch.setattr(running, "MOST_STRATA_IN_A_LOOP", most)
    monkeypatch.setattr(running, "LONG", 5)
    rng = np.random.default_rng(2)
    values = 10.0 ** rng.uniform(-12, 12, shape)
    begins = np.concatenate(([0], np.sort(rng.choice(np.arange(1, 1000), 150, False)), [1000]))
    for backwards in (False, True):
        found = running.running(values.copy(), begins, backwards=backwards)
        for begin, end in pairwise(begins):
            way = slice(None, None, -1 if backwards else 1)
            theirs = np.cumsum(values[begin:end][way], axis=0)[way]
            np.testing.assert_allclose(found[begin:end], theirs, rtol=1e-14)
    up_to, before = up_to_and_before(values, begins)
    assert (before[begins[:-1]] == 0.0).all()
    np.testing.assert_allclose(up_to[1:], running.running(values, begins), rtol=0)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [5, 60, 400])
def test_what_a_stratum_shares_in_a_term_changes_nothing(strata, late):
    """Linear predictors of strata a thousand apart overflowed: "no convergence"."""
    records, columns = stratified(strata, late=late)
    columns[0] = np.rint(columns[0] * 2**20) / 2**20  # So that sums with whole numbers are exact.
    shared = np.rint(np.random.default_rng(1).normal(0, 30_000, strata))
    plain = fitted(records, columns)
    moved = fitted(records, [columns[0] + shared[records.stratum], columns[1]])
    assert moved.maximum.converged
    assert moved.beta == pytest.approx(plain.beta, rel=1e-12)
    assert moved.std_error == pytest.approx(plain.std_error, rel=1e-12)
    assert moved.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-13)
    assert moved.score_test.statistic == pytest.approx(plain.score_test.statistic, rel=1e-11)
    assert residuals.martingale(moved) == pytest.approx(residuals.martingale(plain), abs=1e-12)
    assert residuals.dfbeta(moved) == pytest.approx(residuals.dfbeta(plain), abs=1e-13)
    one, other = (proportional_hazards(fit).table["chi_square"] for fit in (moved, plain))
    assert one.to_list() == pytest.approx(other.to_list(), rel=1e-10)
    assert concordance(moved).concordance == concordance(plain).concordance
    last = int(moved.problem.slots.stratum[-1])
    expected, found = (
        np.column_stack(cumulative_hazard(fit, np.arange(20.0), [path], stratum=last))
        for fit, path in (
            (plain, Stretch(-np.inf, np.inf, np.array([0.5, 1.0]))),
            (moved, Stretch(-np.inf, np.inf, np.array([0.5 + shared[last], 1.0]))),
        )
    )
    assert found == pytest.approx(expected, rel=1e-11)


def test_the_baseline_hazard_of_strata_with_terms_far_apart():
    """It is told where all strata were centred alike, however their own terms were."""
    records, columns = stratified(5, late=False)
    shared = np.array([0.0, 50.0, -50.0, 100.0, 25.0])
    plain = baseline_hazard(fitted(records, columns))
    fit = fitted(records, [columns[0] + shared[records.stratum], columns[1]])
    assert fit.apart is not None
    moved = baseline_hazard(fit)
    less = moved.centre - plain.centre - np.column_stack([shared, np.zeros(5)])[moved.stratum]
    factor = np.exp(less @ fit.beta)
    assert moved.hazard == pytest.approx(plain.hazard * factor, rel=1e-11)
    assert moved.variance == pytest.approx(plain.variance * factor**2, rel=1e-11)
    slope = (plain.mean_hazard - plain.hazard[:, None] * less) * factor[:, None]
    assert moved.mean_hazard == pytest.approx(slope, rel=1e-10)


def test_a_stratum_of_little_weight_is_judged_by_itself():
    """What its records would have had before their own time was small beside all other events."""
    begins, hazard = np.array([0, 3, 6]), np.array([1.0, 1.0, 1.0, 1e6, 1.0, 1.0])
    entered, events = np.array([3.0, 0.0, 0.0, 0.0, 1.0, 1.0]), np.array([1e9, 1, 1, 1, 1, 1])
    assert lived_loses_digits(begins, entered, hazard, events)
    assert not lived_loses_digits(begins, entered, np.minimum(hazard, 1.0), events)
    assert not lived_loses_digits(begins, entered[[3, 4, 5, 0, 1, 2]], hazard, events)
