"""The first pass over a scanned folder: where batches may be cut, and which times there are.

Only persons, clusters and times are read. That nobody stands in two places is checked without
holding the persons: by their order where it is increasing, else by sorting them on disk.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..declaration import Declaration
from ..errors import CohortError, DesignError, FollowUpError, UnsupportedError, counted
from ..progress import Meter
from ..scanned import ScannedPart, located, person_runs, rows_of
from ..timescales import merge_near_equal, times_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

LARGEST_WHOLE_TIME = 6e7
"""Whole times below it are never merged: they are at least 1 apart (see timescales)."""
MOST_TIMES = 20_000_000
BUCKETS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Parts with their batches, and their times.

    times : (m,) what near-equal times are merged to, None where no two are near. merged : how
    many were merged away.
    """

    parts: tuple[ScannedPart, ...]
    times: Floats | None
    merged: int


def outline_of(
    files: Sequence[tuple[Path, int]], declaration: Declaration, batch_rows: int, meter: Meter
) -> Outline:
    """Outline of files, each with its number of records.

    Raises FollowUpError when a person's records do not stand side by side in one file, DesignError
    the same for a cluster, UnsupportedError for a cluster larger than a batch or too many times.
    """
    times = _Times()
    orders = {name: _Order() for name in _units(declaration)}
    parts = []
    for path, rows in files:
        parts.append(_cut(path, rows, declaration, batch_rows, _Seen(times, orders)))
        meter.add("reading persons and times", float(rows))
    for name, order in orders.items():
        if not order.increasing:
            _refuse_recurring(parts, name, declaration)
    kept, merged = times.merged()
    return Outline(tuple(parts), kept, merged)


def _units(declaration: Declaration) -> tuple[str, ...]:
    """The columns whose values must stand side by side; the last is what batches are cut by."""
    return tuple(name for name in (declaration.person, declaration.cluster) if name is not None)


@dataclass(frozen=True, slots=True)
class _Seen:
    times: "_Times"
    orders: dict[str, "_Order"]


def _cut(
    path: Path, rows: int, declaration: Declaration, batch_rows: int, seen: _Seen
) -> ScannedPart:
    """Read a file once and cut it where a new unit begins."""
    units = _units(declaration)
    last: dict[str, pl.Series] = {}
    cuts = [0]
    for begin in range(0, rows, batch_rows):
        end = min(begin + batch_rows, rows)
        columns = tuple(dict.fromkeys((*units, *declaration.follow_up.columns())))
        frame = rows_of(path, columns, begin, end)
        try:
            heads = {name: _heads(frame[name], last.get(name)) for name in units}
            seen.times.add(frame, declaration)
            _refuse_divided(heads, declaration)
        except CohortError as error:
            raise located(error, ScannedPart(path, (0, rows)), begin, end) from None
        for name in units:
            seen.orders[name].add(frame[name].gather(heads[name]))
            last[name] = frame[name].tail(1)
        starts = heads[units[-1]] + begin
        if end == rows:
            cuts.append(rows)
        elif starts.size and starts[-1] > cuts[-1]:
            cuts.append(int(starts[-1]))
        if end - cuts[-1] > 4 * batch_rows:
            raise UnsupportedError(
                f"in '{path.name}', the records of one {_word(units[-1], declaration)} from row "
                f"{cuts[-1] + 1:,} are more than four batches of {batch_rows:,}: scan with a "
                "larger batch_rows=, so that they are together in a batch."
            )
    return ScannedPart(path, tuple(cuts))


def _heads(series: pl.Series, before: pl.Series | None) -> Rows:
    """Rows (from 0) at which a new unit begins; ``before`` is the row before the first."""
    if before is None:
        runs = person_runs(series).to_numpy().astype(np.int64)
        return np.flatnonzero(np.diff(runs, prepend=-1)).astype(np.int64)
    runs = person_runs(pl.concat([before, series])).to_numpy().astype(np.int64)
    return np.flatnonzero(np.diff(runs)).astype(np.int64)


def _refuse_divided(heads: dict[str, Rows], declaration: Declaration) -> None:
    """A cluster that begins where no person does divides a person."""
    if declaration.cluster is None or declaration.cluster == declaration.person:
        return
    divided = np.setdiff1d(heads[declaration.cluster], heads[declaration.person])
    if divided.size:
        raise DesignError(
            f"{counted(divided.size, 'records differ')} from an earlier record of the same "
            "person in cluster "
            f"'{declaration.cluster}' (first: row {divided[0] + 1:,}): expected one cluster for a "
            "person."
        )


def _word(name: str, declaration: Declaration) -> str:
    return "person" if name == declaration.person else f"cluster '{name}'"


class _Order:
    """Whether the units have been increasing so far, which shows that none came back."""

    __slots__ = ("_last", "increasing")

    def __init__(self) -> None:
        self.increasing = True
        self._last: pl.Series | None = None

    def add(self, units: pl.Series) -> None:
        if not self.increasing or not len(units):
            return
        if isinstance(units.dtype, (pl.Categorical, pl.Enum)):
            units = units.cast(pl.String)
        whole = units if self._last is None else pl.concat([self._last, units])
        self.increasing = bool((whole.slice(1) > whole.head(len(whole) - 1)).all())
        self._last = units.tail(1)


