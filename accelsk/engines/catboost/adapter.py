"""What is particular about calling CatBoost: one GPU rather than all, labels, categories, and a silent fit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from accelsk import drivers
from accelsk.convert import sparse_matrix
from accelsk.devices import HOST, Device
from accelsk.engines.boosters import Booster
from accelsk.engines.catboost.frames import check_frame
from accelsk.engines.catboost.labels import are_kept, by_code
from accelsk.engines.catboost.table import LOSSES
from accelsk.engines.catboost.threads import fit_held, table, threads_of_tables
from accelsk.engines.catboost.trees import WalkedAdapter
from accelsk.engines.ownclass import OwnClass
from accelsk.engines.recipes import Loss, Prepared, feature_share
from accelsk.engines.spec import Row
from accelsk.errors import DeviceNotAvailable, UnsupportedParameter
from accelsk.threads import share, threads_for

__all__ = ["CatBoostAdapter"]

#: What a user would set to be told of the fit, or to have it written down.
_TELLING = ("verbose", "logging_level", "silent", "verbose_eval", "metric_period")
_NO_NUMBERS = ("cat_features", "text_features", "embedding_features")
_WRITING = ("allow_writing_files", "train_dir")

#: The methods that make a table of the data that they are given first.
_ASKED = frozenset(
    {
        *("predict", "predict_proba", "predict_log_proba", "virtual_ensembles_predict"),
        *("staged_predict", "staged_predict_proba", "staged_predict_log_proba"),
        *("calc_leaf_indexes", "iterate_leaf_indexes"),
    }
)


class CatBoostAdapter(WalkedAdapter):
    """How accelsk talks to CatBoost."""

    def devices(self) -> Mapping[Device, str]:
        """Return the host, then the CUDA devices. CatBoost is not asked: a failed start of CUDA poisons its process.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        return {**super().devices(), **drivers.cuda()}

    def requested(self, params: Mapping[str, Any]) -> Device | None:
        """Return the device that an estimator asks for by its own hyperparameters.

        Parameters
        ----------
        params : mapping
            Of the estimator.

        Returns
        -------
        Device or None
            None for the processor; the first of several GPUs.
        """
        if params.get("task_type") not in ("GPU", "gpu"):
            return None if params.get("task_type") in ("CPU", None) else Device.parse(str(params["task_type"]))
        named = re.match(r"\d+", str(params.get("devices") or ""))
        return Device("gpu", "cuda", int(named.group()) if named else None)

    def encodes(self, classes: np.ndarray[Any, Any]) -> bool:
        """Say whether labels must be encoded: CatBoost keeps only words, and integers of a moderate size.

        It sorts texts that are numbers as numbers, takes no empty text, and keeps numbers in single precision.

        Parameters
        ----------
        classes : ndarray
            The labels.

        Returns
        -------
        bool
            Whether the library is given 0, 1, ... instead.
        """
        return not are_kept(classes)

    def encode_parameters(self, model: Any, classes: np.ndarray[Any, Any]) -> None:
        """Let `class_weights` name what the labels are encoded as.

        Parameters
        ----------
        model : estimator
            Of CatBoost, not fitted; it is changed.
        classes : ndarray
            The labels, in the order of 0, 1, ...

        Raises
        ------
        ValueError
            For a weight of a label that there is not.
        """
        weights = model.get_params().get("class_weights")
        if isinstance(weights, Mapping):
            model.set_params(class_weights=by_code(weights, classes))

    def takes_objects(self, model: Any, given: Mapping[str, Any]) -> bool:
        """Say whether the user has named columns of categories, texts or embeddings.

        Parameters
        ----------
        model : estimator
            Of CatBoost.
        given : mapping
            The arguments of ``fit``.

        Returns
        -------
        bool
            Whether X may hold what is no number.
        """
        return bool(_named(model, given))

    def taken(self, X: Any) -> Any:
        """Return X as CatBoost takes it: of sparse data it knows SciPy's matrices with indices of 32 bits.

        Parameters
        ----------
        X : ndarray, sparse matrix or data frame
            Validated.

        Returns
        -------
        object
            The same data.
        """
        return sparse_matrix(X)

    def ready(self, model: Any, method: str, X: Any) -> Any:
        """Return a table of the data: a prediction would make one on all cores.

        Parameters
        ----------
        model : estimator
            Of CatBoost.
        method : str
            The method.
        X : object
            Its first argument.

        Returns
        -------
        object
            X itself for methods that do more with it.
        """
        return table(model, X) if method in _ASKED else X

    def on_device(self, row: Row, keywords: Mapping[str, Any], device: Device) -> dict[str, Any]:
        """Return the keyword arguments with the device in CatBoost's own spelling.

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
            Always with the number of the GPU: without one CatBoost takes all of them.

        Raises
        ------
        UnsupportedParameter
            For what CatBoost has no code for on a GPU.
        """
        placed = {name: value for name, value in keywords.items() if name not in ("task_type", "devices")}
        if row.native:
            if not any(name in placed for name in _TELLING):
                placed["verbose"] = False
            if not any(name in placed for name in _WRITING):
                placed["allow_writing_files"] = False
        if device == HOST:
            return {**placed, "task_type": "CPU"}
        if not row.native and placed.get("rsm", 1.0) != 1.0:
            raise self._not_on_a_gpu(row, "max_features", placed["rsm"])
        asked = str(keywords.get("devices") or "")
        # Several GPUs are what only the user's own estimator can ask for, and then that stays.
        several = re.match(rf"{device.index or 0}\D", asked) is not None
        return {**placed, "task_type": "GPU", "devices": asked if several else str(device.index or 0)}

    def _not_on_a_gpu(self, row: Row, parameter: str, value: Any) -> UnsupportedParameter:
        return UnsupportedParameter(
            f"engine {self.engine.name!r} cannot run {row.name}({parameter}={value!r}) on a GPU: {self.engine.title} "
            "has it on processors only.",
            hint=f"drop {parameter}, or set device='cpu'.",
            engine=self.engine.name,
            estimator=row.name,
            parameter=parameter,
            value=value,
        )

    def fit(
        self, backend: Booster, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Fit; CatBoost's error about data is one that scikit-learn's users would catch.

        Parameters
        ----------
        backend : Booster
            From `build`.
        row : Row
            Its row.
        method : str
            "fit".
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        Booster
            The same object.

        Raises
        ------
        ValueError
            For what CatBoost refuses.
        DeviceNotAvailable
            If CUDA does not start.
        """
        from catboost import CatBoostError

        if isinstance(backend, OwnClass):
            given = inspect.signature(type(backend.model).fit).bind(backend.model, *args, **kwargs).arguments
            check_frame(given.get("X"), _named(backend.model, given))
        try:
            with fit_held(backend.model):
                return super().fit(backend, row, method, args, kwargs, device)
        except CatBoostError as error:
            if device != HOST and ("CUDA" in str(error) or "State ==" in str(error)):
                raise DeviceNotAvailable(
                    f"engine {self.engine.name!r} could not start CUDA on {str(device)!r}: {error}.",
                    hint="`accelsk doctor` looks at the drivers; CatBoost can try again only in a new process.",
                    engine=self.engine.name,
                    device=str(device),
                ) from error
            raise ValueError(str(error)) from error

    def call(
        self, backend: Booster, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted backend estimator; parameters and result as in `Adapter.call`.

        Parameters
        ----------
        backend : Booster
            Fitted.
        row : Row
            Its row.
        method : str
            The method.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns.
        """
        if isinstance(backend, OwnClass):
            X = next(iter((*args, *kwargs.values())), None)
            check_frame(X, getattr(backend.model, "feature_names_", None) or () if backend.objects else ())
        return super().call(backend, row, method, args, kwargs, device)

    def can_grow(self, prepared: Prepared) -> bool:
        """Say whether there is anything to learn: CatBoost refuses equal targets, and columns that are all constant.

        Parameters
        ----------
        prepared : Prepared
            The data of the fit.

        Returns
        -------
        bool
            False where the constant that scikit-learn begins with is all that there is.
        """
        counted = slice(None) if prepared.sample_weight is None else prepared.sample_weight > 0
        y, X = prepared.y[counted], prepared.X
        if len(y) < 2 or (y == y[0]).all():
            return False
        if hasattr(X, "nnz"):
            return bool((X.max(axis=0) - X.min(axis=0)).nnz)
        first = X[0]
        return not bool(((first == X) | (np.isnan(first) & np.isnan(X))).all())

    def grow(self, model: Any, prepared: Prepared, row: Row, recipe: Mapping[str, Any]) -> Any:
        """Fit CatBoost's estimator as scikit-learn's hyperparameters say.

        Parameters
        ----------
        model : estimator
            Of CatBoost.
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
        on_gpu = model.get_params().get("task_type") == "GPU"
        loss = LOSSES[recipe["loss"]]
        if prepared.n_classes > 2:
            loss = Loss("MultiClass", "MultiClass")
        keywords: dict[str, Any] = {"loss_function": loss.objective, "random_seed": prepared.seed}
        if recipe["loss"] == "quantile":
            keywords["loss_function"] = f"Quantile:alpha={recipe.get('quantile', recipe.get('alpha'))}"
        if loss.objective not in ("MultiClass", "Poisson"):
            keywords["boost_from_average"] = True
        start = -self.offset(prepared, recipe)
        begin = {"baseline": np.full(len(prepared.y), start)} if start else {}
        if "max_iter" not in recipe and recipe["max_features"] is not None:
            keywords["rsm"] = feature_share(recipe["max_features"], prepared.X.shape[1])
            if on_gpu and keywords["rsm"] != 1.0:
                raise self._not_on_a_gpu(row, "max_features", recipe["max_features"])
        if prepared.categorical is not None:
            keywords["cat_features"] = np.flatnonzero(prepared.categorical).tolist()
        watching: dict[str, Any] = {}
        if prepared.stopping is not None:
            from catboost import Pool

            X, y, weights = prepared.watched
            watching["eval_set"] = Pool(
                self._columns(X, prepared.categorical),
                y,
                weight=weights,
                baseline=np.full(len(y), start) if start else None,
                thread_count=threads_of_tables(),
                **_categories(prepared),
            )
            if on_gpu:  # where CatBoost calls nobody back
                watching["early_stopping_rounds"] = prepared.stopping.n_iter_no_change
            else:
                watching["callbacks"] = [_Stop(prepared.stopping, loss)]
        model.set_params(**keywords)
        X = self._columns(prepared.X, prepared.categorical)
        return model.fit(X, prepared.y, sample_weight=prepared.sample_weight, **begin, **watching)

    def _columns(self, X: Any, categorical: Any) -> Any:
        """Categories as whole numbers, which CatBoost wants them to be; a missing one is a category of its own."""
        X = self.taken(X)
        if categorical is None:
            return X
        columns = X.astype(object)
        columns[:, categorical] = np.where(np.isnan(X[:, categorical]), -1, X[:, categorical]).astype(np.int64)
        return columns

    def offset(self, prepared: Prepared, recipe: Mapping[str, Any]) -> float:
        """Return the start of counts, which CatBoost takes from the data, and does not keep in the model.

        Parameters
        ----------
        prepared : Prepared
            The data of the fit.
        recipe : mapping
            Hyperparameters of scikit-learn's estimator.

        Returns
        -------
        float
            Less the logarithm of the mean target; nothing for other losses, of which CatBoost knows the start.
        """
        return -float(prepared.baseline[0]) if recipe["loss"] == "poisson" else 0.0

    def margins(self, model: Any, X: Any, rounds: int | None = None) -> np.ndarray[Any, Any]:
        """Return the raw predictions.

        Parameters
        ----------
        model : estimator
            Of CatBoost, fitted.
        X : ndarray or sparse matrix
            Validated.
        rounds : int, default=None
            How many iterations count; None for all.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Float64.
        """
        places = model.get_cat_feature_indices()
        categorical = np.isin(np.arange(X.shape[1]), places) if len(places) else None
        columns = self._columns(X, categorical)
        found = model.predict(
            columns if share() is None else table(model, columns),
            prediction_type="RawFormulaVal",
            ntree_end=rounds or 0,
            thread_count=threads_for(-1),
        )
        return np.asarray(found, dtype=np.float64)

    def rounds(self, model: Any) -> int:
        """Return the number of iterations that were grown.

        Parameters
        ----------
        model : estimator
            Of CatBoost, fitted.

        Returns
        -------
        int
            At least 1.
        """
        return int(model.tree_count_)

    def gains(self, model: Any) -> np.ndarray[Any, Any]:
        """Return how much the predictions change with each column, CatBoost's own measure.

        Parameters
        ----------
        model : estimator
            Of CatBoost, fitted.

        Returns
        -------
        ndarray of shape (n_features,)
            In percent.
        """
        return np.asarray(model.get_feature_importance(type="PredictionValuesChange"))

    def ran_elsewhere(self, model: Any, device: Device) -> str:
        """Compare the device with the kind that CatBoost wrote into the model.

        Parameters
        ----------
        model : estimator
            Of CatBoost, fitted.
        device : Device
            Where it was to compute.

        Returns
        -------
        str
            Empty where it is the same.
        """
        written = str(model.get_all_params().get("task_type"))
        return "" if written == ("CPU" if device == HOST else "GPU") else f"task_type={written!r}"

    def move(self, model: Any, device: Device) -> None:
        """Do nothing: CatBoost predicts on the processor wherever it was fitted.

        Parameters
        ----------
        model : estimator
            Of CatBoost, fitted.
        device : Device
            One of `devices`.
        """


def _named(model: Any, given: Mapping[str, Any]) -> list[Any]:
    """The columns that the user has named as something else than numbers."""
    params = model.get_params()
    values = [given[name] if given.get(name) is not None else params.get(name) for name in _NO_NUMBERS]
    return [column for value in values if value is not None for column in np.atleast_1d(value).tolist()]


def _categories(prepared: Prepared) -> dict[str, Any]:
    return {} if prepared.categorical is None else {"cat_features": np.flatnonzero(prepared.categorical).tolist()}


class _Stop:
    """A callback that ends the fit where scikit-learn would."""

    def __init__(self, stopping: Any, loss: Loss) -> None:
        self.stopping, self.loss = stopping, loss

    def after_iteration(self, info: Any) -> bool:
        """Say whether to go on.

        Parameters
        ----------
        info : object
            Of CatBoost, with the metrics so far.

        Returns
        -------
        bool
            False ends the fit.
        """
        ((metric, *_),) = (list(history.values()) for name, history in info.metrics.items() if name != "learn")
        return not self.stopping.stops(self.loss.scale(metric[-1]))
