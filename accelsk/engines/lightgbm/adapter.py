"""What is particular about calling LightGBM: where its GPUs are, and how it is fitted as scikit-learn says."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse

from accelsk import drivers
from accelsk.convert import sparse_matrix
from accelsk.devices import HOST, Device
from accelsk.engines.boosters import BoosterAdapter
from accelsk.engines.lightgbm.table import LOSSES
from accelsk.engines.lightgbm.threads import MaxThreads
from accelsk.engines.recipes import Loss, Prepared, feature_share
from accelsk.engines.spec import Row
from accelsk.facts import not_numbers

if TYPE_CHECKING:
    from accelsk.clusters import Cluster
    from accelsk.evaluators.walks import Walk

__all__ = ["LightGBMAdapter"]

#: LightGBM takes the device by any of these names.
_DEVICE_TYPE = ("device_type", "device")
#: Megabytes for histograms; those that do not fit are computed again.
_POOL = 1024
_PLACE = (*_DEVICE_TYPE, "gpu_platform_id", "gpu_device_id", "gpu_device_id_list", "num_gpu")


class LightGBMAdapter(BoosterAdapter):
    """How accelsk talks to LightGBM."""

    def devices(self) -> Mapping[Device, str]:
        """Return the host, then the GPUs that this build of LightGBM reaches: by OpenCL, or by CUDA.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        return {**super().devices(), **{device: name for device, (name, _) in _places().items()}}

    def memory(self, device: Device) -> int:
        """Return the memory of a device.

        Parameters
        ----------
        device : Device
            One of `devices`; not the host.

        Returns
        -------
        int
            Bytes, as its driver says.
        """
        found = _opencl().get(device)
        return super().memory(device) if found is None else found.memory

    def requested(self, params: Mapping[str, Any]) -> Device | None:
        """Return the device that an estimator asks for by its own hyperparameters.

        Parameters
        ----------
        params : mapping
            Of the estimator.

        Returns
        -------
        Device or None
            None for the processor, which is LightGBM's default. Without an index where the identifiers are left open.
        """
        kind = next((params[name] for name in _DEVICE_TYPE if params.get(name)), "cpu")
        if kind == "cpu":
            return None
        if kind not in ("cuda", "gpu"):
            return Device.parse(kind)
        asked = (params.get("gpu_platform_id", -1), params.get("gpu_device_id", -1))
        for device, (_, place) in _places().items():
            if place["device_type"] == kind and asked in ((-1, -1), _ids(place)):
                return replace(device, index=None) if asked == (-1, -1) else device
        index = asked[1] if asked[1] >= 0 else None
        return Device("gpu", "cuda" if kind == "cuda" else "opencl", index)

    def on_device(self, row: Row, keywords: Mapping[str, Any], device: Device) -> dict[str, Any]:
        """Return the keyword arguments with the device in LightGBM's own spelling.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.
        device : Device
            One of `devices`.

        Returns
        -------
        dict
            Both identifiers of an OpenCL device: with one of them LightGBM takes the default device without a word.
        """
        return {**{name: value for name, value in keywords.items() if name not in _PLACE}, **_place(device)}

    def taken(self, X: Any) -> Any:
        """Return X as LightGBM takes it: it knows the matrices of SciPy, and not the arrays, and of floats only.

        Parameters
        ----------
        X : ndarray, sparse matrix or data frame
            Validated.

        Returns
        -------
        object
            The same data.

        Raises
        ------
        ValueError
            For columns of polars that are no numbers: LightGBM would end the process.
        """
        if type(X).__module__.partition(".")[0] == "polars":
            refused = not_numbers(X)
            if refused:
                raise ValueError(
                    f"{self.engine.title} takes no columns of polars that are neither numbers nor booleans: "
                    f"{', '.join(refused)}. Encode them, or pass a pandas frame with the dtype 'category'."
                )
        X = sparse_matrix(X)
        return X.astype(np.float64) if issparse(X) and X.dtype not in (np.float32, np.float64) else X

    def pools(self) -> Iterable[MaxThreads]:
        """Return the number of threads that LightGBM never exceeds.

        Returns
        -------
        iterable of MaxThreads
            One.
        """
        library = _library()
        return () if library is None else (MaxThreads(library),)

    def grow(self, model: Any, prepared: Prepared, row: Row, recipe: Mapping[str, Any]) -> Any:
        """Fit LightGBM's estimator as scikit-learn's hyperparameters say.

        Parameters
        ----------
        model : estimator
            Of LightGBM.
        prepared : Prepared
            The data, and what depends on them.
        row : Row
            The row.
        recipe : mapping
            Hyperparameters of scikit-learn's estimator.

        Returns
        -------
        estimator
            Fitted.
        """
        loss = LOSSES[recipe["loss"]]
        keywords = {"objective": loss.objective, "metric": "None", "random_state": prepared.seed, **loss.keywords}
        if recipe["loss"] == "quantile":
            keywords["alpha"] = recipe.get("quantile", recipe.get("alpha"))
        if prepared.n_classes > 2:
            # Its hessians of several classes are larger by this factor (LightGBM's pull request 3256).
            factor = prepared.n_classes / (prepared.n_classes - 1)
            keywords |= {name: getattr(model, name) * factor for name in ("learning_rate", "reg_lambda")}
            keywords |= {"min_child_weight": model.min_child_weight * factor, "objective": "multiclass"}
            loss = Loss("multiclass", "multi_logloss")
        if prepared.monotonic is not None:
            keywords["monotone_constraints"] = prepared.monotonic.tolist()
        if prepared.interaction is not None:
            keywords["interaction_constraints"] = prepared.interaction
        if recipe.get("max_features") is not None and "max_iter" not in recipe:
            keywords["feature_fraction_bynode"] = feature_share(recipe["max_features"], prepared.X.shape[1])
        keywords |= _leaves(model, *prepared.X.shape)
        watching: dict[str, Any] = {}
        if prepared.stopping is not None:
            keywords["metric"] = loss.metric
            X, y, weights = prepared.watched
            watching = {
                "eval_X": (self.taken(X),),
                "eval_y": (y,),
                "eval_sample_weight": None if weights is None else [weights],
                "callbacks": [_stop(prepared.stopping, loss)],
            }
        if prepared.categorical is not None:
            watching["categorical_feature"] = np.flatnonzero(prepared.categorical).tolist()
        if prepared.train is not None:
            # Left to itself it begins with the mean of what each worker would begin with, however many rows it has.
            keywords["boost_from_average"] = False
            watching["init_score"] = prepared.starts
        return prepared.fitted(model.set_params(**keywords), **watching)

    #: The arguments of ``fit`` that are cut like X.
    along = ("sample_weight", "init_score", "group")
    loose = ("group",)

    def train(
        self, model: Any, row: Row, X: Any, y: Any, given: Mapping[str, Any], cluster: Cluster, classes: Any
    ) -> Any:
        """Fit an estimator to dask collections.

        Parameters
        ----------
        model : estimator
            Of LightGBM, not fitted.
        row : Row
            The row.
        X, y : dask collection
            The data; classes as 0, 1, ...
        given : mapping
            Further arguments of ``fit``.
        cluster : Cluster
            Whose workers train.
        classes : ndarray or None
            The labels of a classification, which the estimator is to predict.

        Returns
        -------
        estimator
            Fitted; without the cluster from now on.
        """
        from accelsk.engines.lightgbm import distributed

        return distributed.trained(model, row, X, y, given, cluster, classes)

    def offset(self, prepared: Prepared, recipe: Mapping[str, Any]) -> Any:
        """Return the mean logarithm of the shares of the classes, with which LightGBM begins; scikit-learn centres it.

        On dask collections LightGBM is told what to begin with, and its margins lack it.

        Parameters
        ----------
        prepared : Prepared
            The data of the fit.
        recipe : mapping
            Hyperparameters of scikit-learn's estimator.

        Returns
        -------
        float or ndarray
            Of the weighted shares; nothing for two classes, and for a regression.
        """
        if prepared.train is not None:
            return -prepared.baseline if prepared.n_classes > 2 else -float(prepared.baseline[0])
        if prepared.n_classes < 3:
            return 0.0
        shares = prepared.loss.link.inverse(prepared.baseline[None])
        return float(np.mean(np.log(shares)))

    def margins(self, model: Any, X: Any, rounds: int | None = None) -> np.ndarray[Any, Any]:
        """Return the raw predictions.

        Parameters
        ----------
        model : estimator
            Of LightGBM, fitted.
        X : ndarray or sparse matrix
            Validated.
        rounds : int, default=None
            How many iterations count; None for all.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Float64.
        """
        # Not by the estimator: it would take the best iteration, and scikit-learn keeps all of them.
        found: np.ndarray[Any, Any] = model.booster_.predict(
            X, raw_score=True, num_iteration=rounds or -1, num_threads=model.n_jobs or 0
        )
        return found

    def walks(self, model: Any, *, best: bool) -> Iterable[Walk]:
        """Return ways to the raw predictions of a fitted estimator.

        Parameters
        ----------
        model : estimator
            Of LightGBM, fitted.
        best : bool
            Whether to take the best iterations only, where the fit was stopped early.

        Returns
        -------
        iterable of Walk
            LightGBM's own call for one row, and those of plain trees of numbers.
        """
        from accelsk.engines.lightgbm.trees import walks_of

        return walks_of(model, best=best)

    def rounds(self, model: Any) -> int:
        """Return the number of iterations that were grown.

        Parameters
        ----------
        model : estimator
            Of LightGBM, fitted.

        Returns
        -------
        int
            At least 1.
        """
        return int(model.booster_.current_iteration())

    def gains(self, model: Any) -> np.ndarray[Any, Any]:
        """Return what the splits on each column have gained.

        Parameters
        ----------
        model : estimator
            Of LightGBM, fitted.

        Returns
        -------
        ndarray of shape (n_features,)
            Summed over splits.
        """
        gains: np.ndarray[Any, Any] = model.booster_.feature_importance("gain")
        return gains

    def ran_elsewhere(self, model: Any, device: Device) -> str:
        """Compare the device with the parameters that LightGBM wrote into the model.

        Parameters
        ----------
        model : estimator
            Of LightGBM, fitted.
        device : Device
            Where it was to compute.

        Returns
        -------
        str
            Empty where they are the same.
        """
        written = dict(_PARAMETER.findall(model.booster_.model_to_string(num_iteration=1)))
        wanted = {name: str(value) for name, value in _place(device).items()}
        found = {name: written.get(name, "") for name in wanted}
        return "" if found == wanted else ", ".join(f"{name}={value}" for name, value in found.items())

    def move(self, model: Any, device: Device) -> None:
        """Let later fits run on another device: predictions never leave the processor.

        Parameters
        ----------
        model : estimator
            Of LightGBM, fitted.
        device : Device
            One of `devices`.
        """
        model.set_params(**_place(device))


