"""What is particular about calling XGBoost: its GPUs, its sums of hessians, and what it takes for missing."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk import drivers
from accelsk.devices import HOST, Device
from accelsk.engines.boosters import Booster, BoosterAdapter
from accelsk.engines.recipes import Loss, Prepared, feature_share
from accelsk.engines.spec import Row
from accelsk.engines.xgboost.table import LOSSES
from accelsk.errors import UnsupportedParameter
from accelsk.facts import not_numbers

if TYPE_CHECKING:
    from accelsk.clusters import Cluster
    from accelsk.evaluators.walks import Walk

__all__ = ["XGBoostAdapter"]


class XGBoostAdapter(BoosterAdapter):
    """How accelsk talks to XGBoost."""

    def devices(self) -> Mapping[Device, str]:
        """Return the host, then the CUDA devices, where this build of XGBoost has the code for them.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        found = drivers.cuda()
        return {**super().devices(), **(found if found and _has_cuda() else {})}

    def requested(self, params: Mapping[str, Any]) -> Device | None:
        """Return the device that an estimator asks for by its own hyperparameters.

        Parameters
        ----------
        params : mapping
            Of the estimator.

        Returns
        -------
        Device or None
            None for the processor, which is XGBoost's default.
        """
        asked = str(params.get("device") or "cpu")
        kind, _, index = asked.partition(":")
        if kind in ("cuda", "gpu") and (index.isdecimal() or not index):
            return Device("gpu", "cuda", int(index) if index else None)
        # Whatever else it is, it is not to become the processor without a word.
        return None if asked == "cpu" else Device.parse(asked)

    def encodes(self, classes: np.ndarray[Any, Any]) -> bool:
        """Say that labels are to be encoded: XGBoost takes no others than 0, 1, ...

        Parameters
        ----------
        classes : ndarray
            The labels.

        Returns
        -------
        bool
            True.
        """
        return True

    def taken(self, X: Any) -> Any:
        """Return X as XGBoost takes it: a frame of polars, for which it needs pyarrow, as an array where there is none.

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
            For columns of polars that are neither numbers nor categories: XGBoost would look their kind up in vain.
        """
        if type(X).__module__.partition(".")[0] != "polars":
            return X
        others = not_numbers(X)
        refused = [name for name in others if not str(X.schema[name]).startswith(("Categorical", "Enum"))]
        if refused:
            raise ValueError(
                f"{self.engine.title} takes no columns of polars that are neither numbers nor categories: "
                f"{', '.join(refused)}. Encode them, or cast them to polars.Categorical."
            )
        if others or importlib.util.find_spec("pyarrow") is not None:
            return X  # where there is no pyarrow, XGBoost says itself that it needs it for categories
        return X.to_numpy().astype(np.float64)

    def on_device(self, row: Row, keywords: Mapping[str, Any], device: Device) -> dict[str, Any]:
        """Return the keyword arguments with the device in XGBoost's own spelling.

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
            A number out of range is to be an error: XGBoost would count round.

        Raises
        ------
        UnsupportedParameter
            For the exact tree method on a GPU: XGBoost has no code for it.
        """
        if device != HOST and keywords.get("tree_method") == "exact":
            raise UnsupportedParameter(
                f"engine {self.engine.name!r} cannot run {row.name} with tree_method='exact' on {str(device)!r}; "
                "it supports tree_method='hist' and tree_method='approx' there.",
                hint="set tree_method='hist', or device='cpu'.",
                engine=self.engine.name,
                estimator=row.name,
                parameter="tree_method",
                value="exact",
            )
        return {**keywords, **_place(device)}

    def grow(self, model: Any, prepared: Prepared, row: Row, recipe: Mapping[str, Any]) -> Any:
        """Fit XGBoost's estimator as scikit-learn's hyperparameters say.

        Parameters
        ----------
        model : estimator
            Of XGBoost.
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
        keywords: dict[str, Any] = {"objective": loss.objective, "random_state": prepared.seed}
        if recipe["loss"] == "quantile":
            keywords["quantile_alpha"] = recipe.get("quantile", recipe.get("alpha"))
        if prepared.n_classes > 2:
            # Its hessians of several classes are twice as large (xgboost/src/objective/multiclass_obj.cu).
            keywords |= {name: 2 * getattr(model, name) for name in ("learning_rate", "reg_lambda", "min_child_weight")}
            loss = Loss("multi:softprob", "mlogloss")
            keywords["objective"] = loss.objective
        keywords["base_score"] = _start(prepared)
        if prepared.monotonic is not None:
            keywords["monotone_constraints"] = tuple(prepared.monotonic.tolist())
        if prepared.interaction is not None:
            keywords["interaction_constraints"] = json.dumps(prepared.interaction)  # columns without names: as a text
        if prepared.categorical is not None:
            types = ["c" if categorical else "q" for categorical in prepared.categorical]
            keywords |= {"feature_types": types, "enable_categorical": True}
        if recipe.get("max_features") is not None and "max_iter" not in recipe:
            keywords["colsample_bynode"] = feature_share(recipe["max_features"], prepared.X.shape[1])
        watching: dict[str, Any] = {}
        if prepared.stopping is not None:
            keywords |= {"eval_metric": loss.metric, "callbacks": [_stop(prepared.stopping, loss)]}
            X, y, weights = prepared.watched
            watching["eval_set"] = [(X, y)]
            watching["sample_weight_eval_set"] = None if weights is None else [weights]
        model = prepared.fitted(model.set_params(**keywords), verbose=False, **watching)
        model.callbacks = None
        return model

    #: The arguments of ``fit`` that have as many rows as X, and those with data to be evaluated.
    along = ("sample_weight", "base_margin", "qid")
    evaluated = ("eval_set",)

    def train(
        self, model: Any, row: Row, X: Any, y: Any, given: Mapping[str, Any], cluster: Cluster, classes: Any
    ) -> Any:
        """Fit an estimator to dask collections.

        Parameters
        ----------
        model : estimator
            Of XGBoost, not fitted.
        row : Row
            The row.
        X, y : dask collection
            The data; classes as 0, 1, ...
        given : mapping
            Further arguments of ``fit``.
        cluster : Cluster
            Whose workers train.
        classes : ndarray or None
            The labels of a classification.

        Returns
        -------
        estimator
            Fitted; without the cluster from now on.
        """
        from accelsk.engines.xgboost import distributed

        return distributed.trained(model, row, X, y, given, cluster)

    def call(
        self, backend: Booster, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted backend estimator.

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
        with _quiet(device):
            return super().call(backend, row, method, args, kwargs, device)

    def margins(self, model: Any, X: Any, rounds: int | None = None) -> np.ndarray[Any, Any]:
        """Return the raw predictions.

        Parameters
        ----------
        model : estimator
            Of XGBoost, fitted.
        X : ndarray or sparse matrix
            Validated.
        rounds : int, default=None
            How many iterations count; None for all.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Float64.
        """
        # All iterations by name: without it XGBoost would take the best, and scikit-learn keeps all of them.
        found = model.predict(X, output_margin=True, iteration_range=(0, rounds or self.rounds(model)))
        return np.asarray(found, dtype=np.float64)

    def walks(self, model: Any, *, best: bool) -> Iterable[Walk]:
        """Return ways to the raw predictions of a fitted estimator.

        Parameters
        ----------
        model : estimator
            Of XGBoost, fitted.
        best : bool
            Whether to take the best iterations only, where the fit was stopped early.

        Returns
        -------
        iterable of Walk
            None for what is no plain ensemble of trees of numbers.
        """
        from accelsk.engines.xgboost.trees import walks_of

        return walks_of(model, best=best)

    def rounds(self, model: Any) -> int:
        """Return the number of iterations that were grown.

        Parameters
        ----------
        model : estimator
            Of XGBoost, fitted.

        Returns
        -------
        int
            At least 1.
        """
        return int(model.get_booster().num_boosted_rounds())

    def gains(self, model: Any) -> np.ndarray[Any, Any]:
        """Return what the splits on each column have gained.

        Parameters
        ----------
        model : estimator
            Of XGBoost, fitted.

        Returns
        -------
        ndarray of shape (n_features,)
            Summed over splits.
        """
        found = model.get_booster().get_score(importance_type="total_gain")
        return np.array([found.get(f"f{column}", 0.0) for column in range(model.n_features_in_)])

    def ran_elsewhere(self, model: Any, device: Device) -> str:
        """Compare the device with the one that XGBoost wrote into the model.

        Parameters
        ----------
        model : estimator
            Of XGBoost, fitted.
        device : Device
            Where it was to compute.

        Returns
        -------
        str
            Empty where they are the same.
        """
        written = json.loads(model.get_booster().save_config())["learner"]["generic_param"]["device"]
        return "" if written == _place(device)["device"] else f"device={written!r}"

    def dump(self, backend: Booster, row: Row) -> bytes:
        """Write a fitted backend estimator down, as one of the processor: others cannot be read without their GPU.

        Parameters
        ----------
        backend : Booster
            Fitted.
        row : Row
            Its row.

        Returns
        -------
        bytes
            For `load_dump`.
        """
        if str(backend.model.get_params()["device"] or "cpu") != "cpu":
            backend = copy.deepcopy(backend)
            self.move(backend.model, HOST)
        return super().dump(backend, row)

    def move(self, model: Any, device: Device) -> None:
        """Let a fitted estimator compute on another device from now on.

        Parameters
        ----------
        model : estimator
            Of XGBoost, fitted.
        device : Device
            One of `devices`.
        """
        if model.get_params()["device"] != _place(device)["device"]:
            model.set_params(**_place(device))


def _place(device: Device) -> dict[str, Any]:
    if device == HOST:
        return {"device": "cpu"}
    if device.index is None:  # of a cluster's worker: XGBoost takes no number there
        return {"device": "cuda"}
    return {"device": f"cuda:{device.index}", "fail_on_invalid_gpu_id": True}


@lru_cache(maxsize=1)
def _has_cuda() -> bool:
    import xgboost

    return bool(xgboost.build_info().get("USE_CUDA"))


def _quiet(device: Device) -> AbstractContextManager[Any]:
    """Data of the host are copied to a GPU for a prediction, of which XGBoost would warn each time."""
    if device == HOST:
        return nullcontext()
    import xgboost

    context: AbstractContextManager[Any] = xgboost.config_context(verbosity=0)
    return context


def _start(prepared: Prepared) -> Any:
    """What scikit-learn begins with, in XGBoost's terms: a probability or a mean; one for each of several classes."""
    if prepared.n_classes > 2:
        return prepared.baseline.tolist()
    return float(prepared.start)


def _stop(stopping: Any, loss: Loss) -> Any:
    """A callback that ends the fit where scikit-learn would."""
    from xgboost.callback import TrainingCallback

    class Stop(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            ((metric,),) = (history.values() for history in evals_log.values())
            return bool(stopping.stops(loss.scale(metric[-1])))

    return Stop()
