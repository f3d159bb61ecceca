"""Several computations at once: joblib's backends without oversubscription, on this machine and on many.

`context` is what users enter; `backends` says which backends there are. Each of them runs its tasks as `tasks` wraps
them: with a share of the cores, and with nested parallelism inside that share. `remote` is common to those that run on
a cluster, and ships data once.
"""

from __future__ import annotations

from accelsk.parallel.context import parallel_config

__all__ = ["parallel_config"]
