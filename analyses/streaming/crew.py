"""Who holds the parts and does the passes: this process, or the workers of a Dask cluster.

Both hand back the parts' results in the order of the parts, so that sums are made in one order and
are the same to the last bit whoever did the work.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cohort.scanned import ScannedPart

from .compact import Columns, shelve
from .decode import Counts, Order, Tally, decoded
from .slotted import Grid, on_slots

Pass = Callable[..., Any]


class Crew(Protocol):
    """Holds decoded parts and runs passes over them."""

    def decode(self, order: Order, parts: Sequence[ScannedPart]) -> Iterator[Counts]:
        """Decode every part and hold it; what each counted, in order."""

    def place(self, grid: Grid, counts: Sequence[Counts]) -> None:
        """Put the records of every part on slots."""

    def run(self, work: Pass, *given: Any) -> Iterator[Any]:
        """``work(batches, *given)`` of every part, in order."""

    def close(self) -> None:
        """Let go of all parts."""


class OnDisk:
    """One process, this one, with the columns in a temporary folder that is removed at the end.

    folder : where the temporary folder is made; the system's own place without it.
    """

    __slots__ = ("_folder", "_parts", "_shelved")

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="microcohort-", dir=folder)
        self._parts: list[list[Columns]] = []
        self._shelved: list[Path] = []

    def decode(self, order: Order, parts: Sequence[ScannedPart]) -> Iterator[Counts]:
        """Decode every part to the folder; what each counted, in order."""
        for number, part in enumerate(parts):
            path = Path(self._folder.name) / f"decoded-{number}"
            tally = Tally()
            self._parts.append(shelve(path, decoded(order, part, tally)))
            self._shelved.append(path)
            yield tally.counts()

    def place(self, grid: Grid, counts: Sequence[Counts]) -> None:
        """Write the records on slots in place of those with times."""
        for number, one in enumerate(counts):
            path = Path(self._folder.name) / f"slotted-{number}"
            placed = shelve(path, on_slots(self._parts[number], one.strata, grid))
            self._parts[number] = placed
            self._shelved[number].unlink()

    def run(self, work: Pass, *given: Any) -> Iterator[Any]:
        """``work(batches, *given)`` of every part, in order."""
        return (work(part, *given) for part in self._parts)

    def close(self) -> None:
        """Remove the folder."""
        self._parts = []
        self._folder.cleanup()


class OnCluster:
    """The workers of a ``dask.distributed`` cluster, each holding some of the parts in memory.

    client : a ``distributed.Client``; every worker must see the Parquet files under the same
    paths. A part that is lost with its worker is decoded again by another.
    """

    __slots__ = ("_client", "_counts", "_parts")

    def __init__(self, client: Any) -> None:
        self._client = client
        self._parts: list[Any] = []
        self._counts: list[Any] = []

    def decode(self, order: Order, parts: Sequence[ScannedPart]) -> Iterator[Counts]:
        """Decode every part on some worker; what each counted, in order."""
        shared = self._shared(order)
        self._parts = [self._client.submit(_held, shared, part, pure=False) for part in parts]
        yield from self._told(
            [self._client.submit(_counts, one, pure=False) for one in self._parts]
        )

    def place(self, grid: Grid, counts: Sequence[Counts]) -> None:
        """Put the records on slots where they are."""
        shared = self._shared(grid)
        self._parts = [self._client.submit(_placed, one, shared, pure=False) for one in self._parts]

    def run(self, work: Pass, *given: Any) -> Iterator[Any]:
        """``work(batches, *given)`` of every part, in order."""
        shared = self._shared(given)
        yield from self._told(
            [self._client.submit(_work, one, work, shared, pure=False) for one in self._parts]
        )

    def _shared(self, value: Any) -> Any:
        """A value for all workers, sent as a task, so that it outlives the worker that holds it."""
        with warnings.catch_warnings():
            # A few arrays of event times by terms are what a pass has to tell the workers.
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self._client.submit(_same, value, pure=False)

    def _told(self, futures: Iterable[Any]) -> Iterator[Any]:
        """Results in order, each let go of on the cluster once it is here."""
        waiting = list(futures)[::-1]
        while waiting:
            yield waiting.pop().result()

    def close(self) -> None:
        """Let the workers forget the parts."""
        self._parts = []


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A part in a worker's memory."""

    batches: list[Columns]
    counts: Counts


def _same(value: Any) -> Any:
    """A small value, made once on the cluster: it can be made again if its worker is lost."""
    return value


def _held(order: Order, part: ScannedPart) -> Held:
    tally = Tally()
    return Held(list(decoded(order, part, tally)), tally.counts())


def _counts(held: Held) -> Counts:
    return held.counts


def _placed(held: Held, grid: Grid) -> Held:
    return Held(list(on_slots(held.batches, held.counts.strata, grid)), held.counts)


def _work(held: Held, work: Pass, given: tuple[Any, ...]) -> Any:
    return work(held.batches, *given)
