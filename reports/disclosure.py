"""What may not be shown of few people: one rule for every table, sentence and figure.

A count above 0 and below the smallest cell is withheld. So that margins do not give it back, a
line of a table with a withheld count has at least two, and those of a line add up to at least the
smallest cell; where need be, a 0 is withheld as well. Margins are a line of their own. Every
withheld count has the same sign, whichever rule withheld it.

Hundepool et al. (2012), Statistical Disclosure Control, chapter 4 (secondary suppression); the
rule on sums is ours, and on the safe side.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
Hidden = NDArray[np.bool_]


def small(count: float | None, smallest: int) -> bool:
    """Whether a count is of somebody, and of too few."""
    return count is not None and 0 < count < smallest


def hidden_cells(counts: Counts, smallest: int) -> Hidden:
    """Which counts of a table are withheld, (rows, columns).

    counts : the inner cells, whose row and column sums a reader knows or can find.
    """
    hidden = (counts > 0) & (counts < smallest)
    if counts.ndim != 2:
        raise ValueError("counts must have rows and columns")
    changed = bool(hidden.any())
    while changed:
        changed = False
        for line in _lines(counts.shape):
            if _protect(counts, hidden, line, smallest):
                changed = True
    return hidden


Line = tuple[slice | int, slice | int]


def _lines(shape: tuple[int, ...]) -> Iterable[Line]:
    rows, columns = shape
    everything = slice(None)
    if columns > 1:
        yield from ((row, everything) for row in range(rows))
    if rows > 1:
        yield from ((everything, column) for column in range(columns))


def _protect(counts: Counts, hidden: Hidden, line: Line, smallest: int) -> bool:
    """Withhold the smallest further count of a line that would give a withheld one back."""
    values, marks = counts[line], hidden[line]
    if not marks.any():
        return False
    enough = marks.sum() >= 2 and values[marks].sum() >= smallest
    # A 0 hides little and is itself harmless: it goes only when nothing else is left to go.
    open_cells = np.flatnonzero(~marks & (values > 0))
    if open_cells.size == 0:
        open_cells = np.flatnonzero(~marks)
    if enough or open_cells.size == 0:
        return False
    marks[open_cells[np.argmin(values[open_cells])]] = True
    hidden[line] = marks
    return True


def hidden_line(counts: Sequence[float], smallest: int) -> tuple[bool, ...]:
    """Which counts of a single line with a known sum are withheld."""
    table = np.asarray([counts], dtype=np.float64)
    return tuple(bool(one) for one in hidden_cells(table, smallest)[0])


def apart(
    values: Sequence[float | None], smallest: int, told: Sequence[float] = ()
) -> tuple[bool, ...]:
    """Which of several counts of nearly the same people are withheld.

    Two counts that differ by fewer than the smallest cell tell of those few by subtraction. The
    largest is kept, and each other is withheld that is too close to one that is kept. told : counts
    of the same people that stand elsewhere on the page.
    """
    kept = list(told)
    hidden = [False] * len(values)
    order = sorted(
        (place for place, value in enumerate(values) if value is not None),
        key=lambda place: (-float(values[place] or 0), place),
    )
    for place in order:
        value = float(values[place] or 0)
        if small(value, smallest) or any(0 < abs(one - value) < smallest for one in kept):
            hidden[place] = True
        else:
            kept.append(value)
    return tuple(hidden)
