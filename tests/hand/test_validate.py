"""Three small data sets on paper: risk sets written out, every answer from them, to 1e-12.

The data are those of R's vignette "validate" and of Therneau and Grambsch, Modeling Survival Data
(2000), appendix E; the lines below were derived from the risk sets alone. r stands for exp(beta).
"""

from math import exp, log, sqrt

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq

from analyses import Cox, ModelBased, Question
from analyses.cox import residuals as residual
from analyses.cox.baseline import Stretch, cumulative_hazard
from cohort import Continuous, FollowUp, TimeScale, from_frame

EXACT = 1e-12
DAYS = TimeScale("time", "days")


def root(score):
    return brentq(score, -3.0, 5.0, xtol=1e-15, rtol=1e-15)


def fit_of(frame, ties, **facts):
    frame = frame.with_columns(pl.int_range(pl.len()).alias("row"))
    entry = "start" if "start" in frame.columns else None
    cohort = from_frame(
        frame,
        person="row",
        follow_up=FollowUp(DAYS, entry=entry, exit="stop", event="event"),
        variables=[Continuous("x")],
        **facts,
    )
    estimates = Cox(ties=ties, variance=ModelBased()).estimate(cohort, Question(exposure="x"))
    return estimates.fits[0], estimates


def hazards(fit, times):
    path = [Stretch(-np.inf, np.inf, np.zeros(1))]
    total, _ = cumulative_hazard(fit, np.array(times, dtype=float), path)
    return np.diff(total, prepend=0.0)


FIRST = pl.DataFrame(
    {"stop": [1, 1, 6, 6, 8, 9], "event": [1, 0, 1, 1, 0, 1], "x": [1, 1, 1, 0, 0, 0]}
)
"""At 1: three with x, three without. At 6: one with, three without, two die. At 9: one alone."""


def test_right_censored_breslow():
    fit, estimates = fit_of(FIRST, "breslow")
    r = (3 + sqrt(33)) / 2  # root of 2 - r/(r+1) - 2 r/(r+3), that is of r^2 - 3 r - 6
    assert fit.beta[0] == pytest.approx(log(r), rel=EXACT)
    assert fit.log_likelihood == pytest.approx(
        2 * log(r) - log(3 * r + 3) - 2 * log(r + 3), rel=EXACT
    )
    assert fit.log_likelihood_at_zero == pytest.approx(-log(6) - 2 * log(4), rel=EXACT)
    information = r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2
    se = 1 / sqrt(information)
    assert fit.std_error[0] == pytest.approx(se, rel=EXACT)
    assert estimates.estimate == pytest.approx(r, rel=EXACT)
    z = 1.959963984540054
    assert estimates.conf_low == pytest.approx(r * exp(-z * se), rel=EXACT)
    assert estimates.conf_high == pytest.approx(r * exp(z * se), rel=EXACT)
    # Score at 0: 2 - 1/2 - 2/4 = 1; information there 1/4 + 6/16 = 5/8.
    assert fit.score_test.statistic == pytest.approx(1 / 0.625, rel=EXACT)
    steps = np.array([1 / (3 * r + 3), 2 / (r + 3), 1.0])
    assert hazards(fit, [1, 6, 9]) == pytest.approx(steps, rel=EXACT)
    first, second, third = steps
    lived = [first * r, first * r, (first + second) * r, first + second, first + second,
             first + second + third]  # fmt: skip
    expected = FIRST["event"].to_numpy() - np.array(lived)
    assert residual.martingale(fit) == pytest.approx(expected, abs=EXACT)
    means = np.array([3 * r / (3 * r + 3), r / (r + 3), r / (r + 3), 0.0])
    seen = np.array([1.0, 1.0, 0.0, 0.0]) - means
    assert residual.schoenfeld(fit)[:, 0] == pytest.approx(seen, abs=EXACT)


def test_right_censored_efron():
    fit, _ = fit_of(FIRST, "efron")
    # At 6 the second of the tied deaths meets half of the two: (r + 3) - (r + 1) / 2.
    r = exp(root(lambda b: 2 - sum(exp(b) / (exp(b) + c) for c in (1, 3, 5))))
    assert r**3 - 23 * r - 30 == pytest.approx(0, abs=1e-10)
    assert fit.beta[0] == pytest.approx(log(r), rel=EXACT)
    value = 2 * log(r) - log(3 * r + 3) - log(r + 3) - log((r + 5) / 2)
    assert fit.log_likelihood == pytest.approx(value, rel=EXACT)
    information = sum(c * r / (r + c) ** 2 for c in (1, 3, 5))
    assert fit.std_error[0] == pytest.approx(1 / sqrt(information), rel=EXACT)
    first, third = 1 / (3 * r + 3), 1.0
    half_one, half_two = 1 / (r + 3), 2 / (r + 5)
    assert hazards(fit, [1, 6, 9]) == pytest.approx([first, half_one + half_two, 1.0], rel=EXACT)
    # Those who die in the tie are exposed to all of its first half and half of its second.
    tied, whole = half_one + half_two / 2, half_one + half_two
    lived = [first * r, first * r, (first + tied) * r, first + tied, first + whole,
             first + whole + third]  # fmt: skip
    expected = FIRST["event"].to_numpy() - np.array(lived)
    assert residual.martingale(fit) == pytest.approx(expected, abs=EXACT)


