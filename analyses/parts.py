"""Work on many records in a few parts, side by side, without changing a bit of the answer.

The parts depend on the number of records alone, and what they give is combined in their order,
so the answer is the same on every number of processors. Only what leaves Python's lock gains:
numpy's elementwise work, np.dot (the operator @ holds the lock for a matrix by a matrix) and
sparse products.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from itertools import pairwise
from threading import Lock, local
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

FEWEST = 40_000
"""Records of a part: below this, handing work over costs more than it saves."""
MOST_PARTS = 4

Room = NDArray[np.float64]
Result = TypeVar("Result")
Number = TypeVar("Number", np.float64, np.int64)

_own = local()


class _Limit:
    """How many fits hold the linear algebra to one thread, and what lets it go."""

    __slots__ = ("held", "holders", "lock")

    def __init__(self) -> None:
        self.lock = Lock()
        self.holders = 0
        self.held: Any = None

    def renew_lock(self) -> None:
        """Another thread may have had it when this process was forked."""
        self.lock = Lock()


_limit = _Limit()


def by_parts(n: int, work: Callable[[slice], Result]) -> list[Result]:
    """What ``work`` gives for each part of n rows, in order.

    Must not be called from inside ``work``: a helper that waits for itself waits for ever.
    """
    count = max(1, min(MOST_PARTS, n // FEWEST))
    edges = [n * place // count for place in range(count + 1)]
    parts = [slice(begin, end) for begin, end in pairwise(edges)]
    if count == 1 or _processors() == 1:
        return [work(part) for part in parts]
    # Each in a copy of this context, which holds what numpy is to do about overflow.
    begun = [_helpers().submit(copy_context().run, work, part) for part in parts[1:]]
    found = {0: work(parts[0])}
    for place in range(count - 1, 0, -1):
        if begun[place - 1].cancel():  # No helper had come to it.
            found[place] = work(parts[place])
    return [found[place] if place in found else begun[place - 1].result() for place in range(count)]


def taken(columns: Sequence[NDArray[Any]], places: NDArray[np.intp]) -> list[NDArray[Any]]:
    """The rows of columns (n,) at some places (m,)."""
    found = [np.empty(places.size, dtype=column.dtype) for column in columns]

    def take(part: slice) -> None:
        for column, own in zip(columns, found, strict=True):
            column.take(places[part], out=own[part], mode="clip")

    by_parts(places.size, take)
    return found


def sum_in_order(parts: Sequence[NDArray[Number]]) -> NDArray[Number]:
    """The sum of arrays of one shape, added to the first in their order."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def room(name: str, *shape: int) -> Room:
    """Memory of a shape that this thread used under a name before, whatever it holds.

    Memory asked for anew costs as much as the arithmetic on it, block after block. Good until the
    thread asks for the name again.
    """
    held: dict[tuple[str, tuple[int, ...]], NDArray[np.float64]] = _own.__dict__.setdefault(
        "held", {}
    )
    if (name, shape) not in held:
        held[name, shape] = np.empty(shape)
    return held[name, shape]


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Holds the linear algebra to one thread: its sums then do not depend on the machine.

    The limit is the whole process's: the first of several at once sets it, the last lets it go.
    """
    with _limit.lock:
        if not _limit.holders:
            _limit.held = _libraries().limit(limits=1, user_api="blas")
        _limit.holders += 1
    try:
        yield
    finally:
        with _limit.lock:
            _limit.holders -= 1
            if not _limit.holders and _limit.held is not None:
                _limit.held.restore_original_limits()


@cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(MOST_PARTS, _processors()) - 1, thread_name_prefix="parts")


@cache
def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


if hasattr(os, "register_at_fork"):
    # Threads do not live on in a forked process.
    os.register_at_fork(after_in_child=_helpers.cache_clear)
    os.register_at_fork(after_in_child=_limit.renew_lock)
