"""From decoded columns to records on a common axis of slots."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Codes, Floats
from ..sums_by_code import counts_of
from .compact import Column, Columns, compact
from .decode import Counts, Level

LARGEST_TABLE = 4_000_000
SOME = 1_024
"""Records of a batch, at least, whose median is near enough to that of all."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The event times of all strata, laid end to end as slots.

    times : (T,) distinct event times. keys : (K,) stratum times (T + 1) plus the place of the
    slot's time among them, increasing. begins : (strata with events + 1,) first slot of each.
    strata : code of each stratum.
    """

    times: Floats
    keys: Codes
    begins: Codes
    strata: dict[Level, int]

    @property
    def count(self) -> int:
        """Number of slots."""
        return int(self.keys.size)


def grid_of(counts: Sequence[Counts]) -> Grid:
    """The slots of all parts together."""
    levels = sorted({level for one in counts for level in one.strata}, key=_sortable)
    strata = {level: code for code, level in enumerate(levels)}
    found: dict[int, list[Floats]] = {}
    for one in counts:
        for level, times in zip(one.strata, one.event_times, strict=True):
            if times.size:
                found.setdefault(strata[level], []).append(times)
    distinct = {code: np.unique(np.concatenate(times)) for code, times in sorted(found.items())}
    times = np.unique(np.concatenate([*distinct.values(), np.empty(0)]))
    width = times.size + 1
    keys = [code * width + np.searchsorted(times, own) for code, own in distinct.items()]
    sizes = [own.size for own in distinct.values()]
    return Grid(
        times=times,
        keys=np.concatenate([*keys, np.empty(0, dtype=np.int64)]).astype(np.int64),
        begins=np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))).astype(np.int64),
        strata=strata,
    )


def _sortable(level: Level) -> tuple[tuple[str, object], ...]:
    return tuple((type(value).__name__, value) for value in level)


def on_slots(batches: Iterable[Columns], levels: Sequence[Level], grid: Grid) -> Iterator[Columns]:
    """The records at risk for any slot, with ``first`` and ``past`` in place of times.

    levels : the strata in the order of the part's codes.
    """
    code = np.array([grid.strata[level] for level in levels], dtype=np.int64)
    for batch in batches:
        stratum = code[batch["stratum"]]
        past = _slot(grid, stratum, batch["exit"])
        first = (
            _slot(grid, stratum, batch["entry"])
            if "entry" in batch
            else _slot(grid, stratum, np.full(stratum.size, -np.inf))
        )
        yield _at_risk(batch, first, past)


def _at_risk(batch: Columns, first: Codes, past: Codes) -> Columns:
    kept = first < past
    rest = {k: v for k, v in batch.items() if k not in ("exit", "entry", "stratum", "event")}
    events = np.flatnonzero(batch["event"][kept] & (batch["weight"][kept] > 0))
    columns = {"first": first, "past": past, **rest}
    if not kept.all():
        columns = {name: column[kept] for name, column in columns.items()}
    return {
        **columns,
        "first": compact(columns["first"]),
        "past": compact(columns["past"]),
        "death": compact(events),
    }


def _slot(grid: Grid, stratum: Codes, at: Column) -> Codes:
    """How many slots come before the first one after a time in a stratum, (n,)."""
    up_to = _times_up_to(grid.times, at)
    if len(grid.strata) == 1:
        return up_to
    wanted = stratum * (grid.times.size + 1) + up_to
    return np.searchsorted(grid.keys, wanted, side="left").astype(np.int64)


def _times_up_to(times: Floats, at: Column) -> Codes:
    """How many event times are at or before each time, (n,); whole times by look-up."""
    last = float(times[-1]) if times.size else 0.0
    if times.size and times[0] >= 0 and last < LARGEST_TABLE and _whole(times):
        table = np.zeros(int(last) + 2, dtype=np.int64)
        table[times.astype(np.int64) + 1] = 1
        if at.dtype.kind == "i":
            whole = np.clip(at, -1, int(last)).astype(np.int64) + 1
        else:
            whole = np.floor(np.clip(at, -1.0, last)).astype(np.int64) + 1
        return np.asarray(np.cumsum(table)[whole])
    return np.searchsorted(times, at, side="right").astype(np.int64)


def _whole(times: Floats) -> bool:
    return bool((times == np.rint(times)).all())


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The columns of a part, as standardising and the slots need them.

    each : (S,) records at risk of each stratum with events. means : (S, p) of their columns;
    squares : (p,) sum of squares about these. low, high : (p,) extremes; middle : (p,) the median
    of some of the first records. deaths : (K,) number that fail; weights : (K,) sum of their event
    weights. late : whether anyone enters after the first slot of the stratum.
    """

    each: Floats
    means: Floats
    squares: Floats
    low: Floats
    high: Floats
    middle: Floats
    deaths: Floats
    weights: Floats
    late: bool

    @property
    def records(self) -> int:
        """Records at risk."""
        return int(self.each.sum())

    def with_more(self, other: "Spread") -> "Spread":
        """Both together: Chan, Golub and LeVeque (1983), American Statistician 37:242-247."""
        if not other.records or not self.records:
            return other if not self.records else self
        each = self.each + other.each
        apart = other.means - self.means
        share = (other.each / np.maximum(each, 1.0))[:, None]
        return Spread(
            each=each,
            means=self.means + apart * share,
            squares=self.squares + other.squares + self.each @ (apart**2 * share),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            middle=self.middle,
            deaths=self.deaths + other.deaths,
            weights=self.weights + other.weights,
            late=self.late or other.late,
        )


