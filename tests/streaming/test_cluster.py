"""One fit over the worker processes of a real Dask cluster, and many fits through joblib.

The answer must be that of one process to the last bit, for any number of workers, also when one of
them is killed on the way.
"""

import os
import signal

import joblib
import polars as pl
import pytest

from analyses import Cox, Question
from analyses.grading import Graded, run_replicate
from analyses.streaming import Streamed
from cohort.errors import SchemaError
from tests.clusters import local_cluster
from tests.streaming.parts import scanned
from tests.streaming.test_equal_to_memory import cohort_of, people

distributed = pytest.importorskip(
    "distributed", reason="the extra 'cluster' is not installed: no cluster to fit on"
)
dask = pytest.importorskip("dask")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
QUESTION = Question(
    exposure="sex", adjustments={"all": ["age", "rcs(bmi, knots=[18, 25, 33])"]}, strata=("stage",)
)


@pytest.fixture(scope="module")
def cluster():
    with local_cluster(1) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    cohort = cohort_of(people(), weight="weight", cluster="family")
    return scanned(cohort, tmp_path_factory.mktemp("parts"), parts=4)


def scaled(cluster, workers):
    one, client = cluster
    one.scale(workers)
    client.wait_for_workers(workers)
    return client


def test_the_same_bits_for_any_number_of_workers(cluster, folder):
    alone = Streamed(Cox()).estimate(folder, QUESTION)
    for workers in (1, 2, 3):
        client = scaled(cluster, workers)
        assert len(client.scheduler_info(n_workers=-1)["workers"]) >= workers
        together = Streamed(Cox(), client=client).estimate(folder, QUESTION)
        assert together.frame.equals(alone.frame)
        assert together.method == alone.method


def test_a_killed_worker_changes_nothing(cluster, folder):
    alone = Streamed(Cox()).estimate(folder, QUESTION)
    client = scaled(cluster, 3)
    killed = []

    def kill(progress):
        if progress.share > 0.5 and not killed:
            held = {address: len(keys) for address, keys in client.has_what().items()}
            victim = max(held, key=held.get)
            pids = client.run(os.getpid)
            killed.append(pids[victim])
            os.kill(pids[victim], signal.SIGKILL)

    together = Streamed(Cox(), client=client, progress=kill).estimate(folder, QUESTION)
    assert killed
    assert together.frame.equals(alone.frame)


def test_errors_of_workers_are_those_of_the_house(cluster, tmp_path):
    client = scaled(cluster, 3)
    lacking = people().with_columns(pl.col("bmi").replace(20, None))
    cohort = scanned(cohort_of(lacking), tmp_path)
    with pytest.raises(SchemaError, match="records lack a value that the model 'crude' needs"):
        Streamed(Cox(), client=client).estimate(cohort, Question(exposure="bmi"))


def draw(seed):
    return cohort_of(people(seed=seed % 1000, persons=150))


def replicate(number):
    graded = [Graded("cox", Cox(), Question(exposure="sex"), truth=0.0)]
    return run_replicate(draw, graded, study="study", scenario="scenario", replicate=number, seed=1)


def agree_on_many_fits(cluster, counts):
    work = [joblib.delayed(replicate)(number) for number in range(6)]
    alone = [replicate(number) for number in range(6)]
    with joblib.parallel_config(backend="loky", n_jobs=2):
        for one, other in zip(joblib.Parallel()(work), alone, strict=True):
            assert one.equals(other)
    for workers in counts:
        scaled(cluster, workers)
        with joblib.parallel_config(backend="dask"):
            for one, other in zip(joblib.Parallel()(work), alone, strict=True):
                assert one.equals(other)


def test_many_fits_are_the_same_on_loky_and_on_the_cluster(cluster):
    agree_on_many_fits(cluster, (3,))


@pytest.mark.slow
def test_many_fits_are_the_same_for_any_number_of_workers(cluster):
    agree_on_many_fits(cluster, (3, 2, 1))
