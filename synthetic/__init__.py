"""Invented worlds in which the truth is known."""

from .hazards import Exponential, Gompertz, Hazard, PiecewiseConstant, Weibull
from .scenario import Scenario
from .simulate import Simulated, scenario_truth, simulate
from .variables import Binary, Normal

__all__ = [
    "Binary",
    "Exponential",
    "Gompertz",
    "Hazard",
    "Normal",
    "PiecewiseConstant",
    "Scenario",
    "Simulated",
    "Weibull",
    "scenario_truth",
    "simulate",
]
