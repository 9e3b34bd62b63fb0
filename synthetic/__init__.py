"""Invented worlds in which the truth is known.

A ``Scenario`` is a small world in a few lines; ``read_world("dch2012")`` is one of whole lives.
What needs compiled kernels is imported when first asked for, so that this room costs little.
"""

from importlib import import_module
from typing import Any

from .hazards import Exponential, Gompertz, Hazard, PiecewiseConstant, Weibull
from .scenario import Scenario
from .simulate import Simulated, scenario_truth, simulate
from .variables import Binary, Normal

__all__ = [
    "Binary", "Exponential", "Gompertz", "Hazard", "Normal", "PiecewiseConstant", "Scenario",
    "Simulated", "Weibull", "scenario_truth", "simulate",
]  # fmt: skip

_LATER = {
    "calibration.expected": ("Findings", "expected_findings"),
    "calibration.feasibility": ("Implied", "implied"),
    "calibration.fitting": ("baseline_ratios", "calibrate", "reached"),
    "cohorts": ("SimulatedWorld", "cohort_of", "simulate_world"),
    "document.graph": ("world_graph",),
    "document.reading": ("read_world", "shipped_worlds", "world_from"),
    "document.world": ("World",),
    "graph": ("Graph", "backdoor_open", "implied_independences", "separated"),
    "life.assay": ("sensitivity", "specificity"),
    "store": ("Progress", "Run", "read_table", "write_world"),
    "truth.conditional": ("conditional_truth",),
    "truth.contrast": ("Contrast", "contrast_truth", "world_truth"),
}


def __getattr__(name: str) -> Any:
    place = next((module for module, names in _LATER.items() if name in names), None)
    if place is None:
        raise AttributeError(f"module 'synthetic' has no attribute '{name}'")
    return getattr(import_module(f".{place}", __name__), name)
