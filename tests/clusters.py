"""A real cluster of worker processes on this machine, for the tests that need one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SETTINGS = {
    "distributed.comm.timeouts.connect": "30s",
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": "1"},
}


@contextmanager
def local_cluster(workers: int) -> Iterator[tuple[Any, Any]]:
    """A cluster and its client, at a dashboard's port of its own."""
    import dask
    import distributed

    with (
        dask.config.set(SETTINGS),
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as one,
        distributed.Client(one) as client,
    ):
        yield one, client
