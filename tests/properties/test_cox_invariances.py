"""What must not change a Cox analysis, stated as the design note states it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analyses import Cox, ModelBased, Question, Robust
from analyses.cox import residuals as residual
from analyses.cox.baseline import Stretch, cumulative_hazard
from analyses.cox.concordance import concordance
from analyses.cox.diagnostics import proportional_hazards
from analyses.cox.partial_likelihood import expected
from cohort import split
from tests.properties.cohorts import QUESTION, cohort_of, estimable, tables

QUICK = settings(max_examples=25, deadline=None, derandomize=True)
TIES = st.sampled_from(["breslow", "efron"])
NUMBERS = ["estimate", "conf_low", "conf_high", "std_error", "p_value", "log_estimate"]
COUNTS = ["persons", "events", "person_time", "dropped", "converged", "variance", "ties"]


def estimated(cox, cohort):
    found = cox.estimate(cohort, QUESTION)
    assume(estimable(found))
    return found


def same_numbers(one, other, rel=1e-8):
    for name in NUMBERS:
        ours, theirs = one.frame[name][0], other.frame[name][0]
        assert ours == pytest.approx(theirs, rel=rel, abs=1e-10), name
    assert one.fits[0].log_likelihood == pytest.approx(other.fits[0].log_likelihood, rel=1e-10)
    covariances = [est.fits[0].covariance for est in (one, other)]
    assert covariances[0] == pytest.approx(covariances[1], rel=1e-7, abs=1e-10)


def same_rows(one, other, rel=1e-8):
    same_numbers(one, other, rel)
    assert one.frame.select(COUNTS).equals(other.frame.select(COUNTS))


def by_person(estimates, kind):
    values = kind(estimates.fits[0])
    person = estimates.fits[0].given.person
    columns = values[:, None] if values.ndim == 1 else values
    return np.column_stack([np.bincount(person, column) for column in columns.T])


def curve(estimates, stratum=0):
    path = [Stretch(-np.inf, np.inf, np.array([50.0, 1.0]))]
    times = np.arange(0.0, 20.0, 0.5)
    return np.concatenate(cumulative_hazard(estimates.fits[0], times, path, stratum=stratum))


@QUICK
@given(tables(), TIES, st.booleans(), st.booleans(), st.lists(st.integers(1, 14), max_size=5))
def test_splitting_follow_up_changes_nothing(table, ties, late, weighted, cuts):
    """Cuts on the grid of the time unit; residuals summed by person; robust variance by person."""
    facts = {"weight": "w", "offset": "known"} if weighted else {}
    cohort = cohort_of(table, late=late, **facts)
    whole = estimated(Cox(ties=ties), cohort)
    parts = Cox(ties=ties).estimate(split(cohort, at=sorted({*map(float, cuts), 3.0})), QUESTION)
    same_rows(whole, parts)
    for kind in (residual.martingale, residual.score, residual.dfbeta):
        assert by_person(parts, kind) == pytest.approx(by_person(whole, kind), abs=1e-7)
    assert residual.schoenfeld(parts.fits[0]) == pytest.approx(
        residual.schoenfeld(whole.fits[0]), abs=1e-8
    )
    assert curve(parts) == pytest.approx(curve(whole), rel=1e-8)
    ours, theirs = concordance(parts.fits[0]), concordance(whole.fits[0])
    assert ours.concordance == pytest.approx(theirs.concordance, abs=1e-12)
    assert ours.std_error == pytest.approx(theirs.std_error, abs=1e-10)
    tests = [
        proportional_hazards(one.fits[0], "identity").table["chi_square"].to_list()
        for one in (parts, whole)
    ]
    same_tests(*tests)


def same_tests(ours, theirs):
    """Chi-squares, null where there is no information on a trend."""
    for one, other in zip(ours, theirs, strict=True):
        assert one == (other if other is None else pytest.approx(other, rel=1e-6, abs=1e-8))


@QUICK
@given(tables(), TIES, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_rows_does_not_matter(table, ties, random, stratum):
    rows = list(range(len(table)))
    random.shuffle(rows)
    variance = Robust()
    one = estimated(Cox(ties=ties, variance=variance), cohort_of(table, stratum=stratum))
    shuffled = cohort_of(table[rows], stratum=stratum)
    other = Cox(ties=ties, variance=variance).estimate(shuffled, QUESTION)
    same_rows(one, other)
    ours = residual.martingale(other.fits[0])
    assert ours == pytest.approx(residual.martingale(one.fits[0])[rows], abs=1e-8)


@QUICK
@given(tables(), st.booleans())
def test_weight_2_is_a_row_twice(table, stratum):
    """Breslow's rule; robust when the copies share the person."""
    heavy = table.with_columns(pl.when(pl.col("x") > 0).then(2.0).otherwise(1.0).alias("w"))
    copies = pl.concat([table, table.filter(pl.col("x") > 0)])
    copies = copies.with_columns(pl.int_range(pl.len()).alias("row"))
    for variance in (ModelBased(), Robust()):
        cox = Cox(ties="breslow", variance=variance)
        one = estimated(cox, cohort_of(heavy, weight="w", stratum=stratum))
        rows = cohort_of(copies, stratum=stratum, person="row", cluster="person")
        same_numbers(one, cox.estimate(rows, QUESTION))
        assert curve_of(one) == pytest.approx(curve_of(cox.estimate(rows, QUESTION)), rel=1e-8)


