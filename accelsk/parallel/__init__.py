"""Several computations at once: joblib's backends without oversubscription, on this machine and on many.

`context` is what users enter; `backends` says which backends there are. Each of them runs its tasks as `tasks` wraps
them: with a share of the cores, and with nested parallelism inside that share. `remote` is joblib's side of those that
run on a `cluster`, to which a `shelf` hands data once. `many` and `dependence` are what accelsk itself computes in
parallel: several models, and the partial dependence of several features.
"""

from __future__ import annotations

from accelsk.parallel.context import parallel_config
from accelsk.parallel.dependence import partial_dependence
from accelsk.parallel.many import FailedFit, fit_many

__all__ = ["FailedFit", "fit_many", "parallel_config", "partial_dependence"]
