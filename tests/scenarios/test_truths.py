"""The computed truths of the documents, worked out again from the rates of their worlds.

Each is an integral over the world: survival and density of each group are written down and the
estimand follows, with no draw. The Cox ratio of a population is the root of its expected score
(Struthers and Kalbfleisch 1986, Biometrika 73:363-9).
"""

import numpy as np
import pytest
from scipy.optimize import brentq

from reports.report_card.document import read_scenario, scenario_documents

FINE = 40_001
DIGITS = 2e-6
"""The documents give six decimals."""


def document(number):
    return next(read_scenario(p) for p in scenario_documents() if p.name.startswith(number))


def rate(scenario, column):
    return dict(scenario.recipe.columns)[column].baseline.rate


def stated(scenario, method):
    return next(one.truth for one in scenario.methods if one.name == method)


def cox_ratio(time, exposed, unexposed, share):
    """Root of the expected score; each group as (survival, density), exposed ``share`` of all."""
    (s1, f1), (s0, f0) = exposed, unexposed

    def score(beta):
        weight = np.exp(beta) * share * s1
        expected = weight / (weight + (1 - share) * s0)
        return np.trapezoid(share * f1 - (share * f1 + (1 - share) * f0) * expected, time)

    return float(np.exp(brentq(score, -4, 4, xtol=1e-12)))


def of_mixture(time, hazards, shares):
    survival = sum(p * np.exp(-h * time) for h, p in zip(hazards, shares, strict=True))
    density = sum(p * h * np.exp(-h * time) for h, p in zip(hazards, shares, strict=True))
    return survival, density


def normal_mixture(time, base, sd):
    node, weight = np.polynomial.hermite_e.hermegauss(120)
    return of_mixture(time, base * np.exp(sd * node), weight / weight.sum())


def test_landmark_ratio():
    """Those without carriage at 3 years acquire it later, at the rate that the world says."""
    scenario = document("02")
    a, h = rate(scenario, "begins"), rate(scenario, "outcome")

    def not_carrier_at_start(u):
        free = np.exp(-(h + a) * u)
        later = a * np.exp(-h / 2 * u) * -np.expm1(-(h / 2 + a) * u) / (h / 2 + a)
        return free, later

    free, later = (float(one) for one in not_carrier_at_start(3.0))
    u = np.linspace(0, 7, FINE)
    f, g = not_carrier_at_start(u)
    unexposed = (f + g, h * f + h / 2 * g)
    exposed = of_mixture(u, [h / 2], [1.0])
    truth = cox_ratio(u, exposed, unexposed, later / (free + later))
    assert truth == pytest.approx(stated(scenario, "landmark at 3 years"), abs=DIGITS)


def test_ratio_of_cumulative_incidences():
    scenario = document("04")
    cancer, death = rate(scenario, "cancer"), rate(scenario, "death")

    def incidence(d):
        return cancer / (cancer + d) * -np.expm1(-20 * (cancer + d))

    truth = incidence(death / 2) / incidence(death)
    name = "risk ratio at 20 years, read as a risk ratio"
    assert truth == pytest.approx(stated(scenario, name), abs=DIGITS)


def test_marginal_ratio_under_frailty():
    scenario = document("07")
    base = rate(scenario, "death")
    time = np.linspace(0, 10, FINE)
    exposed, unexposed = (normal_mixture(time, base * hr, 1.5) for hr in (0.5, 1.0))
    truth = cox_ratio(time, exposed, unexposed, 0.5)
    assert truth == pytest.approx(stated(scenario, "crude, for the marginal ratio"), abs=DIGITS)


def test_risk_difference_without_censoring():
    scenario = document("08")
    base = rate(scenario, "death")
    end = np.array([10.0])
    with_, without = (normal_mixture(end, base * hr, 0.9)[0][0] for hr in (0.5, 1.0))
    name = "risk difference at 10 years by Kaplan-Meier"
    assert without - with_ == pytest.approx(stated(scenario, name), abs=DIGITS)


def test_total_effect_of_parity():
    scenario = document("15")
    base = rate(scenario, "cancer")
    time = np.linspace(0, 10, FINE)
    parous = of_mixture(time, [0.9 * base, 0.27 * base], [0.30, 0.70])
    others = of_mixture(time, [base, 0.3 * base], [0.73, 0.27])
    truth = cox_ratio(time, parous, others, 0.7)
    assert truth == pytest.approx(stated(scenario, "total effect, without carriage"), abs=DIGITS)


def test_difference_of_mean_time_when_the_effect_wanes():
    """Closed form: the curves are exponential in each of two pieces."""
    scenario = document("18")
    h = rate(scenario, "death")
    without = -np.expm1(-20 * h) / h
    with_ = -np.expm1(-5 * 0.4 * h) / (0.4 * h) + np.exp(-2 * h) * -np.expm1(-15 * h) / h
    name = "difference in mean event-free time by 20 years"
    assert with_ - without == pytest.approx(stated(scenario, name), abs=DIGITS)


@pytest.mark.parametrize("path", scenario_documents(), ids=lambda path: path.stem)
def test_every_other_truth_stands_in_the_world(path):
    """A truth that is built in is 1, or a number that the world's expressions hold."""
    scenario = read_scenario(path)
    for method in scenario.methods:
        if "built into" not in method.truth_from or method.truth == 1.0:
            continue
        written = {f"LN({method.truth:g})", "exp(-0.5)", "0.70"}
        assert any(words in scenario.text for words in written), method.name
