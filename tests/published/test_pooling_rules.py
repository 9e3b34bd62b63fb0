"""What pooling must do whatever the numbers: properties, refusals, warnings, values by hand.

Expected values are derived in the tests; no outside source.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyses.pooling.exact import exact_odds_ratio
from analyses.pooling.heterogeneity import TAU2_METHODS
from analyses.pooling.meta_regression import meta_regression, subgroup_pools
from analyses.pooling.pool import (
    METHODS,
    heterogeneity_limits,
    leave_one_out,
    pool,
    prediction_interval,
)
from analyses.pooling.small_study import egger_test
from analyses.pooling.study_estimate import (
    StudyEstimate,
    from_interval,
    from_o_minus_e,
    from_table,
)
from analyses.pooling.two_by_two import TwoByTwo, odds_ratio, risk_difference
from cohort.errors import NotEstimableError, SchemaError
from tests.published.reference import FIVE, studies

VALUES = st.floats(-3, 3).map(lambda value: round(value, 3))
VARIANCES = st.floats(0.01, 2).map(lambda value: round(value, 3))
STUDIES = st.lists(st.tuples(VALUES, VARIANCES), min_size=3, max_size=9)


@pytest.mark.parametrize("method", METHODS)
@given(STUDIES)
@settings(max_examples=15)
def test_turning_every_study_turns_the_pool(method, pairs):
    """Exposed for unexposed in all studies: the inverse pool, the same tau2 and Q."""
    one = pool(studies(pairs), method=method)
    other = pool(studies([(-value, variance) for value, variance in pairs]), method=method)
    assert one.value == pytest.approx(-other.value, abs=1e-9)
    assert one.conf_low == pytest.approx(1 / other.conf_high, rel=1e-8)
    assert one.heterogeneity.tau2 == pytest.approx(other.heterogeneity.tau2, rel=1e-7, abs=1e-10)
    assert one.heterogeneity.q == pytest.approx(other.heterogeneity.q, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@given(STUDIES, st.floats(0.1, 10))
@settings(max_examples=15)
def test_a_change_of_unit_rescales(method, pairs, unit):
    """Values times c and variances times c^2: value and error times c, tau2 times c^2, Q same."""
    scaled = [(unit * value, unit**2 * variance) for value, variance in pairs]
    one = pool(studies(pairs, "mean difference"), method=method)
    other = pool(studies(scaled, "mean difference"), method=method)
    assert unit * one.value == pytest.approx(other.value, rel=1e-6, abs=1e-8 * unit)
    assert unit * one.std_error == pytest.approx(other.std_error, rel=1e-6)
    expected = unit**2 * one.heterogeneity.tau2
    assert expected == pytest.approx(other.heterogeneity.tau2, rel=1e-6, abs=1e-9 * unit**2)
    assert one.heterogeneity.q == pytest.approx(other.heterogeneity.q, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_studies_does_not_matter(method):
    """Reversed: the same numbers, the weights reversed."""
    one, other = pool(FIVE, method=method), pool(FIVE[::-1], method=method)
    assert one.value == pytest.approx(other.value, rel=1e-10)
    assert one.std_error == pytest.approx(other.std_error, rel=1e-10)
    assert one.weights == pytest.approx(other.weights[::-1], rel=1e-10)
    assert 1 == pytest.approx(sum(one.weights))


@pytest.mark.parametrize("method", METHODS)
def test_studies_that_agree_have_nothing_between_them(method):
    """Equal values: Q, tau2 and I2 are 0 and the pool is the fixed one."""
    same = studies([(0.5, 0.1), (0.5, 0.2), (0.5, 0.4)])
    got = pool(same, method=method)
    assert 0 == pytest.approx(got.heterogeneity.q, abs=1e-12)
    assert 0 == got.heterogeneity.tau2 == got.heterogeneity.i2
    assert 0.5 == pytest.approx(got.value, rel=1e-12)
    assert (1 / (10 + 5 + 2.5)) ** 0.5 == pytest.approx(got.std_error, rel=1e-12)


@pytest.mark.parametrize("method", ["ML", "REML"])
@given(STUDIES)
@settings(max_examples=25)
def test_no_tau2_has_a_higher_likelihood(method, pairs):
    """Against a plain evaluation of the (restricted) log-likelihood on a grid."""
    sample = studies(pairs)
    y = np.array([one.value for one in sample])
    v = np.array([one.variance for one in sample])

    def height(tau2):
        w = 1 / (v + tau2)
        mu = (w * y).sum() / w.sum()
        plain = -0.5 * (np.log(v + tau2).sum() + (w * (y - mu) ** 2).sum())
        return plain - (0.5 * np.log(w.sum()) if method == "REML" else 0)

    best = height(pool(sample, method=method).heterogeneity.tau2)
    assert best >= max(height(tau2) for tau2 in np.linspace(0, 20, 800)) - 1e-10


def test_two_by_hand_fixed():
    """Values 0 and 1 with variances 1 and 1/3: weights 1 and 3, pool 3/4, error 1/2, Q 3/4."""
    got = pool(studies([(0.0, 1.0), (1.0, 1 / 3)], "mean difference"), method="FE")
    assert 0.75 == pytest.approx(got.estimate, rel=1e-12)
    assert 0.5 == pytest.approx(got.std_error, rel=1e-12)
    assert (0.25, 0.75) == pytest.approx(got.weights, rel=1e-12)
    assert 0.75 == pytest.approx(got.heterogeneity.q, rel=1e-12)


def test_measures_are_never_mixed():
    """An odds ratio and a hazard ratio: refused, both named."""
    mixed = [FIVE[0], StudyEstimate("h", "hazard ratio", 0.1, 0.1)]
    for act in (pool, heterogeneity_limits, egger_test, leave_one_out):
        with pytest.raises(SchemaError, match="hazard ratio, odds ratio"):
            act(mixed)
    with pytest.raises(SchemaError, match="never pooled"):
        subgroup_pools(mixed, ["a", "b"])
    with pytest.raises(SchemaError, match="never pooled"):
        meta_regression([*mixed, FIVE[1]], {"x": [1, 2, 3]})


def test_a_study_counts_once():
    """The same name twice, and one study alone."""
    with pytest.raises(SchemaError, match="named twice"):
        pool([FIVE[0], FIVE[0]])
    with pytest.raises(NotEstimableError, match="at least two studies, not 1"):
        pool(FIVE[:1])


@pytest.mark.parametrize(
    ("settings_of", "story"),
    [
        ({"method": "REMLL"}, "did you mean 'REML'"),
        ({"limits": "hartung"}, "'knapp-hartung'"),
        ({"method": "FE", "limits": "knapp-hartung"}, "random effects"),
        ({"conf_level": 95}, r"such as 0\.95"),
    ],
)
def test_unknown_words_are_refused(settings_of, story):
    """Method, limits, their combination, level."""
    with pytest.raises(SchemaError, match=story):
        pool(FIVE, **settings_of)


@pytest.mark.parametrize(
    ("fields", "story"),
    [
        ({"measure": "odd ratio"}, "did you mean 'odds ratio'"),
        ({"measure": "correlation"}, "cannot be pooled"),
        ({"value": math.inf}, "not finite"),
        ({"value": math.nan}, "not finite"),
        ({"variance": 0.0}, "above 0"),
        ({"variance": -1.0}, "above 0"),
        ({"variance": math.nan}, "above 0"),
    ],
)
def test_an_estimate_that_cannot_be_pooled_is_refused(fields, story):
    """At the door, naming the study."""
    good = {"study": "S", "measure": "odds ratio", "value": 0.1, "variance": 0.2}
    with pytest.raises(SchemaError, match=story):
        StudyEstimate(**(good | fields))


def test_from_interval_by_hand():
    """0.5 (0.25 to 1) at 95 %: standard error log(4)/(2 x 1.959964)."""
    got = from_interval("S", "hazard ratio", estimate=0.5, limits=(0.25, 1.0), conf_level=0.95)
    assert math.log(0.5) == pytest.approx(got.value)
    assert (math.log(4) / 3.919927969) ** 2 == pytest.approx(got.variance, rel=1e-9)
    assert "" == got.note
    lopsided = from_interval("S", "odds ratio", estimate=0.9, limits=(0.25, 1.0), conf_level=0.95)
    assert "not symmetric" in lopsided.note


@pytest.mark.parametrize("limits", [(0.6, 1.0), (0.1, 0.4), (0.0, 1.0), (0.5, 0.5), (1.0, 0.25)])
def test_limits_that_do_not_enclose_are_refused(limits):
    """Above, below, zero, no width, exchanged."""
    with pytest.raises(SchemaError, match="0 < low <= estimate <= high"):
        from_interval("S", "odds ratio", estimate=0.5, limits=limits, conf_level=0.95)


def test_what_cannot_become_a_study_estimate_is_refused():
    """A difference read from ratio limits; V of 0."""
    with pytest.raises(SchemaError, match="only a ratio"):
        from_interval("S", "risk difference", estimate=0.5, limits=(0.1, 1), conf_level=0.95)
    with pytest.raises(SchemaError, match="V = 0"):
        from_o_minus_e("S", "hazard ratio", 1.0, 0.0)


def test_differences_stay_on_their_scale():
    """A pooled risk difference is not exponentiated."""
    tables = [TwoByTwo(10, 20, 5, 25), TwoByTwo(30, 50, 20, 60)]
    pair = [from_table(str(place), risk_difference(t)) for place, t in enumerate(tables)]
    got = pool(pair, method="FE")
    assert got.value == got.estimate
    assert got.conf_low < got.estimate < got.conf_high < 1


def test_exact_estimates_have_no_weight():
    """Only an estimate with a standard error is pooled."""
    with pytest.raises(NotEstimableError, match="no standard error"):
        from_table("S", exact_odds_ratio(TwoByTwo(1, 2, 3, 4)))


def test_knapp_hartung_says_when_it_narrows():
    """Studies that agree too well: the factor is below 1."""
    close = studies([(0.50, 1.0), (0.52, 1.0), (0.48, 1.0), (0.50, 1.0), (0.51, 1.0)])
    got = pool(close, method="DL", limits="knapp-hartung")
    assert any("narrower" in warning for warning in got.warnings)
    with pytest.raises(NotEstimableError, match="no width"):
        pool(studies([(0.5, 1), (0.5, 1)]), method="DL", limits="knapp-hartung")


def test_heterogeneity_limits_below_chance_say_so():
    """Q far below its lower quantile: both limits 0, and the note explains."""
    got = heterogeneity_limits(studies([(0.500, 1.0), (0.501, 1.0), (0.499, 1.0), (0.5, 1.0)]))
    assert (0.0, 0.0) == got.tau2
    assert "better than chance" in got.note


@given(STUDIES)
@settings(max_examples=25)
def test_q_profile_limits_hold_the_paule_mandel_value(pairs):
    """They solve the same equation with targets on either side of its own."""
    sample = studies(pairs)
    low, high = heterogeneity_limits(sample).tau2
    tau2 = pool(sample, method="PM").heterogeneity.tau2
    assert low <= tau2 + 1e-12
    assert tau2 <= high + 1e-12


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_prediction_is_wider_than_confidence(method):
    """And it needs random effects and three studies."""
    pooled = pool(FIVE, method=method)
    low, high = prediction_interval(pooled)
    assert low < pooled.conf_low < pooled.conf_high < high
    with pytest.raises(NotEstimableError, match="fixed effect"):
        prediction_interval(pool(FIVE, method="FE"))
    with pytest.raises(NotEstimableError, match="three studies, not 2"):
        prediction_interval(pool(FIVE[:2], method=method))
    with pytest.raises(SchemaError, match="quantile"):
        prediction_interval(pooled, quantile="z")


def test_leaving_one_out_is_pooling_the_others():
    """Each in turn, named."""
    for place, (study, got) in enumerate(leave_one_out(FIVE)):
        assert FIVE[place].study == study
        assert pool(FIVE[:place] + FIVE[place + 1 :]) == got


def test_leaving_one_of_two_is_no_pool():
    """Three studies at least."""
    with pytest.raises(NotEstimableError, match="at least two studies"):
        leave_one_out(FIVE[:2])


def test_woolf_weights_by_hand():
    """The fixed pool of crude odds ratios weighs by Woolf's variance."""
    tables = [TwoByTwo(10, 20, 30, 40), TwoByTwo(5, 9, 8, 7)]
    pair = [from_table(str(place), odds_ratio(t)) for place, t in enumerate(tables)]
    w = [1 / sum(1 / cell for cell in t.cells) for t in tables]
    y = [math.log(10 * 40 / (20 * 30)), math.log(5 * 7 / (9 * 8))]
    expected = (w[0] * y[0] + w[1] * y[1]) / sum(w)
    assert expected == pytest.approx(pool(pair, method="FE").value, rel=1e-12)
