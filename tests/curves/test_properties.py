"""What must hold of curves whatever the data, against definitions written out in brute.py."""

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analyses import KaplanMeier, ModelBased, Question, Robust
from analyses.cox.estimator import Cox
from analyses.curves.cumulative_hazard import FlemingHarrington, NelsonAalen
from analyses.curves.cumulative_incidence import CumulativeIncidence
from analyses.curves.gray import GrayTest
from analyses.curves.log_rank import LogRank
from analyses.curves.pseudo_values import PseudoValues
from analyses.curves.restricted_mean import RestrictedMean, TimeLost
from cohort.errors import NotEstimableError
from cohort.splitting import split
from tests.curves.brute import cumulative_hazard, incidence, jackknife_variance, mean_times
from tests.curves.worlds import cohort_of, frames

ALL = Question(exposure="x")
RELATIVE = 1e-9
SMALL = 1e-13


def arrays(frame, *names):
    return [frame[name].to_numpy() for name in names]


def same(ours, theirs, rtol=RELATIVE, atol=SMALL):
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol, atol)


def columns_of(curve, *names):
    return curve.frame.select(names).fill_null(np.nan).to_numpy()


BOUNDS = ("time", "at_risk", "events", "estimate", "std_error", "conf_low", "conf_high")


@settings(deadline=None, max_examples=40)
@given(frames(), st.booleans(), st.booleans())
def test_incidence_and_its_jackknife_by_definition(frame, weighted, clustered):
    """Every incidence and event-free survival, weights, clusters and late entry together."""
    facts = ({"weight": "w"} if weighted else {}) | ({"cluster": "cluster"} if clustered else {})
    curve = CumulativeIncidence("none", by=None).estimate(cohort_of(frame, **facts), ALL).frame
    entry, exit_, event = arrays(frame, "entry", "exit", "event")
    weight = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    cluster = frame["cluster" if clustered else "person"].to_numpy()
    for time in np.unique(exit_)[::3]:
        rows = curve.filter(pl.col("time") == time)
        same(rows["estimate"], incidence(entry, exit_, event, weight, time, 2))

        def at(w, time=time):
            return incidence(entry, exit_, event, w, time, 2)

        same(rows["std_error"] ** 2, jackknife_variance(at, weight, cluster), 1e-8)


@settings(deadline=None, max_examples=30)
@given(frames(), st.booleans())
def test_robust_survival_and_hazard_by_definition(frame, clustered):
    facts = {"weight": "w"} | ({"cluster": "cluster"} if clustered else {})
    cohort = cohort_of(frame, competing=False, **facts)
    entry, exit_, event, weight = arrays(frame, "entry", "exit", "event", "w")
    event = np.where(event == 1, 1, 0)
    cluster = frame["cluster" if clustered else "person"].to_numpy()
    survival = KaplanMeier(by=None).estimate(cohort, ALL).frame
    hazard = NelsonAalen(by=None).estimate(cohort, ALL).frame
    exponential = FlemingHarrington(by=None).estimate(cohort, ALL).frame
    for place, time in enumerate(np.unique(exit_)):

        def alive(w, time=time):
            return incidence(entry, exit_, event, w, time, 1)[1:]

        def chaz(w, time=time):
            return cumulative_hazard(entry, exit_, event, w, time)

        row = survival.row(place, named=True)
        same(row["estimate"], alive(weight)[0])
        if row["estimate"] > 0:
            same(row["std_error"] ** 2, jackknife_variance(alive, weight, cluster)[0], 1e-8)
        else:
            assert row["std_error"] is None
        same(hazard["estimate"][place], chaz(weight)[0])
        of_hazard = jackknife_variance(chaz, weight, cluster)[0]
        same(hazard["std_error"][place] ** 2, of_hazard, 1e-8)
        same(exponential["estimate"][place], np.exp(-chaz(weight)[0]))
        same((exponential["std_error"] / exponential["estimate"])[place] ** 2, of_hazard, 1e-8)


