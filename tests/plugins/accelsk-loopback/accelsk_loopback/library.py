"""Stands for a library of its own: scikit-learn's estimators under other names, with other parameters and defaults.

Each notes where it was told to compute: ``ran_on_`` for the fit, ``answered_on_`` for the last method after it. On a
device, X is moved there and results are left there: `COPIES` counts both ways.

As CUDA's libraries do, it reads once, when it is imported, which device it may see; that one is its device 0 then.
"""

import mmap
import os
import signal
import threading
import time
from collections import Counter
from contextvars import ContextVar
from functools import partial

import numpy as np
from sklearn import cluster, decomposition, ensemble, linear_model, neighbors, preprocessing, svm
from threadpoolctl import threadpool_info

#: Where to compute: "host", "device 0", "device 1".
DEVICE = ContextVar("loopback_device", default="host")

#: The one device that this process sees; None for all.
VISIBLE = os.environ.get("LOOPBACK_VISIBLE")


#: How often X was moved "in" to a device, and a result "out" to the host.
COPIES = Counter()


def where():
    """Return the device, by the name that it has where all are seen."""
    return f"device {VISIBLE}" if VISIBLE is not None and DEVICE.get() == "device 0" else DEVICE.get()


def is_shared(X):
    """Say whether an array is over shared memory."""
    while X is not None and not isinstance(X, mmap.mmap):
        X = X.obj if isinstance(X, memoryview) else getattr(X, "base", None)
    return X is not None


