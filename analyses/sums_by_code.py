"""Sums by code: numbers, or rows of them, added up for each code in the order of the records.

A matrix with one entry a column, times what is to be added up, is just that. SciPy's routines for
such products leave Python's lock, which numpy's bincount holds, and add to what is there.
"""

import numpy as np
from scipy import sparse
from scipy.sparse import _sparsetools

from .records import Codes, Floats, blocks_of

AT_ONCE = 32_768
_PLACES = np.arange(AT_ONCE + 1, dtype=np.int64)
_ONES = np.ones(AT_ONCE)
# SciPy promises the products and not the routines behind them: without those, its public way.
_add_numbers = getattr(_sparsetools, "csc_matvec", None)
_add_rows = getattr(_sparsetools, "csc_matvecs", None)


def counts_of(codes: Codes, weights: Floats, size: int) -> Floats:
    """Sums of weights (n,) by code, (size,)."""
    if codes.size < AT_ONCE or _add_numbers is None:
        return np.asarray(np.bincount(codes, weights, size), dtype=np.float64)
    sums = np.zeros(size)
    for at in blocks_of(0, codes.size, AT_ONCE):
        n = at.stop - at.start
        _add_numbers(size, n, _PLACES[: n + 1], codes[at], weights[at], _ONES[:n], sums)
    return sums


def column_sums(codes: Codes, weights: Floats, columns: Floats, size: int) -> Floats:
    """Sums of weights (n,) times columns (n, p) by code, (size, p)."""
    sums = np.zeros((size, columns.shape[1]))
    add_rows(sums, codes, weights, columns)
    return sums


def add_rows(sums: Floats, codes: Codes, weights: Floats, rows: Floats) -> None:
    """Adds weights (n,) times rows (n, p) to the sums of their codes, (codes, p)."""
    size, p = sums.shape
    for at in blocks_of(0, codes.size, AT_ONCE):
        n, own, weight, columns = at.stop - at.start, codes[at], weights[at], rows[at]
        places = _PLACES[: n + 1]
        if _add_rows is None:
            sums += np.asarray(sparse.csc_array((weight, own, places), shape=(size, n)) @ columns)
        else:
            _add_rows(size, n, p, places, own, weight, columns.ravel(), sums.ravel())