@settings(deadline=None, max_examples=30)
@given(frames(), st.booleans(), st.booleans())
def test_mean_times_and_their_jackknife_by_definition(frame, weighted, clustered):
    facts = ({"weight": "w"} if weighted else {}) | ({"cluster": "cluster"} if clustered else {})
    cohort, until = cohort_of(frame, **facts), 6.5
    entry, exit_, event = arrays(frame, "entry", "exit", "event")
    weight = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    cluster = frame["cluster" if clustered else "person"].to_numpy()
    expected = mean_times(entry, exit_, event, weight, until, 2)
    variance = jackknife_variance(
        lambda w: mean_times(entry, exit_, event, w, until, 2), weight, cluster
    )
    for place, outcome in enumerate(("event", "other")):
        ask = Question(exposure="x", outcome=outcome)
        row = TimeLost(until, by=None).estimate(cohort, ask).frame.row(0, named=True)
        same(row["estimate"], expected[place])
        same(row["std_error"] ** 2, variance[place], 1e-8)
    either = cohort_of(frame.with_columns(pl.col("event").clip(0, 1)), competing=False, **facts)
    mean = RestrictedMean(until, variance=Robust(), by=None).estimate(either, ALL).frame
    same(mean["estimate"][0], expected[2])
    same(mean["std_error"][0] ** 2, variance[2], 1e-8)


@settings(deadline=None, max_examples=40)
@given(frames(), st.booleans())
def test_kaplan_meier_is_aalen_johansen_with_one_cause(frame, late):
    """The estimate always; the standard error without late entry (house rule)."""
    if not late:
        frame = frame.with_columns(exit=pl.col("exit") - pl.col("entry"), entry=pl.lit(0.0))
    cohort = cohort_of(frame, competing=False)
    survival = KaplanMeier("plain").estimate(cohort, ALL)
    incidences = CumulativeIncidence("plain").estimate(cohort, ALL).frame
    cause = incidences.filter(pl.col("outcome") == "event")
    same(1 - survival.frame["estimate"], cause["estimate"])
    if not late:
        alive = survival.frame["estimate"] > 0
        same(survival.frame["std_error"].filter(alive), cause["std_error"].filter(alive))


@settings(deadline=None, max_examples=40)
@given(frames(), st.booleans())
def test_incidences_and_survival_add_to_1(frame, weighted):
    cohort = cohort_of(frame, **({"weight": "w"} if weighted else {}))
    curve = CumulativeIncidence().estimate(cohort, ALL).frame
    total = curve.group_by("group", "time").agg(pl.col("estimate").sum())
    same(total["estimate"], np.ones(len(total)), 1e-14)


@settings(deadline=None, max_examples=40)
@given(frames(), st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True))
def test_splitting_follow_up_changes_no_curve(frame, cuts):
    """Cuts on the grid of the time unit; estimate, errors, limits and counts, also robust."""
    assume((frame["exit"] > min(cuts)).any())
    cohort = cohort_of(frame)
    pieces = split(cohort, at=[float(cut) for cut in cuts])
    within = Question(exposure="x", strata=("s",))
    for estimator in (
        KaplanMeier(),
        KaplanMeier(variance=Robust()),
        NelsonAalen(),
        FlemingHarrington(ties="spread"),
        CumulativeIncidence(),
        KaplanMeier(start=3.0, by=None),
    ):
        if isinstance(estimator, KaplanMeier) and not (frame["exit"] >= 3).any():
            continue
        whole, split_up = (estimator.estimate(one, within) for one in (cohort, pieces))
        same(columns_of(split_up, *BOUNDS), columns_of(whole, *BOUNDS), 1e-12)
        assert split_up.frame["group"].to_list() == whole.frame["group"].to_list()
    for estimator in (RestrictedMean(5.0), TimeLost(5.0)):
        whole, split_up = (estimator.estimate(one, ALL).frame for one in (cohort, pieces))
        for column in ("estimate", "std_error", "persons", "events"):
            same(split_up[column], whole[column], 1e-12)
    tests = [LogRank("peto")] if (frame["entry"] > 0).any() else [LogRank(), GrayTest(1.0)]
    for estimator in tests:
        try:
            whole = estimator.estimate(cohort, within)
        except NotEstimableError:
            continue
        split_up = estimator.estimate(pieces, within)
        same(split_up.statistic, whole.statistic, 1e-10)
        same(split_up.variance, whole.variance, 1e-12)


