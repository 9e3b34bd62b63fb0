"""Small cells: withheld, and not to be had back from the margins.

The attack is written out here: a reader knows every shown count, that a withheld one is at least 1
(unless a 0 had to be withheld as well), and every row and column sum that the same rule lets stand
in the margin.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.disclosure import apart, hidden_cells, hidden_line, small


def possible_values(counts: np.ndarray, hidden: np.ndarray) -> dict[tuple[int, int], set[int]]:
    """By brute force, the values each withheld cell may have for such a reader."""
    places = [tuple(place) for place in np.argwhere(hidden)]
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    known = [(i, slice(None)) for i, hide in enumerate(hidden_line(rows, 5)) if not hide]
    known += [(slice(None), j) for j, hide in enumerate(hidden_line(columns, 5)) if not hide]
    least = 0 if (counts[hidden] == 0).any() else 1
    if not places:
        return {}
    span = np.arange(least, int(counts.sum()) + 1)
    grid = np.stack(np.meshgrid(*[span] * len(places), indexing="ij"), axis=-1)
    trials = np.repeat(counts[None], grid.size // len(places), axis=0)
    for number, place in enumerate(places):
        trials[:, place[0], place[1]] = grid[..., number].ravel()
    fits = np.ones(len(trials), dtype=bool)
    for i, j in known:
        fits &= trials[:, i, j].sum(axis=1) == counts[i, j].sum()
    return {place: set(trials[fits][:, place[0], place[1]].tolist()) for place in places}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=4, max_size=4))
def test_margins_do_not_give_a_withheld_cell_back(cells: list[int]) -> None:
    counts = np.array(cells, dtype=float).reshape(2, 2)
    hidden = hidden_cells(counts, 5)
    assert hidden[(counts > 0) & (counts < 5)].all()
    for (i, j), values in possible_values(counts, hidden).items():
        if 0 < counts[i, j] < 5:
            assert len(values) > 1


def test_primary_and_secondary() -> None:
    """2 of 2, 40, 58: the 40 must go as well, or a row total gives the 2 back."""
    assert hidden_line([2, 40, 58], 5) == (True, True, False)
    assert hidden_line([0, 40, 58], 5) == (False, False, False)
    assert hidden_line([5, 40, 58], 5) == (False, False, False)


def test_two_small_cells_that_add_up_to_little_take_a_third() -> None:
    """1 and 1: their sum 2 would say that both are 1."""
    assert hidden_line([1, 1, 30, 50], 5) == (True, True, True, False)


def test_rows_protect_columns() -> None:
    counts = np.array([[3.0, 20.0, 30.0], [40.0, 25.0, 50.0], [60.0, 70.0, 80.0]])
    hidden = hidden_cells(counts, 5)
    assert (hidden.sum(axis=0)[hidden.any(axis=0)] >= 2).all()
    assert (hidden.sum(axis=1)[hidden.any(axis=1)] >= 2).all()


def test_smallest_cell_of_one_withholds_nothing() -> None:
    assert not hidden_cells(np.array([[1.0, 2.0], [3.0, 4.0]]), 1).any()


def test_counts_that_differ_by_a_few_are_not_shown_together() -> None:
    """108 and 105 events in two models: their difference is of three women."""
    assert apart([108, 105], 5) == (False, True)
    assert apart([108, 108], 5) == (False, False)
    assert apart([108, 103], 5) == (False, False)
    assert apart([3, 108], 5) == (True, False)
    assert apart([None, 108], 5) == (False, False)


@pytest.mark.parametrize(("count", "is_small"), [(0, False), (1, True), (4, True), (5, False)])
def test_small(count: int, is_small: bool) -> None:
    assert is_small == small(count, 5)
