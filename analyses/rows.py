"""Rows of estimates from a fitted model: log ratio, standard error, Wald limits, or why not."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .model import Comparison
from .records import Flags, Floats


def normal_quantile(conf_level: float) -> float:
    """The normal quantile of a two-sided interval: 1.96 for 0.95."""
    return float(special.ndtri(0.5 + conf_level / 2))


def wald_row(log_estimate: float, std_error: float, conf_level: float) -> dict[str, Any]:
    """The columns of a ratio with Wald limits on the log scale."""
    reach = normal_quantile(conf_level) * std_error
    with np.errstate(over="ignore"):  # A ratio per too large a step is infinite, and no warning.
        ratio, low, high = np.exp([log_estimate, log_estimate - reach, log_estimate + reach])
    return {
        "log_estimate": log_estimate,
        "std_error": std_error,
        "estimate": float(ratio),
        "conf_low": float(low),
        "conf_high": float(high),
        "p_value": float(2 * special.ndtr(-abs(log_estimate / std_error))),
    }


def comparison_row(one: Comparison) -> dict[str, Any]:
    """The columns that say what a row compares."""
    return {
        "variable": one.variable,
        "contrast": one.contrast,
        "modifier_level": one.modifier_level,
    }


def wald_rows(
    comparisons: tuple[Comparison, ...],
    beta: Floats,
    covariance: Floats,
    refused: Flags,
    why: Callable[[Flags], str],
    conf_level: float,
) -> list[dict[str, Any]]:
    """One row a comparison; those that use a refused coefficient (p,) say why instead."""
    rows = []
    for one in comparisons:
        used = one.weights != 0
        if (used & refused).any():
            rows.append(comparison_row(one) | {"note": why(used)})
            continue
        log_estimate = float(one.weights @ beta)
        std_error = float(np.sqrt(one.weights @ covariance @ one.weights))
        rows.append(comparison_row(one) | wald_row(log_estimate, std_error, conf_level))
    return rows
