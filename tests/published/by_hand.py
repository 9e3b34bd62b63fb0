"""Pooling written out with numpy, for tests: generalised least squares by its formulas."""

import math

import numpy as np


def by_hand(y, v):
    """Fixed and DerSimonian-Laird pools: (value, std_error, Q), (value, std_error, tau2)."""
    one = np.ones(len(y))
    w = np.linalg.inv(v)
    total = one @ w @ one
    fixed = (one @ w @ y) / total
    p = w - np.outer(w @ one, one @ w) / total
    q = float(y @ p @ y)
    tau2 = max(0.0, (q - len(y) + 1) / np.trace(p))
    wide = np.linalg.inv(v + tau2 * np.eye(len(y)))
    total2 = one @ wide @ one
    return (fixed, total**-0.5, q), ((one @ wide @ y) / total2, total2**-0.5, tau2)


def printed(values):
    """Log ratio and variance from a printed ratio and 95 % limits."""
    ratio, low, high = values
    return math.log(ratio), (math.log(high / low) / (2 * 1.959963984540054)) ** 2
