"""joblib's side of a cluster, whichever it is.

joblib has backends for ray, dask and Spark, of its own or of theirs. They are not used, for what was measured of them
is in the way of what is promised here (decision 0015).
"""

from __future__ import annotations

from multiprocessing.pool import ThreadPool
from typing import Any

from joblib._parallel_backends import AutoBatchingMixin, FallbackToBackend, ParallelBackendBase, SequentialBackend

from accelsk.failures import Failure
from accelsk.parallel.cluster import Cluster, DataLost
from accelsk.parallel.local import died
from accelsk.parallel.tasks import Sharing

__all__ = ["Lazy", "RemoteBackend"]

#: How often a task is sent whose data were lost.
_ATTEMPTS = 4


class RemoteBackend(Sharing, AutoBatchingMixin, ParallelBackendBase):
    """A joblib backend that runs batches of tasks on a cluster, as many at once as it was given workers.

    Parameters
    ----------
    cluster : Cluster
        An open one.
    **kwargs : dict
        As of every joblib backend.
    """

    supports_retrieve_callback = True
    supports_return_generator = True
    supports_timeout = True

    def __init__(self, cluster: Cluster, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._cluster = cluster
        self._pool: Any = None
        self._workers = 1
        self._aborted = 0

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        # Return how many workers there are for so many jobs: two for one, or joblib would compute in this process what
        # is to be computed on the cluster.
        return 1 if n_jobs in (None, 1) else max(2, self._places(n_jobs))

    def _places(self, n_jobs: int) -> int:
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        there = self._cluster.workers()
        return max(1, there + 1 + n_jobs) if n_jobs < 0 else min(n_jobs, there)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **kwargs: Any) -> int:
        # Get ready for a call of `joblib.Parallel`.
        if n_jobs in (None, 1):
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self._workers = self._places(n_jobs)
        self.parallel = parallel
        return max(2, self._workers)

    def start_call(self) -> None:
        # Data are kept for a call, and not longer: nobody would notice that an array was changed in place since.
        self._cluster.shelf.clear()
        super().start_call()

    def _at_once(self) -> int:
        return min(self._workers, super()._at_once())

    def _cores(self) -> int:
        return self._cluster.cores()

    def submit(self, func: Any, callback: Any = None) -> Any:
        # Hand a batch of tasks to a worker; joblib calls it.
        if self._pool is None:
            # A thread waits for each worker. That bounds what runs at once: clusters may have more room than was asked.
            self._pool = ThreadPool(self._workers)
        task = (self.shared(func), self._aborted)
        return self._pool.apply_async(self._compute, task, callback=callback, error_callback=callback)

    apply_async = submit

    def _compute(self, batch: Any, aborted: int) -> Any:
        import cloudpickle

        assert self._share is not None
        # More threads than that may have been asked for, but nobody waits for a worker with more cores than there are.
        cores = max(1, min(self._share, self._cluster.cores() // self._workers))
        for _ in range(_ATTEMPTS):
            if aborted != self._aborted:  # nobody waits for it any more, and it may be what kills the workers
                return None
            try:
                payload, references = self._cluster.shelf.packed(batch)
                result = cloudpickle.loads(self._cluster.call(payload, references, cores))
            except DataLost as lost:
                self._cluster.shelf.clear()
                error = lost
            else:
                return result.error() if isinstance(result, Failure) else result
        raise died(None, self._cluster.name, str(error)) from error

    def retrieve_result_callback(self, out: Any) -> Any:
        # Return the result of a batch, or raise its error; joblib calls it.
        if isinstance(out, BaseException):
            raise out
        return out

    def abort_everything(self, ensure_ready: bool = True) -> None:
        # End what is running; joblib calls it after an error and a Ctrl-C.
        self._aborted += 1
        self._cluster.cancel()
        self.terminate()

    def terminate(self) -> None:
        # Let go of the threads; the cluster stays.
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()
        self.reset_batch_stats()


class Lazy(ParallelBackendBase):
    """Stands for the backend of a cluster until there is something to compute in parallel.

    Parameters
    ----------
    cluster : Cluster
        To be opened then.
    """

    supports_retrieve_callback = True
    supports_return_generator = True
    supports_timeout = True
    inner_n_jobs: int | None = None

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster

    def _real(self) -> RemoteBackend:
        backend = RemoteBackend(self._cluster.opened(), nesting_level=self.nesting_level)
        backend.inner_n_jobs = self.inner_n_jobs
        return backend

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        # Return how many workers there are for so many jobs.
        return 1 if n_jobs in (None, 1) else self._real().effective_n_jobs(n_jobs)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **kwargs: Any) -> int:
        # Let the cluster be opened, and its backend take over.
        one = n_jobs in (None, 1)
        raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level) if one else self._real())

    def submit(self, func: Any, callback: Any = None) -> Any:
        # Never called: the backend of the cluster is asked.
        raise RuntimeError(f"backend {self._cluster.name!r} was asked to run a task before it was configured")

    apply_async = submit  # by which joblib knows it before its version 1.5
