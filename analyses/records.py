"""Risk records: the one shape to which every design reduces.

A record is at risk on (entry, exit]. It carries two weights, since a sampled design may let a
person count among the events with one weight and in the risk sets with another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .parts import taken

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

BLOCK = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class RiskRecords:
    """Aligned arrays, each (n,).

    entry, exit : times in the scale's unit, entry may be -infinity. event : did it happen at exit.
    event_weight : what the record adds to the events; risk_weight : to the risk sets.
    offset : known part of the linear predictor. stratum, person, cluster : whole-number codes
    from 0; persons give robust variance its units unless clusters are declared.
    """

    entry: Floats
    exit: Floats
    event: Flags
    event_weight: Floats
    risk_weight: Floats
    offset: Floats
    stratum: Codes
    person: Codes
    cluster: Codes

    @property
    def size(self) -> int:
        """Number of records."""
        return int(self.exit.size)

    def where(self, keep: Flags | Codes) -> "RiskRecords":
        """The records where ``keep`` (n,) is true, or at the places it numbers, from 0."""
        if keep.dtype == np.bool_ and keep.all():
            return self
        places = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep.astype(np.intp)
        columns = [getattr(self, field.name) for field in fields(self)]
        each = {id(column): column for column in columns}  # Both weights are often one array.
        rows = dict(zip(each, taken(list(each.values()), places), strict=True))
        return RiskRecords(*(rows[id(column)] for column in columns))


def side_by_side(columns: Sequence[Floats]) -> Floats:
    """Columns (n,) as one matrix (n, p) of its own."""
    whole = np.empty((columns[0].size, len(columns)))
    for rows in blocks_of(0, whole.shape[0]):
        here = whole[rows]
        for j, column in enumerate(columns):
            here[:, j] = column[rows]
    return whole


def blocks_of(begin: int, end: int, size: int | None = None) -> Iterator[slice]:
    """Slices over rows, each of so few that ten columns stay in the processor's cache."""
    size = size or BLOCK
    for start in range(begin, end, size):
        yield slice(start, min(start + size, end))


def each_once(unit: Codes) -> bool:
    """Whether no unit has more than one record."""
    if bool((unit[1:] > unit[:-1]).all()):
        return True
    if not unit.size:
        return True
    seen = np.zeros(int(unit.max()) + 1, dtype=bool)
    seen[unit] = True
    return int(np.count_nonzero(seen)) == unit.size
