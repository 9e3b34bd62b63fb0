"""Variances of a maximum partial likelihood estimate, from information and influence."""

import numpy as np
from scipy import linalg

from ..records import Codes, Flags, Floats
from .partial_likelihood import weighted_crossproduct

ALIASED = 1e-10
"""Share of a column's information left after the columns before it, below which it is aliased."""
PLENTY = 1e-6
"""A share so large that nobody has to look at the columns one by one."""
LOST = 1e-5
"""Share of a column's information that is left where the likelihood runs on, below which those who
told of it are out of the risk sets."""
PART_OF_ANOTHER = 1e-4
"""A weight below this in an aliased column, both in standard units, is rounding error."""


def inverse_information(information: Floats, aliased: Flags) -> Floats:
    """The inverse of the information, (p, p), with zeros for aliased columns."""
    kept = np.flatnonzero(~aliased)
    inverse: Floats = np.zeros(information.shape)
    if kept.size:
        block = information[np.ix_(kept, kept)]
        found = solved(block, np.eye(kept.size))
        inverse[np.ix_(kept, kept)] = linalg.pinvh(block) if found is None else found
    return inverse


def solved(matrix: Floats, right: Floats) -> Floats | None:
    """What the matrix (p, p) makes ``right`` of, by Cholesky's factors; None if not positive."""
    # SciPy's own way to these factors looks at its arguments for longer than it takes to solve.
    _, solution, refused = linalg.lapack.dposv(matrix, right)
    return None if refused else np.asarray(solution)


def aliased_columns(information: Floats, events: float = 0.0) -> Flags:
    """Columns that the ones before them determine, (p,): Cholesky without pivoting, as R does.

    events : their weight, where columns are scaled: what a column of variance 1 in every risk set
    would have. One that is constant within strata has rounding error instead. The information is
    scaled to a unit diagonal first, so that units do not matter.
    """
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    p = size.size
    largest = max(float(size.max(initial=0.0)), np.sqrt(events), 1e-150)
    aliased: Flags = size <= np.sqrt(ALIASED) * largest
    scale = np.where(aliased, 1.0, size)
    left = information / np.outer(scale, scale)
    factor, refused = linalg.lapack.dpotrf(left, lower=1)
    if not (refused or aliased.any()) and (np.diag(factor) ** 2 > PLENTY).all():
        return aliased  # Its squared diagonal is what is left of each column below.
    for column in range(p):
        if aliased[column] or left[column, column] < ALIASED:
            aliased[column] = True
            continue
        pivot = left[column].copy()
        left = left - np.outer(pivot, pivot) / pivot[column]
    return aliased


def undetermined_columns(information: Floats, aliased: Flags) -> Flags:
    """Columns whose coefficient depends on which of them was left out, (p,).

    The aliased ones, and those that an aliased one is made of: with a reference level that nobody
    at risk has, the last level is aliased, and the others would silently be compared with it.
    Only what is the same for every solution is estimable (Searle 1971, Linear Models, section 5.4).
    """
    if not aliased.any():
        return aliased
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    scale = np.where(size > 0, size, 1.0)
    scaled = information / np.outer(scale, scale)
    kept = ~aliased
    makes = np.linalg.lstsq(scaled[np.ix_(kept, kept)], scaled[np.ix_(kept, aliased)], rcond=None)[
        0
    ]
    part = aliased.copy()
    part[kept] = (np.abs(makes) > PART_OF_ANOTHER).any(axis=1)
    return part


def lost_columns(
    information: Floats, information_at_start: Floats, aliased: Flags, monotone: Flags
) -> Flags:
    """Columns that only those tell of whom a monotone likelihood puts out of the risk sets, (p,).

    Where nobody of a level has the event, its coefficient runs to minus infinity, and an effect
    within that level keeps the value it had when the search was stopped: it is not estimable.
    """
    if not monotone.any():
        return np.zeros_like(aliased)
    others = ~aliased & ~monotone
    shrunk = np.diag(information) < LOST * np.diag(information_at_start)
    before = np.diag(inverse_information(information_at_start, aliased))
    after = np.diag(inverse_information(information, aliased))
    return np.asarray(others & (shrunk | (LOST * after > before)))


def robust_variance(dfbeta: Floats) -> Floats:
    """The sum over independent units of squared influence, (p, p).

    dfbeta : (units, p) influence on beta, summed within units. Lin and Wei (1989), JASA
    84:1074-1078; no G / (G - 1) factor, as in R (Stata multiplies by it).
    """
    return dfbeta.T @ dfbeta


def drawn_subcohort_variance(influence: Floats, share: Floats) -> Floats:
    """The variance of drawing a subcohort, (p, p), on the scale of the influence.

    influence : (m, p) of each subcohort person through the risk sets alone. share : (m,) share of
    her sampling stratum that was drawn, in (0, 1].

    Self and Prentice (1988); in the form of Therneau and Li (1999), Lifetime Data Anal 5:99-112.
    """
    return weighted_crossproduct(influence, 1.0 - share)


def drawn_controls_variance(
    influence: Floats, stratum: Codes, share: Floats, *, degrees_lost: int
) -> Floats:
    """The variance of drawing weighted controls within strata, (p, p), on the influence's scale.

    influence : (m, p) weighted, of each drawn control, centred here within strata.
    stratum : (m,) codes from 0. share : (m,) share of the stratum's controls that was drawn.
    degrees_lost : 1 divides by m - 1 (Borgan et al. 2000, equation 17, as R's cch does for its
    methods I and II), 0 by m (as it does for Lin and Ying's).
    """
    total = np.zeros((influence.shape[1], influence.shape[1]))
    for code in np.unique(stratum):
        inside = stratum == code
        centred = influence[inside] - influence[inside].mean(axis=0)
        count = int(inside.sum())
        scale = (1.0 - share[inside][0]) * count / max(count - degrees_lost, 1)
        total += scale * centred.T @ centred
    return total
