"""Spline bases with declared knots, so that any data are encoded alike."""

import numpy as np

from .records import Floats


def restricted_cubic(x: Floats, knots: Floats) -> Floats:
    """Restricted cubic spline, (n, k - 1): x itself and k - 2 cubic pieces, linear in the tails.

    Harrell, Regression Modeling Strategies (2nd ed. 2015), equation 2.25; each piece is divided by
    (t_k - t_1)^2 so that all columns are in the unit of x.
    """
    last, before = knots[-1], knots[-2]

    def cubed(t: float) -> Floats:
        return np.asarray(np.maximum(x - t, 0.0) ** 3)

    pieces = [
        cubed(t)
        - cubed(before) * (last - t) / (last - before)
        + cubed(last) * (before - t) / (last - before)
        for t in knots[:-2]
    ]
    scale = (last - knots[0]) ** 2
    return np.column_stack([x, *(piece / scale for piece in pieces)])


def natural(x: Floats, knots: Floats, boundary: Floats) -> Floats:
    """Natural cubic spline, (n, k + 1): the basis of R's ``splines::ns`` without intercept.

    knots : k inner knots. boundary : the two outer ones, beyond which the spline is a line.
    B-splines of order 4 with the second derivative at the boundary projected out (Hastie, in
    Chambers and Hastie, Statistical Models in S, 1992, chapter 7).
    """
    full = np.concatenate((np.repeat(boundary[0], 4), knots, np.repeat(boundary[1], 4)))
    inside = np.clip(x, boundary[0], boundary[1])
    basis = _b_splines(inside, full, 0)
    for edge in boundary:
        beyond = x < edge if edge == boundary[0] else x > edge
        if beyond.any():
            at = np.array([edge])
            slope = _b_splines(at, full, 1)
            basis[beyond] = _b_splines(at, full, 0) + (x[beyond] - edge)[:, None] * slope
    curvature = _b_splines(np.asarray(boundary, dtype=float), full, 2)
    q, _ = np.linalg.qr(curvature[:, 1:].T, mode="complete")
    return np.asarray((basis[:, 1:] @ q)[:, 2:])


def _b_splines(x: Floats, knots: Floats, derivative: int, degree: int = 3) -> Floats:
    """B-splines of a degree, or a derivative of them, (n, knots - degree - 1).

    De Boor, A Practical Guide to Splines (1978), chapter 10, equations 4 and 8.
    """
    if degree == 0:
        last = int(np.flatnonzero(np.diff(knots) > 0)[-1])
        place = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, last)
        return np.asarray(np.arange(knots.size - 1) == place[:, None], dtype=np.float64)
    lower = _b_splines(x, knots, max(derivative - 1, 0), degree - 1)
    count = knots.size - degree - 1
    width = knots[degree:-1] - knots[:count], knots[degree + 1 :] - knots[1 : count + 1]
    inverse = [np.divide(1.0, w, out=np.zeros_like(w), where=w > 0) for w in width]
    left, right = lower[:, :count] * inverse[0], lower[:, 1 : count + 1] * inverse[1]
    if derivative:
        return np.asarray(degree * (left - right))
    rising, falling = x[:, None] - knots[:count], knots[degree + 1 :] - x[:, None]
    return np.asarray(left * rising + right * falling)