LATE = pl.DataFrame(
    {
        "start": [1, 2, 5, 2, 1, 7, 3, 4, 8, 8],
        "stop": [2, 3, 6, 7, 8, 9, 9, 9, 14, 17],
        "event": [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
        "x": [1, 0, 0, 1, 0, 1, 1, 0, 0, 0],
    }
)
"""At risk with and without x at 2: 1, 1; 3: 1, 2; 6: 2, 3; 7: 2, 2; 8: 2, 2; 9: 2, 3.

Four of the deaths have x: at 2, at 7 and both at 9.
"""
SETS = [(1, 1), (1, 2), (2, 3), (2, 2), (2, 2), (2, 3)]


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_late_entry(ties):
    fit, _ = fit_of(LATE, ties)
    # Both deaths at 9 have x: the second meets 2 r + 3 less half of 2 r under Efron's rule.
    sets = [*SETS, (2, 3) if ties == "breslow" else (1, 3)]
    r = exp(root(lambda b: 4 - sum(a * exp(b) / (a * exp(b) + c) for a, c in sets)))
    assert fit.beta[0] == pytest.approx(log(r), rel=EXACT, abs=EXACT)
    value = 4 * log(r) - sum(log(a * r + c) for a, c in sets)
    assert fit.log_likelihood == pytest.approx(value, rel=EXACT)
    assert fit.log_likelihood_at_zero == pytest.approx(-sum(log(a + c) for a, c in sets), rel=EXACT)
    information = sum(a * c * r / (a * r + c) ** 2 for a, c in sets)
    assert fit.std_error[0] == pytest.approx(1 / sqrt(information), rel=EXACT)
    steps = [1 / (a * r + c) for a, c in sets]
    by_time = [*steps[:5], steps[5] + steps[6]]
    assert hazards(fit, [2, 3, 6, 7, 8, 9]) == pytest.approx(by_time, rel=EXACT)


WEIGHTED = pl.DataFrame(
    {
        "stop": [1, 1, 2, 2, 2, 2, 3, 4, 5],
        "event": [1, 0, 1, 1, 1, 0, 0, 1, 0],
        "x": [2, 0, 1, 1, 0, 1, 0, 1, 0],
        "w": [1, 2, 3, 4, 3, 2, 1, 2, 1],
    }
)
"""Weights at risk: at 1 one with x = 2, eleven with 1, seven with 0; at 2 eleven and five, of
whom seven and three die in a tie; at 4 two and one. Deaths carry 1 x 2 + 3 + 4 + 2 = 11 of x."""


def weighted_log_likelihood(b, ties):
    r = exp(b)
    if ties == "breslow":
        tied = 10 * log(11 * r + 5)
    else:  # Each of the three tied deaths has their mean weight, 10 / 3.
        left = [11 * r + 5 - k * (7 * r + 3) / 3 for k in range(3)]
        tied = 10 / 3 * sum(log(one) for one in left)
    return 11 * b - log(r**2 + 11 * r + 7) - tied - 2 * log(2 * r + 1)


def weighted_score(b, ties):
    r = exp(b)
    if ties == "breslow":
        tied = 10 * 11 * r / (11 * r + 5)
    else:
        tied = (
            10
            / 3
            * sum((11 - 7 * k / 3) * r / (11 * r + 5 - k * (7 * r + 3) / 3) for k in range(3))
        )
    first = (2 * r**2 + 11 * r) / (r**2 + 11 * r + 7)
    return 11 - first - tied - 2 * 2 * r / (2 * r + 1)


def weighted_information(b, ties):
    r = exp(b)
    mean = (2 * r**2 + 11 * r) / (r**2 + 11 * r + 7)
    first = (4 * r**2 + 11 * r) / (r**2 + 11 * r + 7) - mean**2
    parts = range(1) if ties == "breslow" else range(3)
    each = 10 / len(parts)
    tied = 0.0
    for k in parts:
        p = (11 - 7 * k / 3) * r / (11 * r + 5 - k * (7 * r + 3) / 3)
        tied += each * p * (1 - p)
    last = 2 * r / (2 * r + 1)
    return first + tied + 2 * last * (1 - last)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_weights(ties):
    fit, _ = fit_of(WEIGHTED, ties, weight="w")
    b = root(lambda value: weighted_score(value, ties))
    assert fit.beta[0] == pytest.approx(b, rel=EXACT)
    assert fit.log_likelihood == pytest.approx(weighted_log_likelihood(b, ties), rel=EXACT)
    at_zero = weighted_log_likelihood(0.0, ties)
    assert fit.log_likelihood_at_zero == pytest.approx(at_zero, rel=EXACT)
    information = weighted_information(b, ties)
    assert fit.std_error[0] == pytest.approx(1 / sqrt(information), rel=EXACT)
    score = weighted_score(0.0, ties) ** 2 / weighted_information(0.0, ties)
    assert fit.score_test.statistic == pytest.approx(score, rel=EXACT)


def test_one_stratum_without_events_changes_nothing():
    """Two strata, the second never has an event: the first alone decides, on paper log 2."""
    frame = pl.DataFrame(
        {
            "stop": [1, 2, 3, 4, 5, 6],
            "event": [1, 1, 0, 0, 0, 0],
            "x": [1, 0, 1, 0, 1, 1],
            "s": [1, 1, 1, 1, 2, 2],
        }
    ).with_columns(pl.int_range(6).alias("row"))
    cohort = from_frame(
        frame,
        person="row",
        follow_up=FollowUp(DAYS, exit="stop", event="event", stratum="s"),
        variables=[Continuous("x")],
    )
    fit = Cox().estimate(cohort, Question(exposure="x")).fits[0]
    # Risk sets 2 r + 2 (death with x) and r + 2 (death without): 1 - r/(r+1) - r/(r+2) = 0.
    assert fit.beta[0] == pytest.approx(log(sqrt(2)), rel=EXACT)
    assert fit.log_likelihood == pytest.approx(
        log(sqrt(2)) - log(2 * sqrt(2) + 2) - log(sqrt(2) + 2), rel=EXACT
    )