class Stubborn(ValueError):
    """An error that cannot be pickled."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.held = threading.Lock()

    def __reduce__(self):
        raise TypeError("never")


def bear(trouble, method):
    """Have the trouble that was asked for, to see how others bear it: "killed in fit", "stuck in predict", ..."""
    kind, _, when = (trouble or "").partition(" in ")
    if when != method:
        return
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "stuck":
        time.sleep(600)
    if kind == "stubborn":
        raise Stubborn("it cannot be pickled")
    if kind == "exit":
        os._exit(3)
    if kind == "threads":
        from accelsk.threads import share

        numbers = {info["num_threads"] for info in threadpool_info()}
        raise RuntimeError(f"{max(numbers)} of {share()}")


class DeviceArray:
    """An array that pretends to be out of reach for the host: NumPy cannot read it, `to_host` can."""

    def __init__(self, values, device):
        self._values, self.device = values, device
        self.shape, self.dtype, self.ndim, self.nbytes = values.shape, values.dtype, values.ndim, values.nbytes

    def __len__(self):
        return self.shape[0]

    def __array__(self, *args, **kwargs):
        raise TypeError("a DeviceArray is not converted behind your back: use to_host")

    def __array_namespace__(self, api_version=None):
        return DeviceArray

    @staticmethod
    def isfinite(array):
        return DeviceArray(np.isfinite(array._values), array.device)

    @staticmethod
    def all(array):
        return bool(array._values.all())


def to_device(X):
    """Return the values of X for a computation on the present device; X itself on the host."""
    device = DEVICE.get()
    if isinstance(X, DeviceArray):
        if X.device != device:
            raise ValueError(f"X is on {X.device}, and the computation on {device}")
        return X._values
    if device != "host":
        COPIES["in"] += 1
    return X


def to_host(result):
    """Copy a result to the host; what is there already is returned as it is."""
    if not isinstance(result, DeviceArray):
        return result
    COPIES["out"] += 1
    return result._values


def _left_there(result):
    """Leave an array on the present device."""
    on_host = DEVICE.get() == "host" or not isinstance(result, np.ndarray)
    return result if on_host else DeviceArray(result, DEVICE.get())


class Disguise:
    """An estimator that computes with one of scikit-learn.

    Subclasses say of which class it is (`of`), its own parameters with their defaults (`own`), and how they read in
    scikit-learn: `names`, and `values` (a dict or a function). A parameter of the name None is known here alone.
    """

    of = None
    own = {}
    names = {}
    values = {}

    def __init__(self, **params):
        self.params = dict(self.own)
        self.set_params(**params)

    def get_params(self, deep=True):
        return dict(self.params)

    def set_params(self, **params):
        for name in params:
            if name not in self.own:
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}")
        self.params.update(params)
        return self

    def _translated(self):
        translated = {}
        for name, value in self.params.items():
            meaning = self.values.get(name, lambda value: value)
            translated[self.names.get(name, name)] = meaning[value] if isinstance(meaning, dict) else meaning(value)
        translated.pop(None, None)
        return translated

    def take(self, model):
        """Go on from a fitted estimator of scikit-learn."""
        self.inner = self.of().set_params(**self._translated())
        parameters = self.inner.get_params(deep=False)
        vars(self.inner).update({name: value for name, value in vars(model).items() if name not in parameters})

    def _run(self, method, *args, **kwargs):
        goes_on = method == "partial_fit" or self.params.get("warm_start", False)
        if not (goes_on and "inner" in vars(self)):
            self.inner = self.of()
        self.inner.set_params(**self._translated())
        if "_sklearn_output_config" in vars(self):  # what set_output leaves on an estimator
            self.inner._sklearn_output_config = self._sklearn_output_config
        result = self._compute(method, args, kwargs)
        self.ran_on_, self.ran_in_ = where(), os.getpid()
        return self if result is self.inner else result

    def _answer(self, method, *args, **kwargs):
        self.answered_on_, self.answered_in_ = where(), os.getpid()
        return self._compute(method, args, kwargs)

    def _compute(self, method, args, kwargs):
        bear(self.params.get("trouble"), method)
        self.shared_ = [is_shared(each) for each in (*args, *kwargs.values())]
        if args:
            args = (to_device(args[0]), *args[1:])
        elif "X" in kwargs:
            kwargs = {**kwargs, "X": to_device(kwargs["X"])}
        return _left_there(getattr(self.inner, method)(*args, **kwargs))

    def __getattr__(self, name):
        if name.startswith("_") or name == "inner":
            raise AttributeError(name)
        if name in ("fit", "fit_predict", "fit_transform", "partial_fit") and hasattr(self.of, name):
            return partial(self._run, name)
        value = getattr(self.inner, name)
        return partial(self._answer, name) if callable(value) else value


class RidgeRegression(Disguise):
    of = linear_model.Ridge
    own = {"l2": 0.0, "intercept": False, "method": "decompose", "max_iter": None, "tol": 1e-2, "positive": False}
    own |= {"trouble": None}
    names = {"l2": "alpha", "intercept": "fit_intercept", "method": "solver", "trouble": None}
    values = {"method": {"factorize": "auto", "decompose": "svd"}}


class LogisticRegression(Disguise):
    of = linear_model.LogisticRegression
    own = {"l2": 9.0, "tol": 1e-2, "intercept": False, "max_iter": 10, "class_weight": None, "warm_start": False}
    own |= {"solver": "lbfgs", "dual": False, "multi_class": "multinomial"}
    names = {"l2": "C", "intercept": "fit_intercept", "multi_class": None}
    values = {"l2": lambda l2: 1 / l2}


class KernelMachine(Disguise):
    of = svm.SVC
    own = {"cost": 10.0, "kernel": "none", "gamma": "auto", "tol": 1e-2, "shrinking": True, "cache_mb": 1}
    own |= {"class_weight": None, "max_iter": -1, "probability": False, "break_ties": False}
    own |= {"decision_function_shape": "ovo", "seed": 7}
    names = {"cost": "C", "cache_mb": "cache_size", "probability": None, "seed": "random_state"}
    values = {"kernel": {"gauss": "rbf", "none": "linear"}}


class KMeans(Disguise):
    of = cluster.KMeans
    own = {"k": 2, "init": "random", "restarts": 3, "max_iter": 10, "tol": 1e-2, "seed": 7, "n_streams": 4}
    names = {"k": "n_clusters", "restarts": "n_init", "seed": "random_state", "n_streams": None}


class DensityClusters(Disguise):
    of = cluster.DBSCAN
    own = {"radius": 1.0, "min_points": 2, "metric": "euclidean", "metric_params": None}
    names = {"radius": "eps", "min_points": "min_samples"}


class PCA(Disguise):
    of = decomposition.PCA
    own = {"n_components": 2, "whiten": True, "solver": "full"}
    names = {"solver": "svd_solver"}


class IncrementalPCA(Disguise):
    of = decomposition.IncrementalPCA
    own = {"n_components": 2, "whiten": True, "batch_size": 10}


class Scaler(Disguise):
    of = preprocessing.StandardScaler
    own = {"with_mean": True, "with_std": False}


class Forest(Disguise):
    of = ensemble.RandomForestClassifier
    own = {
        name: default
        for name, default in of().get_params().items()
        if name not in ("verbose", "random_state", "n_estimators")
    }
    own |= {"trees": 10, "seed": 7}
    names = {"trees": "n_estimators", "seed": "random_state"}


class Boosting(Disguise):
    of = ensemble.GradientBoostingRegressor
    own = {"loss": "squares", "quantile": None, "learning_rate": 0.3, "rounds": 10, "leaves": 8, "max_depth": None}
    own |= {"min_samples_leaf": 1, "l2_regularization": 0.0, "max_features": 1.0, "warm_start": False, "seed": 7}
    own |= {"categorical_features": None, "monotonic_cst": None, "interaction_cst": None, "stops_early": False}
    own |= {"sample": 0.5}
    names = {"rounds": "n_estimators", "leaves": "max_leaf_nodes", "sample": "subsample", "seed": "random_state"}
    names |= dict.fromkeys(
        ("quantile", "l2_regularization", "categorical_features", "monotonic_cst", "interaction_cst", "stops_early")
    )
    values = {"loss": {"squares": "squared_error", "absolutes": "absolute_error"}}


class Neighbors(Disguise):
    of = neighbors.KNeighborsClassifier
    own = {"k": 1, "weights": "distance", "p": 1, "metric": "minkowski", "metric_params": None, "n_jobs": None}
    names = {"k": "n_neighbors"}
