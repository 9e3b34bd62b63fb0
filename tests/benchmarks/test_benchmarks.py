"""The benchmark harness runs, and its check that all agree can fail; nothing is timed here."""

import argparse

import numpy as np
import pytest

from .__main__ import apart, measured
from .engines import lifelines, ours, statsmodels
from .table import Measured, told
from .worlds import WORKLOADS, draw


@pytest.mark.parametrize("workload", WORKLOADS)
def test_each_workload_is_answered(workload) -> None:
    values = ours(workload, draw(workload, 2_000))()
    assert values.shape in ((10,), (9,))
    assert np.isfinite(values).all()


def test_peers_give_the_same_coefficients() -> None:
    data = draw("right-censored", 1_000)
    mine = ours("right-censored", data)()
    for peer in (lifelines, statsmodels):
        np.testing.assert_allclose(peer("right-censored", data)(), mine, rtol=1e-5, atol=1e-6)
    other = ours("right-censored", draw("right-censored", 1_000, seed=2))()
    assert np.abs(other - mine).max() > 1e-3


def test_the_table_says_what_is_not_met() -> None:
    found = [
        Measured("microcohort", "late entry", 1_000_000, (1.0, 1.0), 10.0),
        Measured("R", "late entry", 1_000_000, (30.0,), 20.0),
        Measured("survival (Rust)", "late entry", 1_000_000, (3.0,), 5.0),
        Measured("lifelines", "late entry", 1_000_000, stopped="stopped at 9 s"),
    ]
    rows = [line for line in told(found, "").splitlines() if line.startswith("| late")]
    assert "30.0 | 20 | yes |" in rows[1]
    assert "3.0 | 8 | NO (memory: NO) |" in rows[2]
    assert "stopped at 9 s" in rows[3]


@pytest.mark.parametrize("theirs", [[1.0, 2.1], [1.0, float("nan")], [1.0]])
def test_other_values_never_pass_as_the_same(theirs) -> None:
    """Another number, no number, too few numbers: the table says so and gives no ratio."""
    peer = Measured("R", "late entry", 1_000_000, (30.0,), 20.0, apart(theirs, [1.0, 2.0]))
    assert peer.differs
    mine = Measured("microcohort", "late entry", 1_000_000, (1.0, 1.0), 10.0)
    row = told([mine, peer], "").splitlines()[-1]
    assert "differs by" in row or "not numbers" in row
    assert "yes" not in row
    assert not Measured("R", "late entry", 300, (1.0,), 0.0, apart([1.0, 2.0], [1.0, 2.0])).differs


def test_one_workload_in_processes_of_its_own(monkeypatch) -> None:
    """Ours alone, so that it is quick."""
    monkeypatch.setattr("tests.benchmarks.__main__._peers", lambda *_: [])
    asked = argparse.Namespace(all=False, budget=60.0, threads=1)
    (one,) = measured("late entry", 300, asked)
    assert (one.stopped, one.error) == ("", 0.0)
    assert one.calls >= 3
