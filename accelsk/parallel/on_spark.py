"""Tasks on Spark: on the executors of a session, or of a local one."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from typing import Any

from accelsk.parallel.cluster import Cluster, run
from accelsk.parallel.local import died

__all__ = ["SparkCluster"]


class SparkCluster(Cluster):
    """The executors of a session: a given one, that of this process, or a local one.

    Parameters
    ----------
    n_jobs : int or None
        Workers of a local one.
    session : pyspark.sql.SparkSession, default=None
        The session.
    """

    name = "spark"

    def __init__(self, n_jobs: int | None, *, session: Any = None) -> None:
        super().__init__(n_jobs)
        self._session = session
        self._ours = False
        self._group = f"accelsk-{uuid.uuid4().hex}"

    def start(self) -> None:
        # Use the session that there is, or make one.
        from pyspark.sql import SparkSession

        if self._session is None:
            self._session = SparkSession.getActiveSession()
        if self._session is None:
            builder = SparkSession.builder.master(f"local[{self.local_workers()}]").appName("accelsk")
            for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
                builder = builder.config(name, "false")
            self._session = builder.getOrCreate()
            self._context.setLogLevel("FATAL")
            # As PYSPARK_PYTHON would, which is a variable of this process and would outlive the block.
            self._context.pythonExec = sys.executable
            self._ours = True

    def stop(self) -> None:
        """Stop the session that was made here."""
        if self._ours:
            self._ours = False
            self._session.stop()
            self._session = None

    @property
    def _context(self) -> Any:
        return self._session.sparkContext

    def workers(self) -> int:
        """Return how many tasks can run at once."""
        return max(1, int(self._context.defaultParallelism))

    def cores(self) -> int:
        # Return how many cores the workers have together.
        from joblib import cpu_count

        return int(cpu_count()) if self._ours else self.workers()

    def put(self, value: Any) -> Any:
        # Broadcast data to the executors.
        return self._context.broadcast(value)

    def call(self, payload: bytes, references: Sequence[Any], cores: int) -> bytes:
        # Let an executor run a payload; Spark tries again as often as it was configured to.
        from py4j.protocol import Py4JJavaError

        def on_worker(_: Any) -> bytes:
            return run(payload, [reference.value for reference in references])

        self._context.setJobGroup(self._group, "accelsk", interruptOnCancel=True)
        try:
            result: bytes = self._context.parallelize([0], 1).map(on_worker).collect()[0]
            return bytes(result)
        except Py4JJavaError as error:
            raise died(None, self.name, str(error.java_exception.getMessage()).strip().splitlines()[0]) from error

    def cancel(self) -> None:
        # Cancel the calls that are running.
        self._context.cancelJobGroup(self._group)
