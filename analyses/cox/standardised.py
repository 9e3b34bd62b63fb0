"""The terms of a fit: columns centred and scaled, side by side, for the records at risk."""

from collections.abc import Sequence

import numpy as np

from ..parts import by_parts, room, sum_in_order
from ..records import Codes, Flags, Floats, blocks_of

AT_ONCE = 12_288
SOME, RUN = 8_192, 64
"""Records that the first guess is made of, and how many of them stand side by side."""
FLAT = 1e-13
"""A spread this small beside the mean is rounding error."""
NEARLY = 0.1
"""How far from 0 the mean of a column may be left, and from 1 its standard deviation."""


def standardised(columns: Sequence[Floats], kept: Flags) -> tuple[Floats, Floats, Floats]:
    """The kept rows of columns (n,) as a matrix (m, p), with their centre and scale (p,).

    Age + 1e6 then loses no digit, and units do not matter. Mean and standard deviation of a part
    of the rows do for that, and all are read once, but where those of all are another 0 and 1. A
    column without variation is 0 with scale 1: it is aliased. The scale is not finite where squares
    of values are not.
    """
    with np.errstate(all="ignore"):  # Squares that are too large: the scale is then not finite.
        return _standardised(columns, kept)


def _standardised(columns: Sequence[Floats], kept: Flags) -> tuple[Floats, Floats, Floats]:
    places = None if kept.all() else np.flatnonzero(kept)
    size = kept.size if places is None else places.size
    some = _spread_over(size)
    part = np.array([column.take(some if places is None else places[some]) for column in columns])
    centre, scale = part.mean(axis=1), part.std(axis=1)
    flat = scale <= FLAT * np.abs(centre)
    scale[flat] = 1.0
    if some.size == size:
        part -= centre[:, None]
        part /= scale[:, None]
        part[flat] = 0.0
        return part.T.copy(), centre, scale
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
) -> tuple[Floats, Floats, Floats]:
    """Terms (m, p) with their centre and scale, where mean and spread were found to be another."""
    mean, spread = found
    flat = scale * spread <= FLAT * np.abs(centre + scale * mean)
    terms[:, flat] = 0.0
    far = ~flat & ((np.abs(mean) > NEARLY) | (np.abs(spread - 1.0) > NEARLY))
    for j in np.flatnonzero(far):
        terms[:, j] = (terms[:, j] - mean[j]) / spread[j]
    moved = np.where(far | flat, scale * mean, 0.0)
    return terms, centre + moved, np.where(flat, 1.0, scale * np.where(far, spread, 1.0))


def _spread_over(size: int) -> Codes:
    """About SOME rows of ``size``, in runs, since memory is read in runs; all, where these are few.

    The mean of such a part is at most sqrt(size / SOME) standard deviations from that of all.
    """
    if size <= 2 * SOME:
        return np.arange(size)
    starts = np.arange(0, size - RUN, RUN * (size // SOME))
    return (starts[:, None] + np.arange(RUN)).ravel()
