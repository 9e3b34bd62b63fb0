"""Profile-likelihood and Firth limits: sparse exposures, monotone likelihoods, separation."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import optimize

from analyses import Cox, Firth, Logistic, Prentice, Profile, Question, Robust
from cohort import Binary, CaseControl, Continuous, FollowUp, TimeScale, from_frame
from cohort.errors import UnsupportedError
from cohort.sampling import draw_case_cohort

DAYS = TimeScale("time", unit="days")
CHI_SQUARE_95 = 3.841458820694124


def cohort_of(frame, **facts):
    return from_frame(
        frame,
        person="person",
        follow_up=FollowUp(DAYS, exit="exit", event="ill"),
        variables=[Binary("x"), Continuous("z")],
        **facts,
    )


def few(monotone=False):
    rng = np.random.default_rng(11)
    n = 60
    x = rng.uniform(size=n) < 0.2
    ill = (rng.uniform(size=n) < 0.4) & ~(x & monotone)
    exit_ = np.ceil(rng.exponential(12, n) * np.where(x, 0.7, 1.0))
    return pl.DataFrame(
        {"person": range(n), "exit": exit_, "ill": ill, "x": x, "z": rng.normal(size=n)}
    )


def brute_log_likelihood(frame, beta, penalty=False):
    """Breslow's log partial likelihood of x and z with plain loops; Jeffreys' penalty if asked."""
    rows = frame.rows(named=True)
    terms = np.array([[float(row["x"]), row["z"]] for row in rows])
    total, information = 0.0, np.zeros((2, 2))
    for i, case in enumerate(rows):
        if not case["ill"]:
            continue
        at_risk = [j for j, row in enumerate(rows) if row["exit"] >= case["exit"]]
        risk = np.exp(terms[at_risk] @ beta)
        share = risk / risk.sum()
        mean = share @ terms[at_risk]
        total += float(terms[i] @ beta) - math.log(risk.sum())
        centred = terms[at_risk] - mean
        information += (centred * share[:, None]).T @ centred
    return total + (0.5 * np.linalg.slogdet(information)[1] if penalty else 0.0)


def brute_profile(frame, theta, penalty):
    def held(z):
        return -brute_log_likelihood(frame, np.array([theta, z[0]]), penalty)

    return -optimize.minimize(held, [0.0], method="BFGS", options={"gtol": 1e-9}).fun


@pytest.mark.parametrize(("inference", "penalty"), [(Profile(), False), (Firth(), True)])
def test_limits_are_where_the_profile_has_fallen(inference, penalty):
    """Against a brute-force likelihood maximised by another method."""
    frame = few()
    question = Question(exposure="x", adjustments={"z": ["z"]})
    estimates = Cox(ties="breslow", inference=inference).estimate(cohort_of(frame), question)
    best = brute_profile(frame, estimates.log_estimate, penalty)
    for limit in (estimates.conf_low, estimates.conf_high):
        fall = 2 * (best - brute_profile(frame, math.log(limit), penalty))
        assert CHI_SQUARE_95 == pytest.approx(fall, rel=1e-6)
    at_zero = 2 * (best - brute_profile(frame, 0.0, penalty))
    assert math.erfc(math.sqrt(at_zero / 2)) == pytest.approx(estimates.p_value, rel=1e-6)


def test_firth_estimate_is_the_penalised_maximum():
    frame = few(monotone=True)
    found = optimize.minimize(
        lambda beta: -brute_log_likelihood(frame, beta, penalty=True),
        np.zeros(2),
        method="BFGS",
        options={"gtol": 1e-9},
    )
    question = Question(exposure="x", adjustments={"z": ["z"]})
    estimates = Cox(ties="breslow", inference=Firth()).estimate(cohort_of(frame), question)
    assert found.x[0] == pytest.approx(estimates.log_estimate, abs=1e-5)


def test_two_groups_without_ties_by_hand():
    """Firth by hand: one exposed of 2 fails first. U* = 1 - p + (1 - 2p) / 2 = 0 at p = 3/4."""
    frame = pl.DataFrame(
        {"person": [1, 2], "exit": [1.0, 2.0], "ill": [1, 0], "x": [1, 0], "z": [0.0, 0.0]}
    )
    estimates = Cox(inference=Firth()).estimate(cohort_of(frame), Question(exposure="x"))
    assert 3.0 == pytest.approx(estimates.estimate, rel=1e-9)


def test_monotone_likelihood_has_one_profile_limit():
    frame = few(monotone=True)
    wald = Cox().estimate(cohort_of(frame), Question(exposure="x")).frame
    assert wald["estimate"][0] is None
    assert "monotone in 'x'" in wald["note"][0]
    profile = Cox(inference=Profile()).estimate(cohort_of(frame), Question(exposure="x")).frame
    assert profile["estimate"][0] is None
    assert profile["conf_low"][0] is None
    assert 0 < profile["conf_high"][0] < 2
    assert 0 < profile["p_value"][0] < 1


def test_modified_effects_have_profile_limits_of_their_own():
    frame = few().with_columns((pl.col("z") > 0).alias("old"))
    cohort = from_frame(
        frame,
        person="person",
        follow_up=FollowUp(DAYS, exit="exit", event="ill"),
        variables=[Binary("x"), Binary("old")],
    )
    question = Question(exposure="x", modifiers=("old",))
    rows = Cox(inference=Profile()).estimate(cohort, question).frame
    inside = rows.filter(pl.col("modifier_level") == "old: yes")
    assert inside["conf_low"][0] < inside["estimate"][0] < inside["conf_high"][0]


@pytest.mark.parametrize("inference", [Profile(), Firth()])
def test_dependent_or_weighted_records_are_refused(inference):
    cohort = cohort_of(few())
    with pytest.raises(UnsupportedError, match="robust or two-phase"):
        Cox(inference=inference, variance=Robust()).estimate(cohort, Question(exposure="x"))
    with pytest.raises(UnsupportedError, match="exact ties"):
        Cox(inference=inference, ties="exact").estimate(cohort, Question(exposure="x"))
    drawn = draw_case_cohort(cohort, size=30, seed=1)
    with pytest.raises(UnsupportedError, match="two-phase"):
        Cox(inference=inference, weighting=Prentice()).estimate(drawn, Question(exposure="x"))


def test_separated_case_control_data_are_named():
    frame = few().with_columns(pl.col("x").alias("ill"))
    cohort = cohort_of(frame, design=CaseControl())
    row = Logistic().estimate(cohort, Question(exposure="x", adjustments={"z": ["z"]})).frame
    assert row["estimate"][0] is None
    assert "separates" in row["note"][0]


def test_robust_variance_of_few_clusters_is_marked():
    frame = few().with_columns((pl.col("person") % 8).alias("family"))
    cohort = cohort_of(frame, cluster="family")
    row = Cox().estimate(cohort, Question(exposure="x")).frame
    assert "only 8 independent units" in row["note"][0]


@pytest.mark.parametrize("inference", [Profile(), Firth()])
@pytest.mark.parametrize("size", [1e-2, 1e3, 1e6])
def test_units_do_not_matter(inference, size):
    """Birth weight per kilogram, or in grams and per gram: the same limits."""
    draws = np.random.default_rng(5)
    x = draws.normal(size=80)
    died, left = draws.exponential(np.exp(-0.5 * x)), draws.uniform(0.3, 3, 80)
    frame = pl.DataFrame(
        {"id": range(80), "exit": np.minimum(died, left), "dead": (died <= left) * 1, "x": x}
    )
    found = []
    for scale in (1.0, size):
        cohort = from_frame(
            frame.with_columns(pl.col("x") * scale),
            person="id",
            follow_up=FollowUp(TimeScale("time", unit="years"), exit="exit", event="dead"),
            variables=[Continuous("x")],
        )
        rows = Cox(inference=inference).estimate(cohort, Question(exposure="x"))
        logs = np.log([rows.estimate, rows.conf_low, rows.conf_high]) * scale
        found.append([*logs, rows.p_value])
    assert found[1] == pytest.approx(found[0], rel=1e-9)
