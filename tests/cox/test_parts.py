"""Work shared between processors: the same bits for any number, and the same answer in parts."""

from dataclasses import replace

import numpy as np
import pytest

from analyses import parts, records, sums_by_code
from analyses.cox import diagnostics, influence, newton, partial_likelihood, slot_sums, standardised
from analyses.cox.diagnostics import proportional_hazards
from analyses.cox.fit import fit_cox
from analyses.cox.partial_likelihood import information_of
from analyses.cox.sampled_fit import with_robust
from tests.cox.worlds import draw, records_of

ROWS = 7


def make_small(monkeypatch):
    monkeypatch.setattr(parts, "FEWEST", 25)
    for room in (records, influence, partial_likelihood, slot_sums):
        monkeypatch.setattr(room, "BLOCK", ROWS)
    for room in (influence, partial_likelihood):
        monkeypatch.setattr(room, "WIDE", 2 * ROWS)
    for room in (standardised, sums_by_code):
        monkeypatch.setattr(room, "AT_ONCE", ROWS)
    monkeypatch.setattr(standardised, "SOME", 4 * ROWS)
    monkeypatch.setattr(standardised, "RUN", 2)


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 25 records in blocks of 7, so that small data have several of both."""
    make_small(monkeypatch)


def data_of(late=True, **more):
    options = {"strata": True, "offset": True, "several": True, "clusters": True} | more
    return draw(3, late=late, weights="two", persons=60, **options)


def fitted(data, ties="efron", codes=None):
    own = records_of(data)
    fit = fit_cox(own, data.terms.T, ("x1", "x2"), ties)
    return with_robust(fit)


def numbers(fit):
    covariances = [fit.covariance.ravel(), fit.model_covariance.ravel()]
    return np.concatenate([fit.beta, *covariances, [fit.log_likelihood]])


def test_as_many_as_there_is_work_for(small_parts):
    seen = parts.by_parts(110, lambda rows: rows)
    assert [(one.start, one.stop) for one in seen] == [(0, 27), (27, 55), (55, 82), (82, 110)]
    assert len(parts.by_parts(49, lambda rows: rows)) == 1


@pytest.mark.parametrize("processors", [1, 2, 3])
def test_the_same_bits_for_any_number_of_processors(small_parts, monkeypatch, processors):
    monkeypatch.setattr(parts, "_processors", lambda: 1)
    alone = numbers(fitted(data_of()))
    monkeypatch.setattr(parts, "_processors", lambda: processors)
    parts._helpers.cache_clear()
    assert np.array_equal(numbers(fitted(data_of())), alone)
    parts._helpers.cache_clear()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("near", [False, True])
def test_the_same_answer_as_in_one_part(monkeypatch, late, ties, near):
    data = data_of(late)
    if not near:  # Clusters whose members lie far from each other.
        data.cluster[:] = np.random.default_rng(1).permutation(data.cluster)
    whole = numbers(fitted(data, ties))
    make_small(monkeypatch)
    assert numbers(fitted(data, ties)) == pytest.approx(whole, rel=1e-11, abs=1e-14)


def test_a_warning_is_silenced_in_helpers_as_in_the_caller(small_parts, monkeypatch):
    monkeypatch.setattr(parts, "_processors", lambda: 2)
    with np.errstate(all="ignore"):
        found = parts.by_parts(100, lambda rows: np.log(np.zeros(rows.stop - rows.start)).min())
    assert found == [-np.inf] * 4


def test_an_error_in_a_part_is_raised(small_parts):
    def refuse(rows):
        raise ValueError(rows.start)

    with pytest.raises(ValueError, match="0"):
        parts.by_parts(100, refuse)


def test_the_spared_evaluation_costs_no_digit_that_is_promised(monkeypatch):
    """With MANY records the last look is left out; here of 400, over draws that differ in size."""
    data = [draw(seed, late=True, weights="one", strata=False, clusters=False, offset=False,
                 several=False, persons=400, spread=spread)
            for seed, spread in [(1, 0.3), (2, 1.0), (3, 2.0), (4, 0.1)]]  # fmt: skip
    exact = [fitted(one) for one in data]
    monkeypatch.setattr(newton, "MANY", 0)
    quick = [fitted(one) for one in data]
    looks = [one.maximum.iterations for one in exact], [one.maximum.iterations for one in quick]
    assert sum(looks[1]) < sum(looks[0])
    for one, other in zip(exact, quick, strict=True):
        assert np.abs(one.beta - other.beta).max() < 1e-11 * one.std_error.min()
        model = np.diag(other.model_covariance) / np.diag(one.model_covariance)
        assert np.abs(np.sqrt(model) - 1).max() < 2e-10


def test_fits_at_once_in_threads_hold_the_linear_algebra_until_the_last_has_ended():
    """The first to end let it go for all, and the last held it for ever."""
    threads = parts._libraries()

    def held():
        return {one["num_threads"] for one in threads.info() if one["user_api"] == "blas"}

    with threads.limit(limits=2, user_api="blas"):
        before = held()
        first, second = parts.one_thread_each(), parts.one_thread_each()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert held() == {1}
        second.__exit__(None, None, None)
        assert held() == before


def test_tests_of_a_fit_hold_it_too(monkeypatch):
    """The test of proportional hazards had other last digits on another number of processors."""
    seen = []
    threads = parts._libraries()

    def look(problem, at, slot_weight=None):
        seen.extend(one["num_threads"] for one in threads.info() if one["user_api"] == "blas")
        return information_of(problem, at, slot_weight)

    monkeypatch.setattr(diagnostics, "information_of", look)
    with threads.limit(limits=2, user_api="blas"):
        proportional_hazards(fitted(data_of()))
    assert set(seen) == {1}


def test_a_first_step_tells_of_no_change_of_the_information(monkeypatch):
    """Close to 0 from the start, it was the last, however much the information changed by it."""
    monkeypatch.setattr(newton, "MANY", 0)
    problem = fitted(data_of()).problem

    def evaluate(beta):  # A curvature that changes by a thousandth along a step of 1e-6.
        bent = np.exp(1e3 * beta)
        return 1e-6 * beta[0] - (bent[0] - 1e3 * beta[0]) / 1e6, 1e-6 - (bent - 1) / 1e3, bent[None]

    problem = replace(problem, terms=problem.terms[:, :1])
    found = newton.maximise(problem, evaluate)
    assert found.converged
    assert found.information[0, 0] == pytest.approx(np.exp(1e3 * found.beta[0]), rel=1e-9)
