"""Size: a million women in ten seconds of one core, and memory that does not grow with them."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, time
from pathlib import Path
from synthetic import Run, read_world, write_world
from synthetic.generate import generate
world = read_world("danish_women")
generate(world, first=0, persons=10, seed=1)
start = time.process_time()
write_world(world, Path(sys.argv[1]), Run(int(sys.argv[2]), 1))
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
SECONDS, MEBIBYTES = 10.0, 600.0


def _measure(folder, persons: int) -> tuple[float, float]:
    command = [sys.executable, "-c", SCRIPT, str(folder), str(persons)]
    one_core = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "PATH": "", "HOME": "/tmp"}
    told = subprocess.run(command, env=one_core, capture_output=True, text=True, check=True)
    seconds, memory = (float(word) for word in told.stdout.split())
    return seconds, memory


@pytest.mark.slow
def test_a_million_women_in_ten_seconds_and_flat_memory(tmp_path):
    """CPU time on one core; 3 million may not need more than a tenth more memory than 1 million."""
    seconds, memory = _measure(tmp_path / "one", 1_000_000)
    assert seconds < SECONDS
    _, larger = _measure(tmp_path / "three", 3_000_000)
    assert larger < MEBIBYTES
    assert larger < 1.1 * memory + 30
