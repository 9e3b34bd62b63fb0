"""Hazard, cumulative hazard and inverse agree with each other and with quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad

from cohort.errors import StudyError
from synthetic import Exponential, Gompertz, PiecewiseConstant, Weibull

HAZARDS = [
    Exponential(0.03),
    Weibull(0.004, 1.3),
    Weibull(0.2, 0.7),
    Gompertz(0.001, 0.09),
    Gompertz(0.05, -0.1),
    PiecewiseConstant((0, 5, 12), (0.01, 0.0, 0.2)),
]


@pytest.mark.parametrize("hazard", HAZARDS, ids=repr)
def test_cumulative_is_the_integral_of_the_hazard(hazard):
    """scipy.integrate.quad, with the cut-points given; its own error is below 1e-9 here."""
    for end in (0.5, 4.0, 7.0, 30.0):
        points = [t for t in getattr(hazard, "starts", ()) if 0 < t < end]
        expected, _ = quad(lambda t: float(hazard.hazard(t)), 0, end, points=points or None)
        assert expected == pytest.approx(float(hazard.cumulative(end)), rel=1e-6)


@pytest.mark.parametrize("hazard", HAZARDS, ids=repr)
def test_inverse_undoes_cumulative(hazard):
    time = np.array([0.3, 2.0, 4.9, 12.5, 40.0])
    assert time == pytest.approx(hazard.inverse(hazard.cumulative(time)), rel=1e-12)


def test_a_falling_gompertz_hazard_may_never_reach_the_target():
    """Its limit is rate / -slope = 0.5."""
    assert np.isinf(Gompertz(0.05, -0.1).inverse(0.51))
    assert np.isfinite(Gompertz(0.05, -0.1).inverse(0.49))


def test_a_band_without_hazard_is_jumped_over():
    """Beyond 0.05 the cumulative hazard waits from time 5 to 12."""
    hazard = PiecewiseConstant((0, 5, 12), (0.01, 0.0, 0.2))
    expected, later = 5.0, 12.5
    assert expected == float(hazard.inverse(0.05))
    assert later == pytest.approx(float(hazard.inverse(0.15)))
    assert np.isinf(PiecewiseConstant((0, 5), (0.01, 0.0)).inverse(0.06))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Exponential(-0.1),
        lambda: Weibull(0.0, 1.0),
        lambda: Weibull(0.1, -1.0),
        lambda: Gompertz(0.1, 0.0),
        lambda: PiecewiseConstant((0, 5, 4), (0.1, 0.1, 0.1)),
        lambda: PiecewiseConstant((1, 5), (0.1, 0.1)),
        lambda: PiecewiseConstant((0, 5), (0.1, -0.1)),
        lambda: PiecewiseConstant((0, 5), (0.1,)),
    ],
)
def test_impossible_hazards_are_refused(build):
    with pytest.raises(StudyError):
        build()
