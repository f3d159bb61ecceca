"""scikit-learn's gradient boosting with trees that another library has grown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import accuracy_score, r2_score

from accelsk.engines.recipes import checked_again, prepare
from accelsk.errors import NotPortable

if TYPE_CHECKING:
    from accelsk.engines.boosters import BoosterAdapter
    from accelsk.engines.recipes import Prepared
    from accelsk.engines.spec import Row

__all__ = ["GrownClass"]

Array = np.ndarray[Any, Any]

#: The losses of which the raw prediction is the logarithm of the target.
_LOGARITHMIC = ("poisson", "gamma")


class GrownClass:
    """A gradient boosting estimator of scikit-learn whose trees are a library's.

    Parameters
    ----------
    model : estimator
        Of the library.
    stem : estimator
        Of scikit-learn, never fitted: it prepares data, and keeps what predictions need of the fit.
    recipe : mapping
        Hyperparameters of scikit-learn's estimator.
    """

    def __init__(self, model: Any, stem: Any, recipe: Mapping[str, Any]) -> None:
        self.model, self.stem, self.recipe = model, stem, dict(recipe)
        self.grew = False
        self.offset: Any = 0.0
        self.constant = np.zeros(1)
        self.found: dict[str, Any] = {}

    def fit(self, adapter: BoosterAdapter, row: Row, given: Mapping[str, Any]) -> None:
        """Prepare as scikit-learn does, and grow.

        Parameters
        ----------
        adapter : BoosterAdapter
            Of the library.
        row : Row
            Of the class.
        given : mapping
            The arguments of ``fit``, by name.
        """
        given = {name: value for name, value in given.items() if name != "monitor"}
        prepared = prepare(self.stem, **given)
        if prepared.n_classes != 1:
            prepared.X = adapter.taken(prepared.X)
        self.grow(adapter, row, prepared)

    def grow(self, adapter: BoosterAdapter, row: Row, prepared: Prepared) -> None:
        """Let the library grow its trees, and keep what predictions need.

        Parameters
        ----------
        adapter : BoosterAdapter
            Of the library.
        row : Row
            Of the class.
        prepared : Prepared
            The data, as the library takes them.
        """
        if prepared.n_classes == 1 or not adapter.can_grow(prepared):
            # scikit-learn then grows trees of one leaf that add nothing: the constant it begins with is the model.
            self.constant = prepared.baseline
            rounds = self.recipe["max_iter" if hasattr(self.stem, "_preprocess_X") else "n_estimators"]
            self.found = self._attributes(rounds, [])
            if not hasattr(self.stem, "_preprocess_X"):
                self.found["feature_importances_"] = np.zeros(self.stem.n_features_in_)
            return
        self.model = adapter.grow(self.model, prepared, row, self.recipe)
        self.offset = adapter.offset(prepared, self.recipe)
        self.grew = True
        self.found = self._attributes(adapter.rounds(self.model), prepared.stopping.losses if prepared.stopping else [])
        if not hasattr(self.stem, "_preprocess_X"):
            gains = np.asarray(adapter.gains(self.model), dtype=np.float64)
            self.found["feature_importances_"] = gains / (gains.sum() or 1.0)

    def _attributes(self, rounds: int, losses: list[float]) -> dict[str, Any]:
        known = {
            name: value for name, value in vars(self.stem).items() if name.endswith("_") and not name.startswith("_")
        }
        if hasattr(self.stem, "_preprocess_X"):
            scores = -np.asarray(losses, dtype=np.float64)
            held_out = self.stem.validation_fraction is not None
            nothing = np.empty(0)
            known |= {
                "n_iter_": rounds,
                "train_score_": nothing if held_out else scores,
                "validation_score_": scores if held_out else nothing,
            }
        else:
            known |= {"n_estimators_": rounds}
        return known

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__.get("found", {})
        if name in found:
            return found[name]
        stem = self.__dict__.get("stem")
        if name.startswith("_") or stem is None or not callable(getattr(type(stem), name, None)):
            raise AttributeError(f"{type(stem).__name__!r} fitted by a library has no attribute {name!r}")
        return getattr(stem, name)  # that there is such a method: what it computes is asked for by `call`

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyperparameters of the library's estimator.

        Parameters
        ----------
        deep : bool, default=True
            As in the library.

        Returns
        -------
        dict
            By name.
        """
        return dict(self.model.get_params(deep=deep))

    def call(
        self, adapter: BoosterAdapter, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Compute what a method of scikit-learn's class returns.

        Parameters
        ----------
        adapter : BoosterAdapter
            Of the library.
        row : Row
            Of the class.
        method : str
            Its name.
        args, kwargs : sequence, mapping
            Its arguments.

        Returns
        -------
        object
            In scikit-learn's shape and dtype.
        """
        given = inspect.signature(getattr(type(self.stem), method)).bind(self.stem, *args, **kwargs).arguments
        if method == "score":
            answer = self.answer("predict", self._margins(adapter, given["X"]))
            score = accuracy_score if hasattr(self.stem, "classes_") else r2_score
            return float(score(given["y"], answer, sample_weight=given.get("sample_weight")))
        if method.startswith("staged_"):
            return self._staged(adapter, method.removeprefix("staged_"), given["X"])
        return self.answer(method, self._margins(adapter, given["X"]))

    def _staged(self, adapter: BoosterAdapter, method: str, X: Any) -> Iterator[Array]:
        X = adapter.taken(checked_again(self.stem, X))
        for rounds in range(1, self.found["n_iter_" if "n_iter_" in self.found else "n_estimators_"] + 1):
            margins = adapter.margins(self.model, X, rounds) - self.offset if self.grew else self._constant(X)
            yield self.answer(method, margins)

    def _margins(self, adapter: BoosterAdapter, X: Any) -> Array:
        X = checked_again(self.stem, X)
        if not self.grew:
            return self._constant(X)
        margins: Array = adapter.margins(self.model, adapter.taken(X)) - self.offset
        return margins

    def _constant(self, X: Any) -> Array:
        shape = (X.shape[0], len(self.constant)) if len(self.constant) > 1 else X.shape[0]
        return np.full(shape, self.constant)

    def answer(self, method: str, margins: Array) -> Array:
        """Compute what a method returns of raw predictions.

        Parameters
        ----------
        method : str
            Its name.
        margins : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Without `offset`.

        Returns
        -------
        ndarray
            In scikit-learn's shape and dtype.
        """
        classes = getattr(self.stem, "classes_", None)
        if classes is None:
            return np.exp(margins) if self.stem.loss in _LOGARITHMIC else margins
        if method == "decision_function":
            return margins
        if method == "predict":
            labels: Array = classes[margins.argmax(axis=1) if margins.ndim == 2 else self._side(margins)]
            return labels
        if margins.ndim == 2:
            proba: Array = log_softmax(margins, axis=1) if method == "predict_log_proba" else softmax(margins, axis=1)
            return proba
        positive = expit(margins)
        proba = np.column_stack([1 - positive, positive])
        return np.log(proba) if method == "predict_log_proba" else proba

    def _side(self, margins: Array) -> Array:
        # On the border scikit-learn's two families decide differently.
        return (margins > 0 if hasattr(self.stem, "_preprocess_X") else margins >= 0).astype(np.intp)

    def exported(self, engine: str) -> Any:
        """Not to be had: scikit-learn's trees are others.

        Parameters
        ----------
        engine : str
            The engine's name.
        """
        raise NotPortable(f"the trees of engine {engine!r} are not scikit-learn's.")
