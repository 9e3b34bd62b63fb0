"""The terms of a fit: columns centred and scaled, side by side, for the records at risk."""

from collections.abc import Callable, Sequence

import numpy as np

from ..parts import by_parts, room, sum_in_order
from ..records import BLOCK, Flags, Floats, blocks_of

Gather = Callable[[slice], Floats]


def standardised(columns: Sequence[Floats], kept: Flags) -> tuple[Floats, Floats, Floats]:
    """The kept rows of columns (n,) as a matrix (m, p), with their centre and scale (p,).

    Age + 1e6 then loses no digit, and units do not matter. A column without variation is 0 with
    scale 1: it is aliased.
    """
    places = None if kept.all() else np.flatnonzero(kept)
    size = kept.size if places is None else places.size

    def gather(rows: slice) -> Floats:
        block = room("columns", len(columns), BLOCK)[:, : rows.stop - rows.start]
        for column, values in zip(columns, block, strict=True):
            if places is None:
                values[:] = column[rows]
            else:
                np.take(column, places[rows], out=values, mode="clip")
        return block

    centre, scale = _centre_and_scale(gather, size)
    flat = scale <= 1e-13 * np.abs(centre)
    scale[flat] = 1.0
    terms = np.empty((size, len(columns)))

    def fill(part: slice) -> None:
        for rows in blocks_of(part.start, part.stop):
            block = gather(rows)
            block -= centre[:, None]
            block /= scale[:, None]
            block[flat] = 0.0
            terms[rows] = block.T

    by_parts(size, fill)
    return terms, centre, scale


def _centre_and_scale(gather: Gather, size: int) -> tuple[Floats, Floats]:
    """Means and standard deviations of columns, (p,), of ``size`` rows.

    The mean of a part is taken off first, so that one pass gives both: the part is among the rows,
    so that its mean is at most sqrt(size / BLOCK) standard deviations from theirs.
    """
    near = gather(slice(0, min(BLOCK, size))).mean(axis=1)

    def add_up(part: slice) -> Floats:
        sums = np.zeros((2, near.size))
        for rows in blocks_of(part.start, part.stop):
            block = gather(rows)
            block -= near[:, None]
            sums[0] += block.sum(axis=1)
            sums[1] += np.einsum("ij,ij->i", block, block)
        return sums

    moved, squares = sum_in_order(by_parts(size, add_up)) / max(size, 1)
    return near + moved, np.sqrt(np.maximum(squares - moved**2, 0.0))
