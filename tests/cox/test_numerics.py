"""Where arithmetic loses digits: cancellation, overflow, tiny risk sets, many strata."""

from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest

from analyses.cox.concordance import concordance
from analyses.cox.fit import fit_cox
from analyses.cox.partial_likelihood import Problem, derivatives, moments
from analyses.cox.sampled_fit import with_robust
from analyses.cox.slot_sums import risk_sums, sums_while_at_risk
from analyses.cox.slots import slots_of
from cohort.errors import ConvergenceError
from tests.cox import brute
from tests.cox.worlds import draw, records_of

PLAIN = {"weights": "none", "strata": False, "clusters": False, "offset": False, "several": False}


def fit_of(data, ties="efron"):
    return fit_cox(records_of(data), data.terms.T, ("x1", "x2"), ties)


def same_fit(one, other, rel=1e-9):
    assert one.beta == pytest.approx(other.beta, rel=rel)
    assert one.std_error == pytest.approx(other.std_error, rel=rel)


def exact_log_likelihood(data, beta, ties):
    """The loops again in decimal numbers of 60 digits."""
    with localcontext() as context:
        context.prec = 60
        exact = [[Decimal(float(x)) for x in row] for row in data.terms]
        coefficients = [Decimal(float(b)) for b in beta]
        eta = [
            sum((x * b for x, b in zip(row, coefficients, strict=True)), Decimal(float(known)))
            for row, known in zip(exact, data.offset, strict=True)
        ]
        risk = [Decimal(float(w)) * e.exp() for w, e in zip(data.risk_weight, eta, strict=True)]
        total = Decimal(0)
        for _, _, at_risk, dead in brute.risk_sets(data):
            s0, d0 = sum(risk[i] for i in at_risk), sum(risk[i] for i in dead)
            weights = [Decimal(float(data.event_weight[i])) for i in dead]
            total += sum(w * eta[i] for w, i in zip(weights, dead, strict=True))
            for k in range(len(dead)):
                share = Decimal(k) / len(dead) if ties == "efron" else 0
                total -= sum(weights) / len(dead) * (s0 - share * d0).ln()
        return total


def heavy_leavers(power, late):
    """Persons with hazards e^power times the others' leave early; small risk sets come after."""
    data = draw(3, late=late, persons=40, **PLAIN)
    data.terms[:8, 0] += power
    exits = data.exit.copy()
    exits[:8] = data.entry[:8].clip(min=0) + 1
    return replace(data, exit=exits)


