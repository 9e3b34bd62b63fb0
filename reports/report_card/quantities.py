"""Contrasts of two curves at a time, in the form of estimates, so that they can be graded."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from analyses import CumulativeIncidence, Curve, Estimates, KaplanMeier, Question
from analyses.estimate import table
from cohort import Cohort
from cohort.errors import NotEstimableError


@dataclass(frozen=True, slots=True)
class RiskContrast:
    """Risk by a time in the exposed against that in the unexposed, read off two curves.

    at : the time, in the scale's unit. Where outcomes compete the risk is the cumulative incidence,
    else one less the survival. Groups are independent, so that their variances add.
    """

    at: float
    contrast: Literal["difference", "ratio"] = "difference"
    conf_level: float = 0.95

    def estimate(self, cohort: Cohort, question: Question) -> Estimates:
        """One row: the exposed ("yes") against the unexposed ("no")."""
        competing = bool(cohort.follow_up.competing)
        curve = (CumulativeIncidence() if competing else KaplanMeier()).estimate(cohort, question)
        outcome = question.outcome or cohort.follow_up.outcome
        (no, no_error), (yes, yes_error) = (
            _risk(curve, group, outcome, self.at) for group in ("no", "yes")
        )
        if self.contrast == "difference":
            value, error = yes - no, float(np.hypot(no_error, yes_error))
        else:
            value = float(np.log(yes / no))
            error = float(np.hypot(no_error / no, yes_error / yes))
        half = float(ndtri(0.5 + self.conf_level / 2)) * error
        shown = float if self.contrast == "difference" else np.exp
        row: dict[str, Any] = {
            "outcome": outcome, "exposure": question.exposure, "variable": question.exposure,
            "contrast": "yes vs no", "adjustment": "crude", "measure": f"risk {self.contrast}",
            "estimate": float(shown(value)), "conf_low": float(shown(value - half)),
            "conf_high": float(shown(value + half)), "conf_level": self.conf_level,
            "log_estimate": None if self.contrast == "difference" else value,
            "std_error": error, "p_value": float(2 * ndtr(-abs(value) / error)),
            "persons": cohort.persons, "events": _events(curve, outcome), "converged": True,
        }  # fmt: skip
        method = f"{curve.measure} at {self.at:g} {cohort.scale.unit}; risk {self.contrast}."
        return Estimates(table([row]), method)


def _risk(curve: Curve, group: str, outcome: str, at: float) -> tuple[float, float]:
    """Risk by a time in one group, and its standard error."""
    frame = curve.frame.filter((pl.col("group") == group) & (pl.col("time") <= at))
    survival = "outcome" not in frame.columns
    if not survival:
        frame = frame.filter(pl.col("outcome") == outcome)
    if frame.is_empty():
        raise NotEstimableError(f"nothing happened by {at:g} {curve.unit} in one of the groups.")
    last = frame.sort("time").row(-1, named=True)
    value = 1 - last["estimate"] if survival else last["estimate"]
    return float(value), float(last["std_error"])


def _events(curve: Curve, outcome: str) -> int:
    frame = curve.frame
    if "outcome" in frame.columns:
        frame = frame.filter(pl.col("outcome") == outcome)
    return round(float(frame["events"].sum()))
