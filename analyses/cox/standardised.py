"""The terms of a fit: columns centred and scaled, side by side, for the records at risk."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..parts import by_parts, room, sum_in_order
from ..records import Codes, Flags, Floats, blocks_of
from ..sums_by_code import column_sums

AT_ONCE = 12_288
SOME, RUN = 8_192, 64
"""Records that the first guess is made of, and how many of them stand side by side."""
FLAT = 1e-13
"""A spread this small beside the mean is rounding error."""
NEARLY = 0.1
"""How far from 0 the mean of a column may be left, and from 1 its standard deviation."""
FAR_OUT = 30.0
"""Standard deviations from which on a value has moved the mean: the median then serves."""
CLOSE = 0.03
"""A spread within strata below this share of the whole: what strata differ by would drown it."""
NOISE = 1e-12
"""A spread within strata below this share of the values themselves is their rounding."""


class Standardised(NamedTuple):
    """Terms (m, p), the centre and the scale of each column, (p,).

    apart : (strata, p) by how much more than the centre each stratum was centred; None where all
    have the same.
    """

    terms: Floats
    centre: Floats
    scale: Floats
    apart: Floats | None = None


def standardised(columns: Sequence[Floats], kept: Flags, stratum: Codes) -> Standardised:
    """The kept rows of columns (n,) as terms, centred and scaled.

    stratum : (n,) codes from 0. Age + 1e6 then loses no digit, and units do not matter. Mean and
    standard deviation of a part of the rows do for that, and all are read once, but where those of
    all are another 0 and 1. A column that hardly varies within strata is centred in each, which
    changes no likelihood. A column without variation is 0 with scale 1: it is aliased. The scale is
    not finite where squares of values are not.
    """
    with np.errstate(all="ignore"):  # Squares that are too large: the scale is then not finite.
        places = None if kept.all() else np.flatnonzero(kept)
        size = kept.size if places is None else places.size
        some = _spread_over(size)
        at = some if places is None else places[some]
        part = room("some", len(columns), 2 * SOME + RUN)[:, : at.size]
        for column, own in zip(columns, part, strict=True):
            column.take(at, out=own, mode="clip")
        found = _standardised(columns, places, size, part)
        close = _close_within(part, stratum[at])
        if close.any():
            return _within_strata(found, close, stratum if places is None else stratum[places])
        return found


def _standardised(
    columns: Sequence[Floats], places: Codes | None, size: int, part: Floats
) -> Standardised:
    centre, scale, flat = _centred(part)
    if part.shape[1] == size:
        part /= scale[:, None]
        part[flat] = 0.0
        return Standardised(part.T.copy(), centre, scale)
    terms = np.empty((size, len(columns)))

    def fill(part: slice) -> Floats:
        sums = np.zeros((2, len(columns)))
        for rows in blocks_of(part.start, part.stop, AT_ONCE):
            block = room("columns", len(columns), AT_ONCE)[:, : rows.stop - rows.start]
            for j, values in enumerate(block):
                own = columns[j][rows] if places is None else columns[j].take(places[rows])
                np.subtract(own, centre[j], out=values)
            block /= scale[:, None]
            sums[0] += block.sum(axis=1)
            sums[1] += np.einsum("ij,ij->i", block, block)
            terms[rows] = block.T
        return sums

    mean, square = sum_in_order(by_parts(size, fill)) / size
    return _mended(terms, centre, scale, (mean, np.sqrt(np.maximum(square - mean**2, 0.0))))


def _mended(
    terms: Floats, centre: Floats, scale: Floats, found: tuple[Floats, Floats]
) -> Standardised:
    """The terms (m, p), where mean and spread of all (p,) were found to be another 0 and 1."""
    mean, spread = found
    flat = scale * spread <= FLAT * np.abs(centre + scale * mean)
    terms[:, flat] = 0.0
    # Beside a large spread, which may be that of one value, the mean of some is the better one.
    moved = ~flat & (np.abs(mean) > NEARLY * spread)
    stretched = ~flat & (np.abs(spread - 1.0) > NEARLY)
    move, stretch = np.where(moved, mean, 0.0), np.where(stretched, spread, 1.0)
    for j in np.flatnonzero(moved | stretched):
        terms[:, j] = (terms[:, j] - move[j]) / stretch[j]
    centre = centre + scale * np.where(flat, mean, move)
    return Standardised(terms, centre, np.where(flat, 1.0, scale * stretch))


def _centred(part: Floats) -> tuple[Floats, Floats, Flags]:
    """Centres and scales, (p,), of columns in some rows (p, rows), and which do not vary there.

    The scale of those is 1. The centres are taken off the rows.
    """
    centre = part.mean(axis=1)
    part -= centre[:, None]
    scale = np.sqrt(np.einsum("ij,ij->i", part, part) / max(part.shape[1], 1))
    far = np.maximum(part.max(axis=1), -part.min(axis=1)) > FAR_OUT * scale
    flat = scale <= FLAT * np.abs(centre)
    scale[flat] = 1.0
    if far.any():
        middle = np.median(part[far], axis=1)
        part[far] -= middle[:, None]
        centre[far] += middle
    return centre, scale, flat


def _close_within(part: Floats, stratum: Codes) -> Flags:
    """Columns of some rows (p, rows) that vary far less within strata than at all, (p,)."""
    if not stratum.any():
        return np.zeros(len(part), dtype=bool)
    code = stratum
    if stratum.max() > 4 * stratum.size:
        code = np.unique(stratum, return_inverse=True)[1].reshape(-1)
    each = np.bincount(code)
    sums = np.array([np.bincount(code, one) for one in part])
    square = np.einsum("ij,ij->i", part, part)
    whole = square - sums.sum(axis=1) ** 2 / code.size
    within = square - (sums**2 / np.maximum(each, 1)).sum(axis=1)
    free = max(code.size - np.count_nonzero(each), 1)
    return np.asarray((whole > 0) & (within * code.size <= CLOSE**2 * whole * free))


def _within_strata(whole: Standardised, close: Flags, stratum: Codes) -> Standardised:
    """Those columns centred in each stratum (n,), and scaled by their spread there."""
    terms, centre, scale, _ = whole
    own = terms[:, close]
    strata = int(stratum.max()) + 1
    each = np.maximum(np.bincount(stratum, minlength=strata), 1)[:, None]
    mean = column_sums(stratum, np.ones(stratum.size), own, strata) / each
    own -= mean[stratum]
    spread = np.sqrt(np.einsum("ij,ij->j", own, own) / max(len(own), 1))
    flat = spread <= NOISE * (1.0 + np.abs(centre[close] / scale[close]))
    own[:, flat] = 0.0
    spread[flat] = 1.0
    terms[:, close] = own / spread
    apart = np.zeros((strata, close.size))
    apart[:, close] = mean * scale[close]
    scale = scale.copy()
    scale[close] *= spread
    return Standardised(terms, centre, scale, apart)


def _spread_over(size: int) -> Codes:
    """About SOME rows of ``size``, in runs, since memory is read in runs; all, where these are few.

    The mean of such a part is at most sqrt(size / SOME) standard deviations from that of all.
    """
    if size <= 2 * SOME:
        return np.arange(size)
    starts = np.arange(0, size - RUN, RUN * (size // SOME))
    return (starts[:, None] + np.arange(RUN)).ravel()
