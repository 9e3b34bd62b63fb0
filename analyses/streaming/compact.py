"""Columns as small as they can be without losing a digit, in memory or mapped from disk."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
Columns = dict[str, Column]
"""The columns of a batch, each (n,), by name."""

ALIGNMENT = 64
_WHOLE = (np.int8, np.int16, np.int32)


def compact(values: Column) -> Column:
    """The same values (n,) in the smallest type that holds every one of them exactly.

    Whole numbers as 1, 2 or 4 bytes, others as single precision where that is exact, else as
    double precision. Minus 0 becomes 0; infinities keep their place.
    """
    if values.dtype == np.bool_ or not values.size:
        return values
    low, high = values.min(), values.max()
    for kind in _WHOLE:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            whole = values.astype(kind)
            if values.dtype.kind in "iu" or bool((whole == values).all()):
                return np.asarray(whole)
            break
    if values.dtype.kind in "iu":
        return values
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return single if bool((single == values).all()) else values


def shelve(path: Path, batches: Iterable[Columns]) -> list[Columns]:
    """Write batches to a new file one after the other, and give them back mapped from it."""
    places: list[dict[str, tuple[int, np.dtype[Any], int]]] = []
    with path.open("wb") as stream:
        at = 0
        for batch in batches:
            here = {}
            for name, column in batch.items():
                here[name] = (at, column.dtype, column.size)
                column.tofile(stream)
                at += column.nbytes
                gap = -at % ALIGNMENT
                stream.write(bytes(gap))
                at += gap
            places.append(here)
    if not at:
        return [{name: np.empty(0, one[1]) for name, one in here.items()} for here in places]
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    return [
        {
            name: whole[begin : begin + kind.itemsize * count].view(kind)
            for name, (begin, kind, count) in here.items()
        }
        for here in places
    ]
