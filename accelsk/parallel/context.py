"""`parallel_config`: which backend computes in parallel in a block of code, with how many workers and threads."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import joblib
from joblib.parallel import BACKENDS as REGISTERED

from accelsk import threads
from accelsk.errors import UnsupportedParameter
from accelsk.parallel.backends import BACKENDS, backend_of
from accelsk.parallel.shelf import Shipped
from accelsk.parallel.tasks import nested

__all__ = ["Run", "parallel_config"]


@dataclass(frozen=True, slots=True)
class Run:
    """What runs in a block of `parallel_config`.

    Parameters
    ----------
    backend : str
        The name of the backend.
    shipped : Shipped
        What has gone to the workers so far. It is counted for clusters: the others share the memory of this process, or
        map a file of it.
    """

    backend: str
    shipped: Shipped


@contextmanager
def parallel_config(
    backend: str | None = None, n_jobs: int | None = None, inner_n_jobs: int | str = "auto", **options: Any
) -> Iterator[Run]:
    """Let everything in a block of code that uses joblib compute on a backend, without oversubscription.

    It is `joblib.parallel_config`, for searches and cross-validation, for estimators that parallelise inside, for
    `fit_many` and `partial_dependence`, whoever wrote the estimators, and more:

    - the workers share the cores. Each task may use as many threads as there are cores for it: of BLAS, of OpenMP, of
      the engines, and of what it does in parallel itself, also where an estimator asks for more (``n_jobs=-1``). Where
      there are fewer tasks than cores, each gets more;
    - data go to the workers once, and not with every task;
    - a worker that dies is an error, and not an end without a word or a wait without an end;
    - of several GPUs each worker gets one, in turn, where an estimator asks for ``device="gpu"``.

    Parameters
    ----------
    backend : {"loky", "multiprocessing", "threading", "ray", "dask", "spark"}, default=None
        Who runs the tasks; or the name of a backend that was registered with joblib, which is entered as it is. None is
        "loky".
    n_jobs : int, default=None
        How many workers, for whoever does not say it by an ``n_jobs`` of its own; negative numbers count from the cores
        as in joblib. None is all cores, of this machine or of the cluster.
    inner_n_jobs : int or "auto", default="auto"
        The most threads of each task. "auto" divides the cores among the tasks; forked workers get one.
    **options : dict
        For "ray": ``address``, of a cluster to connect to, and what else `ray.init` takes. For "dask": ``client``, or
        ``address``, of its scheduler. For both ``task_options``, of each task: ``{"num_gpus": 1}`` for ray, which hides
        the GPUs of a machine from tasks that do not ask for one, ``{"resources": {"GPU": 1}}`` for dask. For "spark":
        ``session``. Without them, the client, the connection or the session that this process has is used; where it has
        none, a local one with `n_jobs` workers is started when it is first needed, and shut down at the end of the
        block. Options of joblib, ``temp_folder`` for instance, go to joblib.

    Yields
    ------
    Run
        With `shipped`: what has gone to the workers of a cluster, in bytes.

    Raises
    ------
    EngineNotAvailable
        If the package that the backend needs is not installed.
    UnsupportedParameter
        If there is no such backend or option, or a number is none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.svm import SVC
    >>> from accelsk import parallel_config
    >>> X, y = load_iris(return_X_y=True)
    >>> with parallel_config("threading", n_jobs=2):
    ...     search = GridSearchCV(SVC(), {"C": [1, 10]}).fit(X, y)
    >>> search.best_params_
    {'C': 10}
    """
    name = "loky" if backend is None else backend
    workers = _number("n_jobs", n_jobs, backend=name)
    inner = None if inner_n_jobs == "auto" else _number("inner_n_jobs", inner_n_jobs, backend=name)
    share = threads.share()
    if name not in BACKENDS and name in REGISTERED:
        with joblib.parallel_config(backend=name, n_jobs=n_jobs, **options):
            yield Run(name, Shipped())
        return
    kind = backend_of(name)
    shipped = Shipped()
    own, options = _split(options)
    if own and not kind.cluster:
        raise UnsupportedParameter(
            f"{', '.join(own)} is no option of backend {name!r}.",
            hint=f"besides n_jobs and inner_n_jobs it takes those of joblib: {', '.join(_OF_JOBLIB)}.",
            parameter=next(iter(own)),
            value=repr(next(iter(own.values()))),
        )
    with ExitStack() as stack:
        if share is not None:
            # A task of another backend: it has its share of the cores, may not start workers beside its siblings, and
            # cannot give what it nests more threads than it has.
            made, workers, inner = nested(share), min(workers or share, share), None
        elif kind.cluster:
            from accelsk.parallel.remote import Lazy

            cluster = kind.load()(workers, **own)
            stack.callback(cluster.close)
            shipped = cluster.shelf.shipped
            made = Lazy(cluster)
        else:
            made = kind.load()()
        made.inner_n_jobs = inner
        stack.enter_context(joblib.parallel_config(backend=made, n_jobs=-1 if workers is None else workers, **options))
        yield Run(name, shipped)


#: What `joblib.parallel_config` takes besides; the rest is for the cluster.
_OF_JOBLIB = ("verbose", "temp_folder", "max_nbytes", "mmap_mode", "prefer", "require")


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    own = {name: value for name, value in options.items() if name not in _OF_JOBLIB}
    return own, {name: value for name, value in options.items() if name in _OF_JOBLIB}


def _number(parameter: str, value: Any, *, backend: str) -> int | None:
    if value is None:
        return None
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if whole and value != 0 and (value > 0 or parameter == "n_jobs"):
        return int(value)
    raise UnsupportedParameter(
        f"{parameter}={value!r} of backend {backend!r} is not a number of {_COUNTED[parameter]}.",
        hint="write a whole number; n_jobs=-1 is all cores, inner_n_jobs='auto' divides them among the tasks.",
        parameter=parameter,
        value=repr(value),
    )


_COUNTED = {"n_jobs": "workers", "inner_n_jobs": "threads"}
