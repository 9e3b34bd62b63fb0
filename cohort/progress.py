"""How far a long task has come, and how long it may still take."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """What a long task tells on its way.

    stage : what it does now. share : how much is done, from 0 to 1. seconds_left : about how long
    the rest takes, at the pace so far.
    """

    stage: str
    share: float
    seconds_left: float


Listener = Callable[[Progress], None]


class Meter:
    """Counts the work done and tells a listener, if there is one.

    total : the work expected in all; it may turn out to be more or less.
    """

    __slots__ = ("_begun", "_done", "_listener", "_total")

    def __init__(self, listener: Listener | None, total: float) -> None:
        self._listener = listener
        self._total = total
        self._done = 0.0
        self._begun = time.monotonic()

    def add(self, stage: str, work: float) -> None:
        """Some more work is done."""
        self._done += work
        if self._listener is None:
            return
        share = min(self._done / max(self._total, 1e-300), 1.0)
        passed = time.monotonic() - self._begun
        left = passed * (1.0 - share) / max(share, 1e-9)
        self._listener(Progress(stage, share, left))