@pytest.mark.parametrize("late", [False, True], ids=["from the origin", "late entry"])
@pytest.mark.parametrize("power", [0, 12, 30, 40])
@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_small_risk_sets_after_a_large_mass_has_passed(power, late, ties):
    data = heavy_leavers(power, late)
    records = records_of(data)
    slots = slots_of(records)
    keep = slots.active
    problem = Problem(records.where(keep), slots.of_active(), data.terms[keep], ties)
    beta = np.array([1.0, 0.3])
    value, score, information = derivatives(problem, moments(problem, beta))
    exact = exact_log_likelihood(data, beta, ties)
    assert abs(value - float(exact)) <= 1e-10 * abs(float(exact))
    assert score == pytest.approx(brute.complex_score(data, beta, ties), rel=1e-8, abs=1e-8)
    theirs = brute.information(data, beta, ties)
    assert information == pytest.approx(theirs, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("strata", [1, 3, 300])
def test_tree_running_sums_and_lists_agree(late, strata):
    """The three ways to sum over risk sets and over time at risk, against lists of members."""
    rng = np.random.default_rng(strata + late)
    data = draw(5, late=late, persons=900 if strata > 10 else 60, **PLAIN)
    data = replace(data, stratum=np.arange(data.exit.size, dtype=np.int64) % strata)
    records = records_of(data)
    slots = slots_of(records)
    keep = slots.active
    slots, records = slots.of_active(), records.where(keep)
    mass = rng.uniform(0.5, 2.0, records.size)
    columns = rng.normal(size=(records.size, 2))
    lists = [
        [i for i in range(records.size) if slots.first[i] <= k < slots.past[i]]
        for k in range(slots.count)
    ]
    s0, s1, _, by_tree = risk_sums(slots, mass, columns)
    assert not by_tree
    lone = mass.copy()
    for stratum in np.unique(records.stratum):  # A large mass leaves early, another enters late.
        mine = records.stratum == stratum
        gone = slots.past == slots.past[mine].min()
        to_come = slots.first == slots.first[mine].max()
        lone[mine & (gone | to_come)] *= 1e9
    t0, t1, _, by_tree = risk_sums(slots, lone, columns)
    assert by_tree or not late
    for k, members in enumerate(lists):
        assert s0[k] == pytest.approx(mass[members].sum(), rel=1e-12)
        assert s1[k] == pytest.approx(mass[members] @ columns[members], rel=1e-10, abs=1e-12)
        assert t0[k] == pytest.approx(lone[members].sum(), rel=1e-9)
        assert t1[k] == pytest.approx(lone[members] @ columns[members], rel=1e-6, abs=1e-7)
    values = rng.normal(size=(slots.count, 2))
    for additions_only in (False, True):
        sums = sums_while_at_risk(slots, values, additions_only=additions_only)
        for i in range(records.size):
            ours = values[slots.first[i] : slots.past[i]].sum(axis=0)
            assert sums[i] == pytest.approx(ours, rel=1e-10, abs=1e-10)


def test_risk_sets_are_those_of_the_definition():
    """(entry, exit]: who enters at an event time is not at risk for it; who leaves at it is."""
    for seed in range(20):
        data = draw(seed, late=True, **PLAIN | {"strata": True, "several": True})
        records = records_of(data)
        slots = slots_of(records)
        sets = brute.risk_sets(data)
        assert slots.count == len(sets)
        for slot, (stratum, time, at_risk, dead) in enumerate(sets):
            assert slots.time[slot] == time
            assert slots.stratum[slot] == stratum
            members = np.flatnonzero((slots.first <= slot) & (slot < slots.past))
            assert members.tolist() == at_risk
            assert sorted(slots.death[slots.death_slot == slot].tolist()) == dead
            assert slots.deaths[slot] == len(dead)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_whole_and_fractional_times_give_the_same_fit(ties):
    """Whole times are looked up in a table, others searched for."""
    options = PLAIN | {"strata": True, "several": True}
    whole = draw(9, late=True, **options)
    shifted = draw(9, late=True, whole=False, **options)
    assert not (shifted.exit == np.rint(shifted.exit)).any()
    same_fit(fit_of(whole, ties), fit_of(shifted, ties), rel=1e-13)


def test_three_hundred_strata():
    """More strata than are looped over: running sums go through all of them at once."""
    data = draw(21, late=True, persons=900, **PLAIN)
    data = replace(data, stratum=np.arange(data.exit.size, dtype=np.int64) // 3)
    assert np.unique(data.stratum).size == 300
    for ties in ("breslow", "efron"):
        fit = fit_of(data, ties)
        value = brute.log_likelihood(data, fit.beta, ties)
        assert fit.log_likelihood == pytest.approx(value, rel=1e-12)
        slope = brute.score(data, fit.beta, ties)
        assert np.abs(slope).max() < 1e-7
        information = fit.maximum.information * np.outer(fit.scale, fit.scale)
        assert information == pytest.approx(brute.information(data, fit.beta, ties), rel=1e-6)


@pytest.mark.parametrize("shift", [1e3, 1e6, 20260101.0])
def test_age_plus_a_million_loses_nothing(shift):
    data = draw(4, late=True, persons=60, **PLAIN | {"strata": True})
    ages = np.round(40 + 10 * data.terms)
    base = fit_of(replace(data, terms=ages))
    moved = fit_of(replace(data, terms=ages + shift))
    same_fit(moved, base, rel=1e-13)
    assert moved.log_likelihood == pytest.approx(base.log_likelihood, rel=1e-14)


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e3, 1e9])
def test_weights_of_any_size(factor):
    """The estimate and its robust variance do not know the unit of the weights."""
    data = draw(6, late=True, persons=60, **PLAIN | {"weights": "one"})
    scaled = replace(
        data, event_weight=data.event_weight * factor, risk_weight=data.risk_weight * factor
    )
    base, heavy = fit_of(data), fit_of(scaled)
    assert heavy.maximum.converged
    assert heavy.beta == pytest.approx(base.beta, rel=1e-10)
    assert heavy.model_covariance * factor == pytest.approx(base.model_covariance, rel=1e-9)
    ours = with_robust(heavy).covariance
    assert ours == pytest.approx(with_robust(base).covariance, rel=1e-9)