def curve_of(estimates):
    path = [Stretch(-np.inf, np.inf, np.array([50.0, 1.0]))]
    strata = np.unique(estimates.fits[0].problem.slots.stratum)
    return np.concatenate(
        [
            cumulative_hazard(estimates.fits[0], np.arange(20.0), path, stratum=int(stratum))[0]
            for stratum in strata
        ]
    )


@QUICK
@given(tables(), TIES, st.sampled_from([1.0, 1000.0, 0.25]), st.sampled_from([1.0, 12.0, 1 / 32]))
def test_shift_and_unit_of_time(table, ties, shift, unit):
    """Entry and exit together; the tests of trend in identity, rank and km as well."""
    cohort = cohort_of(table)
    one = estimated(Cox(ties=ties), cohort)
    moved = table.with_columns(pl.col("from", "to") * unit + shift)
    other = Cox(ties=ties).estimate(cohort_of(moved), QUESTION)
    same_numbers(one, other, rel=1e-12)
    for transform in ("identity", "rank", "km"):
        tables_of_tests = [
            proportional_hazards(each.fits[0], transform).table["chi_square"].to_list()
            for each in (one, other)
        ]
        same_tests(*tables_of_tests)


@QUICK
@given(tables(), TIES, st.sampled_from([0.001, 10.0, 1e6]), st.sampled_from([0.0, 1e6, -500.0]))
def test_unit_and_origin_of_covariates(table, ties, unit, origin):
    """The hazard ratio is per unit; age plus a million loses nothing for whole ages."""
    one = estimated(Cox(ties=ties), cohort_of(table))
    moved = table.with_columns(pl.col("z") + origin, pl.col("x") * unit)
    other = Cox(ties=ties).estimate(cohort_of(moved), QUESTION)
    fit, again = one.fits[0], other.fits[0]
    assert again.beta * [1.0, unit] == pytest.approx(fit.beta, rel=1e-10, abs=1e-12)
    assert again.std_error * [1.0, unit] == pytest.approx(fit.std_error, rel=1e-10)
    assert again.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    score = residual.score(again) / [1.0, unit]
    assert score == pytest.approx(residual.score(fit), abs=1e-7)


@QUICK
@given(tables(), TIES)
def test_entry_at_the_origin_is_no_entry(table, ties):
    """Without an entry everyone is at risk from minus infinity: the same as entry at 0."""
    zero = table.with_columns(pl.lit(0.0).alias("from"))
    one = estimated(Cox(ties=ties, variance=Robust()), cohort_of(zero))
    other = Cox(ties=ties, variance=Robust()).estimate(cohort_of(zero, late=False), QUESTION)
    same_rows(one, other, rel=1e-12)
    assert residual.martingale(one.fits[0]) == pytest.approx(
        residual.martingale(other.fits[0]), abs=1e-12
    )


@QUICK
@given(tables(), TIES, st.booleans(), st.booleans())
def test_what_sums_to_0(table, ties, stratum, weighted):
    """Event weight times event less the expected events; weighted score residuals; Schoenfeld."""
    facts = {"weight": "w", "offset": "known"} if weighted else {}
    found = estimated(Cox(ties=ties), cohort_of(table, stratum=stratum, **facts))
    fit = found.fits[0]
    problem = fit.problem
    seen = problem.records.event_weight @ problem.records.event
    assert expected(problem, fit.moments()).sum() == pytest.approx(seen, rel=1e-12)
    weight = fit.given.event_weight
    assert weight @ residual.martingale(fit) == pytest.approx(0, abs=1e-10)
    size = np.abs(residual.score(fit)).sum(axis=0)
    assert np.abs(weight @ residual.score(fit)).max() <= 1e-9 * size.max()
    order = residual.event_order(fit)
    assert weight[order] @ residual.schoenfeld(fit) == pytest.approx(0, abs=1e-9 * size.max())


@QUICK
@given(tables(tied=False), st.booleans())
def test_score_test_is_the_log_rank_test_without_ties(table, late):
    cohort = cohort_of(table, late=late)
    question = Question(exposure="x")
    fit = Cox().estimate(cohort, question).fits[0]
    assume(not fit.aliased.any())
    observed = wanted = variance = 0.0
    entry = table["from"].to_numpy() if late else np.full(len(table), -np.inf)
    exits, x = table["to"].to_numpy(), table["x"].to_numpy()
    for i in np.flatnonzero(table["ends"].to_numpy()):
        at_risk = (entry < exits[i]) & (exits >= exits[i])
        share = x[at_risk].mean()
        observed, wanted = observed + x[i], wanted + share
        variance += share * (1 - share)
    assert fit.score_test.statistic == pytest.approx(
        (observed - wanted) ** 2 / variance, rel=1e-9, abs=1e-12
    )


@QUICK
@given(tables(), TIES)
def test_a_reversed_exposure_inverts_the_ratio(table, ties):
    one = estimated(Cox(ties=ties), cohort_of(table))
    mirrored = table.with_columns((1 - pl.col("x")).alias("x"))
    other = Cox(ties=ties).estimate(cohort_of(mirrored), QUESTION)
    assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-10)
    assert other.conf_low == pytest.approx(1 / one.conf_high, rel=1e-10)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-10)
