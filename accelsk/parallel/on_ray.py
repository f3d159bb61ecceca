"""Tasks on ray: on the machines of a cluster, or on local workers."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from accelsk.errors import WorkerDied
from accelsk.parallel.cluster import Cluster, run
from accelsk.parallel.local import died

__all__ = ["RayCluster"]


class RayCluster(Cluster):
    """The ray that this process is connected to, the one at an address, or a local one.

    Parameters
    ----------
    n_jobs : int or None
        Workers of a local one.
    task_options : mapping, default=None
        What each task is to have besides its cores: ``{"num_gpus": 1}``.
    **options : dict
        For `ray.init`: ``address``, ``runtime_env``, ...
    """

    name = "ray"

    def __init__(self, n_jobs: int | None, *, task_options: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(n_jobs)
        self._options = options
        self._task_options = dict(task_options or {})
        self._ours = False
        self._remote: Any = None
        self._smallest = 1
        self._lock = threading.Lock()
        self._running: set[Any] = set()

    def start(self) -> None:
        """Use the connection that there is, or make one."""
        import os

        import ray

        if not ray.is_initialized():
            options = {"log_to_driver": False, "include_dashboard": False, **self._options}
            if not options.get("address") and "RAY_ADDRESS" not in os.environ:
                options["address"] = "local"  # rather than one that somebody else has started on this machine
                options.setdefault("num_cpus", self.local_workers())
                options.setdefault("logging_level", "ERROR")
            else:
                options.pop("include_dashboard")
            ray.init(**options)
            self._ours = True
        self._remote = ray.remote(_run)
        nodes = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
        self._smallest = int(min((cpus for cpus in nodes if cpus >= 1), default=1))

    def stop(self) -> None:
        """Disconnect; a local ray ends with it."""
        import ray

        if self._ours:
            self._ours = False
            ray.shutdown()

    def workers(self) -> int:
        # Return how many tasks can run at once.
        return self.cores()

    def cores(self) -> int:
        # Return how many cores the workers have together.
        import ray

        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def put(self, value: Any) -> Any:
        # Put data into ray's object store.
        import ray

        return ray.put(value)

    def call(self, payload: bytes, references: Sequence[Any], cores: int) -> bytes:
        # Let a worker run a payload; ray gives it to another one if the worker or its node is lost.
        import ray
        from ray.exceptions import RayError

        reference = self._remote.options(num_cpus=min(cores, self._smallest), **self._task_options).remote(
            payload, *references
        )
        with self._lock:
            self._running.add(reference)
        try:
            result: bytes = ray.get(reference)
            return result
        except RayError as error:
            raise self._error(error) from error
        finally:
            with self._lock:
                self._running.discard(reference)

    def _error(self, error: Exception) -> WorkerDied:
        return died(None, self.name, str(error).strip().splitlines()[0])

    def cancel(self) -> None:
        """End the calls that are running."""
        import ray

        with self._lock:
            running, self._running = self._running, set()
        for reference in running:
            ray.cancel(reference, force=True)


def _run(payload: bytes, *values: Any) -> bytes:
    return run(payload, values)