def spread_of(batches: Iterable[Columns], names: Sequence[str], grid: Grid) -> Spread:
    """The spread of the columns ``names`` over the batches of a part."""
    p, strata = len(names), grid.begins.size - 1
    none, nothing, flat = np.zeros(grid.count), np.zeros(strata), np.zeros(p)
    whole = Spread(nothing, np.zeros((strata, p)), flat, flat, flat, flat, none, none, False)
    with np.errstate(over="ignore", invalid="ignore"):  # Refused later, by name.
        for batch in batches:
            if batch["first"].size:
                whole = whole.with_more(_spread(batch, names, grid))
    return whole


def _spread(batch: Columns, names: Sequence[str], grid: Grid) -> Spread:
    own = stratum_of(batch, grid.begins)
    strata, p = grid.begins.size - 1, len(names)
    each = np.bincount(own, minlength=strata).astype(np.float64)
    means, squares, low, high, middle = np.zeros((strata, p)), *np.zeros((4, p))
    for place, name in enumerate(names):
        values = batch[name].astype(np.float64)
        low[place], high[place] = values.min(), values.max()
        middle[place] = np.median(values[:: max(values.size // SOME, 1)])
        values -= middle[place]
        mean = counts_of(own, values, strata) / np.maximum(each, 1.0)
        values -= mean[own]
        means[:, place] = np.where(each > 0, mean + middle[place], 0.0)
        squares[place] = values @ values
    dead = batch["death"]
    slot = batch["past"][dead].astype(np.int64) - 1
    return Spread(
        each=each,
        means=means,
        squares=squares,
        low=low,
        high=high,
        middle=middle,
        deaths=np.bincount(slot, minlength=grid.count).astype(np.float64),
        weights=counts_of(slot, batch["weight"][dead].astype(np.float64), grid.count),
        late=bool((batch["first"] > grid.begins[own]).any()),
    )


def stratum_of(batch: Columns, begins: Codes) -> Codes:
    """The place of each record's stratum among those with events, (n,)."""
    if begins.size == 2:
        return np.zeros(batch["past"].size, dtype=np.int64)
    return np.searchsorted(begins, batch["past"].astype(np.int64) - 1, side="right") - 1
