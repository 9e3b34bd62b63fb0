"""Rows with limits from the likelihood itself, for sparse exposures."""

from typing import Any

import numpy as np

from ..inference import Firth, Inference
from ..model import Comparison
from ..rows import comparison_row
from .firth import held_penalised
from .fit import CoxFit
from .profile import Limits, held_likelihood, profile_limits, split_terms


def likelihood_row(
    inference: Inference, fit: CoxFit, one: Comparison, conf_level: float
) -> dict[str, Any]:
    """The row of a comparison whose coefficients are not aliased.

    A monotone likelihood has no estimate, but one finite limit and a p-value all the same.
    """
    weights = one.weights / fit.scale
    if isinstance(inference, Firth):
        held = held_penalised(fit.problem, weights)
    else:
        held = held_likelihood(fit.problem, weights)
    span = float(np.ptp(split_terms(fit.problem.terms, weights)[1]))
    found = profile_limits(fit.maximum, weights, conf_level, held, span)
    row = comparison_row(one) | {
        "conf_low": _ratio(found.low),
        "conf_high": _ratio(found.high),
        "p_value": found.p_value,
    }
    if (fit.monotone & (one.weights != 0)).any():
        return row | {"note": _one_sided(found)}
    log_estimate = float(one.weights @ fit.beta)
    return row | {
        "log_estimate": log_estimate,
        "estimate": _ratio(log_estimate),
        "std_error": float(np.sqrt(one.weights @ fit.covariance @ one.weights)),
    }


def _ratio(limit: float | None) -> float | None:
    if limit is None:
        return None
    with np.errstate(over="ignore"):  # A ratio per too large a step is infinite, and no warning.
        return float(np.exp(limit))


def _one_sided(found: Limits) -> str:
    if found.low is None and found.high is None:
        return "the likelihood is monotone and never falls enough for a limit"
    side = "0, with an upper limit" if found.low is None else "infinite, with a lower limit"
    return f"the likelihood is monotone: the hazard ratio is {side}"
