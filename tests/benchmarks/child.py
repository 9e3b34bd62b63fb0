"""One engine on one workload in a process of its own: ``python -m tests.benchmarks.child``."""

import ctypes
import gc
import json
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from .engines import ENGINES
from .worlds import draw

STATUS = Path("/proc/self/status")
ENOUGH = 12.0
"""Seconds after which a call is not repeated in the same process."""


def status(what: str) -> int:
    """Bytes of this process: VmRSS (now) or VmHWM (the most)."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    return 0


def main(engine: str, workload: str, n: int, repeats: int, threads: int) -> None:
    """Prints seconds, values and peak memory beyond the data as JSON; null where not offered."""
    data = draw(workload, n)
    call = ENGINES[engine](workload, data)
    if call is None:
        _say("null")
        return
    # What making the data left free would hide the first of the memory that a call takes.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    seconds = []
    with threadpool_limits(limits=threads):
        for _ in range(repeats):
            begin = time.perf_counter()
            values = call()
            seconds.append(time.perf_counter() - begin)
            if sum(seconds) > ENOUGH:
                break
    peak = max(0, status("VmHWM") - before)
    _say(json.dumps({"seconds": seconds, "values": np.asarray(values).tolist(), "peak": peak}))


def _say(words: object) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