def test_weights_a_billion_billion_apart():
    """Half of the persons hardly count: the fit is that of the others."""
    data = draw(6, late=True, persons=80, **PLAIN)
    weight = np.where(np.arange(data.exit.size) % 2 == 0, 1e9, 1e-9)
    fit = fit_of(replace(data, event_weight=weight, risk_weight=weight), "breslow")
    half = weight > 1
    others = replace(
        data, **{k: getattr(data, k)[half] for k in data.__dataclass_fields__}
    )  # fmt: skip
    assert fit.beta == pytest.approx(fit_of(others, "breslow").beta, rel=1e-9)


@pytest.mark.parametrize("known", [50.0, 300.0, 500.0])
def test_huge_offsets(known):
    data = draw(8, late=False, persons=60, **PLAIN)
    base = fit_of(data)
    same_fit(fit_of(replace(data, offset=data.offset + known)), base, rel=1e-10)
    halves = np.where(np.arange(data.exit.size) % 2 == 0, known / 2, -known / 2)
    apart = replace(data, offset=halves)
    fit = fit_of(apart)
    assert fit.maximum.converged
    exact = exact_log_likelihood(apart, fit.beta, "efron")
    assert abs(fit.log_likelihood - float(exact)) <= 1e-9 * abs(float(exact))
    slope = brute.complex_score(apart, fit.beta, "efron")
    assert np.abs(slope).max() < 1e-6
    ours = np.isfinite(with_robust(fit).covariance)
    assert ours.all()


def test_offsets_beyond_the_exponential_are_refused():
    data = draw(8, late=False, persons=60, **PLAIN)
    offset = np.where(data.exit >= np.median(data.exit), -1000.0, 0.0)
    with pytest.raises(ConvergenceError, match="offsets"):
        fit_of(replace(data, offset=offset))


def test_equal_records_have_equal_predictors():
    """Concordance counts ties of the predictor as half; a matrix product may round them apart."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        data = draw(int(rng.integers(1000)), late=False, persons=123, **PLAIN)
        terms = rng.integers(0, 2, size=data.terms.shape) * np.array([1.0, 1 / 3])
        fit = fit_of(replace(data, terms=terms))
        pattern = terms @ np.array([1.0, 7.0])
        pairs = same = 0
        for i in np.flatnonzero(data.event):
            outlived = (data.exit >= data.exit[i]) & ~(
                (data.exit == data.exit[i]) & data.event.astype(bool)
            )
            pairs += outlived.sum()
            same += (outlived & (pattern == pattern[i])).sum()
        ours = concordance(fit)
        assert ours.tied_predictor.sum() == same
        counted = ours.concordant + ours.discordant + ours.tied_predictor
        assert counted.sum() == pairs


def test_the_information_is_that_of_the_optimum():
    """The last Newton step is too small to matter for the standard error."""
    for seed in range(10):
        data = draw(seed, late=True, persons=40, **PLAIN)
        fit = fit_of(data)
        problem = fit.problem
        at = derivatives(problem, moments(problem, fit.maximum.beta))[2]
        assert fit.maximum.information == pytest.approx(at, rel=1e-11, abs=1e-11)


def test_records_at_risk_for_no_event_change_nothing():
    data = draw(12, late=True, persons=40, **PLAIN | {"several": True})
    last = data.exit[data.event.astype(bool)].max()
    more = 3
    extra = replace(
        data,
        **{name: np.concatenate([getattr(data, name), getattr(data, name)[:more]])
           for name in data.__dataclass_fields__},
    )  # fmt: skip
    extra.entry[-more:] = last
    extra.exit[-more:] = last + 5
    extra.event[-more:] = False
    base, padded = fit_of(data), fit_of(extra)
    same_fit(padded, base, rel=1e-12)
    assert padded.log_likelihood == pytest.approx(base.log_likelihood, rel=1e-13)
    assert not padded.kept[-more:].any()
