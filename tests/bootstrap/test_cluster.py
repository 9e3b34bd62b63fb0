"""Many fits on the worker processes of a real Dask cluster, through joblib.

They must be those of one process to the last bit, also when a worker is killed on the way.
"""

import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

import joblib
import pytest

from analyses import Bootstrap, Cox, Question, bootstrap
from analyses.bootstrap import _fitted
from analyses.grading import Graded
from reports.rehearsal.runs import Run, grade
from tests.bootstrap.test_bootstrap import ASKED, cohort_of, people
from tests.clusters import local_cluster
from tests.simulation.worlds import LOG_HR, World, draw

distributed = pytest.importorskip(
    "distributed", reason="the extra 'cluster' is not installed: no cluster to fit on"
)
dask = pytest.importorskip("dask")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
GRADED = [Graded("cox", Cox(), Question(exposure="exposed"), LOG_HR)]


@pytest.fixture(scope="module")
def cluster():
    with local_cluster(2) as (_, client), joblib.parallel_config(backend="dask"):
        yield client


def workers_of(client) -> set[int]:
    """The workers' process numbers, both being there: with one, joblib works in the test's own."""
    client.wait_for_workers(2)
    return set(client.run(os.getpid).values())


def strike(marker: Path) -> None:
    """Kills the worker that is the first to come here."""
    distributed.get_worker()  # refuses to strike the process of the tests
    with suppress(FileExistsError):
        marker.touch(exist_ok=False)
        marker.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)


def fitted(marker, *work):
    strike(marker)
    return _fitted(*work)


def drawn(marker, seed):
    if marker is not None:
        strike(marker)
    return draw(World(persons=150, rate=0.02), seed)


def test_the_bootstrap(cluster, tmp_path, monkeypatch):
    cohort = cohort_of(people(80), cluster="family")
    asked = Bootstrap(Cox(), 60, workers=2)
    with joblib.parallel_config(backend="sequential"):
        alone = asked.estimate(cohort, ASKED)
    assert asked.estimate(cohort, ASKED).frame.equals(alone.frame)
    marker = tmp_path / "struck"
    monkeypatch.setattr(bootstrap, "_fitted", partial(fitted, marker))
    workers = workers_of(cluster)
    assert asked.estimate(cohort, ASKED).frame.equals(alone.frame)
    assert int(marker.read_text()) in workers


def test_a_rehearsal(cluster, tmp_path):
    run = Run("a study", "small", 50, seed=5)
    alone = grade(partial(drawn, None), GRADED, run, folder=tmp_path / "alone")
    marker, workers = tmp_path / "struck", workers_of(cluster)
    together = grade(partial(drawn, marker), GRADED, run, folder=tmp_path / "two", workers=2)
    assert together.equals(alone)
    assert int(marker.read_text()) in workers