_PARAMETER = re.compile(r"^\[(\w+): (.*)\]$", re.MULTILINE)


def _leaves(model: Any, n_samples: int, n_features: int) -> dict[str, Any]:
    """No more leaves than there can be: LightGBM keeps a histogram of every column for each that it is told.

    Without this a tree without a bound takes 5 GB and a minute on 3,000 rows of ten columns. The rows of a leaf are
    estimated, so that there may be somewhat more leaves than their smallest number allows.
    """
    bounds = [model.num_leaves, n_samples, 2 * n_samples // max(1, model.min_child_samples)]
    if 0 < model.max_depth < 17:
        bounds.append(2**model.max_depth)
    found: dict[str, Any] = {"num_leaves": max(2, min(bounds))}
    if found["num_leaves"] * n_features * model.get_params()["max_bin"] * 16 > 2**20 * _POOL:
        found["histogram_pool_size"] = _POOL
    return found


def _stop(stopping: Any, loss: Loss) -> Any:
    """A callback that ends the fit where scikit-learn would."""
    from lightgbm.callback import EarlyStopException

    def callback(env: Any) -> None:
        if stopping.stops(loss.scale(env.evaluation_result_list[0][2])):
            raise EarlyStopException(env.iteration, env.evaluation_result_list)

    return callback


def _ids(place: Mapping[str, Any]) -> tuple[int, int]:
    return place.get("gpu_platform_id", -1), place.get("gpu_device_id", -1)


def _place(device: Device) -> dict[str, Any]:
    if device == HOST:
        return {"device_type": "cpu"}
    return dict(_places()[device][1])


def _places() -> dict[Device, tuple[str, dict[str, Any]]]:
    """The devices besides the host, with their names and LightGBM's keywords."""
    library = _library()
    if library is None:
        return {}
    if _built_without(library, b"CUDA"):
        return {
            device: (
                found.name,
                {"device_type": "gpu", "gpu_platform_id": found.platform, "gpu_device_id": found.index},
            )
            for device, found in _opencl().items()
        }
    return {
        device: (name, {"device_type": "cuda", "gpu_device_id": device.index})
        for device, name in drivers.cuda().items()
    }


def _opencl() -> Mapping[Device, drivers.OpenCLDevice]:
    """The devices that a build with OpenCL reaches."""
    library = _library()
    if library is None or not _built_without(library, b"CUDA") or _built_without(library, b"GPU"):
        return {}
    return drivers.opencl(library)


@lru_cache(maxsize=1)
def _library() -> str | None:
    """LightGBM's shared library; found without importing LightGBM."""
    spec = importlib.util.find_spec("lightgbm")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).glob("*/lib_lightgbm.*")):
            if path.suffix in (".so", ".dylib", ".dll"):
                return str(path)
    return None


@lru_cache(maxsize=4)
def _built_without(library: str, kind: bytes) -> bool:
    """Whether the library lacks the code for a kind of device: it then holds the message that says so."""
    return kind + b" Tree Learner was not enabled in this build" in Path(library).read_bytes()