def _refuse_recurring(parts: Sequence[ScannedPart], name: str, declaration: Declaration) -> None:
    """Sort the beginnings of all units on disk, a bucket at a time, and refuse any that is twice.

    Text is compared by two hashes of 64 bits: that two of 1e9 persons share both has a chance of
    1e-21.
    """
    with tempfile.TemporaryDirectory(prefix="microcohort-") as folder:
        files = [Path(folder) / f"{bucket:03d}" for bucket in range(BUCKETS)]
        for first, keys in _beginnings(parts, name):
            del first
            bucket = (keys[:, 0] >> np.uint64(56)).astype(np.int64)
            order = np.argsort(bucket, kind="stable")
            ends = np.searchsorted(bucket[order], np.arange(BUCKETS + 1))
            for place in range(BUCKETS):
                some = keys[order[ends[place] : ends[place + 1]]]
                if len(some):
                    with files[place].open("ab") as stream:
                        some.tofile(stream)
        twice = [_twice(file) for file in files if file.exists()]
    rows = np.sort(np.concatenate(twice)) if twice else np.empty(0, dtype=np.int64)
    if not rows.size:
        return
    where = ", ".join(_place(parts, int(row)) for row in rows[:5])
    word = _word(name, declaration)
    kind = FollowUpError if name == declaration.person else DesignError
    raise kind(
        f"{rows.size:,} times the records of a {word} begin again after another's "
        f"({where}): "
        f"expected them side by side in one file. Sort the data by '{name}' and keep each {word} "
        "in one file; if identifiers are doubled, remove the doubles."
    )


def _beginnings(
    parts: Sequence[ScannedPart], name: str
) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """Two hashes of every unit that begins, and its record's number over all parts, (m, 3)."""
    start = 0
    for part in parts:
        last: pl.Series | None = None
        for begin, end in part.batches:
            series = rows_of(part.path, (name,), begin, end)[name]
            heads = _heads(series, last)
            last = series.tail(1)
            units = series.gather(heads)
            if isinstance(units.dtype, (pl.Categorical, pl.Enum)):
                units = units.cast(pl.String)
            hashes = [units.hash(seed).to_numpy() for seed in (1, 2)]
            yield start, np.column_stack((*hashes, (heads + begin + start).astype(np.uint64)))
        start += part.rows


def _twice(file: Path) -> Rows:
    """Record numbers at which a unit begins again."""
    keys = np.fromfile(file, dtype=np.uint64).reshape(-1, 3)
    order = np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0]))
    pairs = keys[order]
    again = (pairs[1:, :2] == pairs[:-1, :2]).all(axis=1)
    rows: Rows = pairs[1:][again, 2].astype(np.int64)
    return rows


def _place(parts: Sequence[ScannedPart], row: int) -> str:
    for part in parts:
        if row < part.rows:
            return f"'{part.path.name}' row {row + 1:,}"
        row -= part.rows
    return "the end"


class _Times:
    """The distinct times of entry and exit, as far as any could differ by rounding alone."""

    __slots__ = ("_distinct", "_pending", "_whole", "_whole_times")

    def __init__(self) -> None:
        self._whole = True
        self._whole_times = np.zeros(1024, dtype=bool)
        self._distinct = np.empty(0)
        self._pending: list[Floats] = []

    def add(self, frame: pl.DataFrame, declaration: Declaration) -> None:
        follow_up = declaration.follow_up
        for column in (follow_up.entry, follow_up.exit):
            if column is None:
                continue
            times = times_of(frame, column, follow_up.scale)
            times = times[np.isfinite(times)]
            if not times.size:
                continue
            if _small_whole(times):
                self._mark(times.astype(np.int64))
                continue
            whole = bool((times == np.rint(times)).all() and np.abs(times).max() < 6e7)
            self._whole = self._whole and whole
            self._pending.append(np.unique(times))
            if sum(one.size for one in self._pending) > 2_000_000:
                self._gather()

    def _mark(self, times: Rows) -> None:
        largest = int(times.max())
        if largest >= self._whole_times.size:
            wider = np.zeros(2 * largest + 1, dtype=bool)
            wider[: self._whole_times.size] = self._whole_times
            self._whole_times = wider
        self._whole_times[times] = True

    def _gather(self) -> None:
        self._distinct = np.unique(np.concatenate([self._distinct, *self._pending]))
        self._pending = []
        if self._distinct.size > MOST_TIMES:
            raise UnsupportedError(
                f"the decimal times of this cohort take more than {MOST_TIMES:,} values, too many "
                "to merge those that differ by rounding alone: give times in whole days, or "
                "rounded to what was measured."
            )

    def merged(self) -> tuple[Floats | None, int]:
        """What times are merged to, and how many are merged away; None where nothing is."""
        if self._whole:
            return None, 0
        self._gather()
        distinct = np.unique(
            np.concatenate((self._distinct, np.flatnonzero(self._whole_times).astype(float)))
        )
        (kept,), merged = merge_near_equal(distinct)
        return (np.unique(kept), merged) if merged else (None, 0)


def _small_whole(times: Floats) -> bool:
    low, high = float(times.min()), float(times.max())
    return bool(low >= 0 and high < 4e6 and (times == np.rint(times)).all())