@settings(deadline=None, max_examples=30)
@given(frames(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_curve(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    for estimator in (KaplanMeier(), CumulativeIncidence()):
        one = estimator.estimate(cohort_of(frame, weight="w", cluster="cluster"), ALL)
        other = estimator.estimate(cohort_of(frame[order], weight="w", cluster="cluster"), ALL)
        same(columns_of(other, *BOUNDS), columns_of(one, *BOUNDS), 1e-11, 1e-9)


@settings(deadline=None, max_examples=30)
@given(frames())
def test_weight_2_is_the_row_twice(frame):
    """The estimate; and the robust standard error when the copies share a cluster."""
    twice = pl.concat((frame, frame.with_columns(person=pl.col("person") + "'")))
    doubled = frame.with_columns(pl.lit(2.0).alias("w"))
    by = {"cluster": "who"}
    name = pl.col("person").str.strip_chars("'").alias("who")
    for estimator in (KaplanMeier(), NelsonAalen(), CumulativeIncidence()):
        copies = estimator.estimate(cohort_of(twice.with_columns(name), **by), ALL)
        weighted = estimator.estimate(cohort_of(doubled.with_columns(name), weight="w", **by), ALL)
        same(columns_of(weighted, *BOUNDS), columns_of(copies, *BOUNDS), 1e-11, 1e-9)
    plain = KaplanMeier(variance=ModelBased()).estimate(cohort_of(twice), ALL)
    counted = KaplanMeier(variance=ModelBased()).estimate(cohort_of(doubled, weight="w"), ALL)
    same(columns_of(counted, *BOUNDS), columns_of(plain, *BOUNDS), 1e-12)


@settings(deadline=None, max_examples=30)
@given(frames())
def test_the_scale_of_weights_changes_nothing(frame):
    small = cohort_of(frame, weight="w")
    large = cohort_of(frame.with_columns(pl.col("w") * 1e8), weight="w")
    for estimator in (KaplanMeier(), CumulativeIncidence()):
        one, other = estimator.estimate(small, ALL), estimator.estimate(large, ALL)
        names = ("estimate", "std_error", "conf_low", "conf_high")
        same(columns_of(other, *names), columns_of(one, *names), 1e-11, 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_survival_is_exactly_0_where_all_who_are_left_have_the_event(seed):
    """Weights that are no binary fractions: at risk and events then differ by rounding."""
    rng = np.random.default_rng(seed)
    n = 40
    early = rng.integers(1, 4, n // 2)
    frame = pl.DataFrame(
        {
            "person": [str(i) for i in range(n)],
            "entry": np.r_[np.zeros(n // 2), np.full(n // 2, 5.0)],
            "exit": np.r_[early, rng.integers(6, 9, n // 2)].astype(float),
            # All who are left at 3 have the event, before the others enter.
            "event": np.r_[np.where(early == 3, 1, 0), rng.integers(0, 2, n // 2)],
            "x": np.zeros(n, dtype=np.int64),
            "w": rng.random(n) * 0.1 + 1e-3,
            "s": ["u"] * n,
        }
    )
    cohort = cohort_of(frame, competing=False, weight="w")
    after = KaplanMeier().estimate(cohort, ALL).frame.filter(pl.col("time") >= 3.0)
    assert after["estimate"].unique().to_list() == [0.0]
    assert after["std_error"].null_count() == after["conf_low"].null_count() == len(after)
    total = CumulativeIncidence().estimate(cohort, ALL).frame.filter(pl.col("time") >= 3.0)
    assert total["std_error"].unique().to_list() == [0.0]


@settings(deadline=None, max_examples=40)
@given(frames())
def test_log_rank_is_the_score_test_of_cox_without_ties(frame):
    """With late entry and strata; exits are made distinct."""
    rank = pl.int_range(pl.len()) / 1000
    frame = frame.with_columns(pl.col("exit") + rank)
    cohort = cohort_of(frame, competing=False)
    ask = Question(exposure="x", strata=("s",))
    try:
        test = LogRank().estimate(cohort, ask)
    except NotEstimableError:
        assume(False)
    fit = Cox(ties="breslow").estimate(cohort, ask).fits[0]
    maximum = fit.maximum
    score, information = maximum.score_at_start, maximum.information_at_start
    assume(information[0, 0] > 1e-9)
    same(test.statistic, score[0] ** 2 / information[0, 0], 1e-8)


@settings(deadline=None, max_examples=30)
@given(frames())
def test_pseudo_values_average_to_the_estimate(frame):
    """Exactly for the infinitesimal jackknife: influences add to 0, squares to its variance."""
    cohort = cohort_of(frame)
    n, times = len(frame), (3.0, 7.0)
    curve = CumulativeIncidence(by=None).estimate(cohort, ALL).frame
    found = PseudoValues(times, "cumulative incidence").estimate(cohort, ALL)
    table = found["pseudo_value"].to_numpy().reshape(n, 2)
    mine = curve.filter(pl.col("outcome") == "event")
    for place, time in enumerate(times):
        at = int(np.searchsorted(mine["time"].to_numpy(), time, side="right")) - 1
        estimate = mine["estimate"][at] if at >= 0 else 0.0
        error = mine["std_error"][at] if at >= 0 else 0.0
        same(table[:, place].mean(), estimate, 1e-11)
        away = (table[:, place] - table[:, place].mean()) / n
        same(np.sqrt(away @ away), error, 1e-8, 1e-10)


@settings(deadline=None, max_examples=20)
@given(frames(most=12), st.sampled_from(["survival", "restricted mean", "cumulative incidence"]))
def test_leave_one_out_leaves_one_out(frame, quantity):
    """The estimate of each cohort that lacks one person, drawn by the estimators themselves."""
    cohort = cohort_of(frame)
    n, until = len(frame), 6.0
    found = PseudoValues((until,), quantity, "leave-one-out").estimate(cohort, ALL)
    whole = _read(cohort, quantity, until)
    for place in range(n):
        without = frame.filter(pl.int_range(pl.len()) != place)
        expected = n * whole - (n - 1) * _read(cohort_of(without), quantity, until)
        code = int(cohort.frame["_person"][place])
        same(found.filter(pl.col("_person") == code)["pseudo_value"][0], expected, 1e-10, 1e-11)


def _read(cohort, quantity, until):
    if quantity == "restricted mean":
        return RestrictedMean(until, by=None).estimate(cohort, ALL).frame["estimate"][0]
    if quantity == "survival":
        curve, start = KaplanMeier(by=None).estimate(cohort, ALL).frame, 1.0
    else:
        curve, start = CumulativeIncidence(by=None).estimate(cohort, ALL).frame, 0.0
        curve = curve.filter(pl.col("outcome") == "event")
    reached = curve.filter(pl.col("time") <= until)
    return reached["estimate"][-1] if len(reached) else start


@pytest.mark.parametrize("n", [2000])
def test_many_clusters_of_many_records(n):
    """Some clusters of a hundred records, most of one or two: both ways of adding up agree."""
    rng = np.random.default_rng(20261123)
    frame = pl.DataFrame(
        {
            "person": [str(i) for i in range(n)],
            "entry": np.floor(rng.random(n) * 20),
            "event": rng.integers(0, 3, n),
            "x": rng.integers(0, 2, n),
            "w": rng.random(n) + 0.5,
            "s": ["u"] * n,
            "cluster": np.where(np.arange(n) < 300, np.arange(n) // 100, rng.integers(3, n, n)),
        }
    ).with_columns(exit=pl.col("entry") + 1 + pl.Series(np.floor(rng.random(n) * 40)))
    cohort = cohort_of(frame, weight="w", cluster="cluster")
    row = (
        CumulativeIncidence("none", by=None)
        .estimate(cohort, ALL)
        .frame.filter((pl.col("time") == 30.0) & (pl.col("outcome") == "event"))
    )
    entry, exit_, event, weight = arrays(frame, "entry", "exit", "event", "w")
    influence = _influence(entry, exit_, event, weight, 30.0)
    by_cluster = np.bincount(frame["cluster"].to_numpy(), influence)
    same(row["std_error"][0], np.linalg.norm(by_cluster), 1e-10)


def _influence(entry, exit_, event, weight, until):
    """Derivatives by complex steps, one record at a time but without loops over times."""
    times = np.unique(exit_)
    times = times[times <= until]
    at_risk = (entry[:, None] < times) & (exit_[:, None] >= times)
    died = (exit_[:, None] == times) & (event > 0)[:, None]
    mine = died & (event == 1)[:, None]
    y, d, m = (weight @ table for table in (at_risk, died, mine))
    step, out = 1e-30, np.empty(exit_.size)
    for i in range(exit_.size):
        move = 1j * step * weight[i]
        yi, di, mi = y + move * at_risk[i], d + move * died[i], m + move * mine[i]
        survival = np.cumprod(1 - di / yi)
        before = np.append(1.0, survival[:-1])
        out[i] = np.imag((before * mi / yi).sum()) / step
    return out
