"""Curves by definition: loops over times and persons, derivatives by differences."""

from itertools import pairwise

import numpy as np


def incidence(entry, exit_, event, weight, until, causes):
    """Aalen-Johansen incidences and survival at ``until``, by loops: an array (causes + 1,)."""
    survival, incidences = 1.0, np.zeros(causes, dtype=weight.dtype)
    for time in np.unique(exit_[event > 0]):
        if time > until:
            break
        at_risk = weight[(entry < time) & (exit_ >= time)].sum()
        died = np.array([weight[(exit_ == time) & (event == k + 1)].sum() for k in range(causes)])
        incidences += survival * died / at_risk
        survival *= 1 - died.sum() / at_risk
    return np.append(incidences, survival)


def cumulative_hazard(entry, exit_, event, weight, until):
    """Nelson-Aalen at ``until``, (1,)."""
    total = 0.0
    for time in np.unique(exit_[event > 0]):
        if time <= until:
            at_risk = weight[(entry < time) & (exit_ >= time)].sum()
            total += weight[(exit_ == time) & (event > 0)].sum() / at_risk
    return np.array([total])


def mean_times(entry, exit_, event, weight, until, causes):
    """Areas to ``until`` under each incidence and survival, (causes + 1,)."""
    grid = np.unique(np.append(exit_[(event > 0) & (exit_ < until)], [0.0, until]))
    return sum(
        (b - a) * incidence(entry, exit_, event, weight, a, causes) for a, b in pairwise(grid)
    )


def jackknife_variance(estimate, weight, cluster):
    """Sum over clusters of squared derivatives with respect to the logarithm of their weight.

    estimate : a function of the weights (n,). Complex steps give the derivative to rounding.
    """
    step = 1e-30
    parts = []
    for one in np.unique(cluster):
        moved = weight.astype(complex)
        moved[cluster == one] *= 1 + 1j * step
        parts.append(np.imag(estimate(moved)) / step)
    return (np.array(parts) ** 2).sum(axis=0)
