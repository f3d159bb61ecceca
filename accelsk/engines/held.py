"""A library's fitted model in the place of scikit-learn's estimator: what is read of it is scikit-learn's, on the host.

The library's estimator computes; an estimator of scikit-learn's class, never fitted, stands beside it (the *stem*): it
has the user's hyperparameters, validates the data as scikit-learn does, and keeps what it found in them. Fitted
attributes are brought home and put on a copy of the stem (the *face*), of which attributes are read, and which computes
what the library has no method for.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier, is_clusterer, is_regressor
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import get_tags
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import (
    _check_n_features,
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_non_negative,
    validate_data,
)

from accelsk.engines.reading import Read, bound, container, in_double

if TYPE_CHECKING:
    from accelsk.devices import Device
    from accelsk.engines.holding import HoldingAdapter
    from accelsk.engines.spec import Row

__all__ = ["Held", "Read"]

Array = np.ndarray[Any, Any]

#: The methods of which the result is the next step's X: it stays where the library made it.
_TRANSFORMING = ("transform", "fit_transform", "inverse_transform")


class Held:
    """A library's estimator, with what scikit-learn's users expect of one.

    Parameters
    ----------
    adapter : HoldingAdapter
        Of the engine.
    path : str
        The public path of scikit-learn's class.
    model : object
        The library's estimator.
    stem : estimator
        Of scikit-learn's class, never fitted, with the user's hyperparameters.

    Attributes
    ----------
    notes : dict
        What the adapter wants to know of the fit later.
    """

    def __init__(self, adapter: HoldingAdapter, path: str, model: Any, stem: Any) -> None:
        self.adapter, self.path, self.model, self.stem = adapter, path, model, stem
        self.device: Device | None = None
        self.labels: Any = None
        self.double = True
        self.y_ndim = 0
        self.fitted = False
        self.made: Any = None
        self.notes: dict[str, Any] = {}

    @property
    def row(self) -> Row:
        """The row of the class."""
        row = self.adapter.engine.row(self.path, self.device)
        assert row is not None
        return row

    # -- fitting -----------------------------------------------------------------------------------------------------

    def fit(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device) -> Any:
        """Validate as scikit-learn does, and let the library fit.

        Parameters
        ----------
        method : str
            A fitting method.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method of scikit-learn's class returns: this object, or a result that may be on the device.
        """
        given = bound(self.stem, method, args, kwargs)
        first = next(iter(given))
        original = given.pop(first)
        y = given.pop("y", None)
        weights = given.pop("sample_weight", None)
        going_on = method == "partial_fit" and self.fitted
        intake = self.adapter.intake(self.row)
        if first == "y" or not intake.table:  # encoders of labels, and what is no table of numbers
            X = original
        else:
            X, y = self._taken(original, y, given, reset=not going_on, partial=method == "partial_fit")
            if weights is not None:
                weights = self._weights(weights, X)
        self.device, self.made = device, None
        passed = {name: value for name, value in (("y", y), ("sample_weight", weights)) if value is not None} | given
        with self.adapter.context(device):
            self.adapter.before(self, self.row, X, y)
            result = self.adapter.run(self, self.row, method, X, passed)
            self.fitted = True
            self.adapter.after(self, self.row)
        if method in ("fit", "partial_fit"):
            return self
        return self.answer(method, result, original)

    def _taken(self, X: Any, y: Any, given: dict[str, Any], *, reset: bool, partial: bool) -> tuple[Any, Any]:
        tags, intake = get_tags(self.stem), self.adapter.intake(self.row)
        supervised = intake.y or is_classifier(self.stem) or is_regressor(self.stem) or tags.target_tags.required
        if y is None and tags.target_tags.required:
            raise ValueError(
                f"This {type(self.stem).__name__} estimator requires y to be passed, but the target y is None."
            )
        if y is None or not supervised:
            return self._checked(X, reset=reset), None
        numeric = is_regressor(self.stem)
        how = {
            "multi_output": bool(tags.target_tags.multi_output or getattr(tags.classifier_tags, "multi_label", False)),
            "y_numeric": numeric,
        }
        if self.adapter.resident(X):
            X = self._checked(X, reset=reset)
            y = _check_y(y, **how, estimator=self.stem)
            check_consistent_length(X, y)
        else:
            X, y = self._checked(X, y, reset=reset, **how)
        if y.ndim == 2 and y.shape[1] == 1 and (not numeric or intake.ravels):
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                "(n_samples, ), for example using ravel().",
                DataConversionWarning,
                stacklevel=2,
            )
            y = y.ravel()
        self.y_ndim = y.ndim
        if numeric:
            return X, y if y.dtype.kind == "f" else y.astype(np.float64)
        if not is_classifier(self.stem):
            return X, y
        return X, self._codes(y, given, first=reset, partial=partial)

    def _codes(self, y: Array, given: dict[str, Any], *, first: bool, partial: bool) -> Array:
        """Labels as 0, 1, ...: libraries know numbers only, and not every kind of them."""
        check_classification_targets(y)
        if partial:
            classes = given.pop("classes", None)
            if self.fitted:  # by a fit, perhaps
                self.stem.classes_ = self.labels
            if _check_partial_fit_first_call(self.stem, classes):
                self.labels = self.stem.classes_
            given["classes"] = np.arange(len(self.labels))
            unseen = np.setdiff1d(y, self.labels)
            if len(unseen):
                raise ValueError(f"The target label(s) {unseen} in y do not exist in the initial classes {self.labels}")
            return np.searchsorted(self.labels, y)
        if y.ndim == 1:
            self.labels, codes = np.unique(y, return_inverse=True)
            return codes
        columns = [np.unique(column, return_inverse=True) for column in y.T]
        self.labels = [classes for classes, _ in columns]
        return np.column_stack([codes for _, codes in columns])

    def _weights(self, weights: Any, X: Any) -> Array:
        rows = np.empty((X.shape[0], 0)) if self.adapter.resident(X) else X
        dtype = np.float64 if self.double else np.float32
        return _check_sample_weight(weights, rows, dtype=[dtype])  # type: ignore[no-any-return]

    def _checked(self, X: Any, *y: Any, reset: bool, **how: Any) -> Any:
        """X as scikit-learn takes it, with its errors; numbers of all kinds but float32 become float64."""
        if self.adapter.resident(X):  # computed by an earlier step: there is nothing in it that was not looked at
            if getattr(X, "ndim", 0) != 2:
                raise ValueError(f"Expected 2D array, got {getattr(X, 'ndim', 0)}D array instead.")
            if reset:
                vars(self.stem).pop("feature_names_in_", None)
                self.double = not str(X.dtype).endswith("float32")
            _check_n_features(self.stem, X, reset=reset)
            return X
        tags = get_tags(self.stem).input_tags
        settings = {
            "accept_sparse": bool(tags.sparse),
            "dtype": [np.float64, np.float32],
            "ensure_all_finite": "allow-nan" if tags.allow_nan else True,
            **how,
            **(self.adapter.intake(self.row).checks if reset else self.adapter.intake(self.row).later),
        }
        checked = validate_data(self.stem, X, *y, reset=reset, **settings)
        made = checked[0] if y else checked
        if tags.positive_only:
            check_non_negative(made, f"{type(self.stem).__name__} (input X)")
        if reset:
            self.double = made.dtype != np.float32
        return checked

    # -- after the fit -------------------------------------------------------------------------------------------------

    def call(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device) -> Any:
        """Compute what a method of scikit-learn's class returns.

        Parameters
        ----------
        method : str
            Its name.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            A result that may be on the device, if it is the next step's X; else in scikit-learn's dtype on the host.
        """
        self.device = device
        row = self.row
        if method == "score" and type(self.stem).score in (ClassifierMixin.score, RegressorMixin.score):
            given = bound(self.stem, method, args, kwargs)
            score = accuracy_score if is_classifier(self.stem) else r2_score
            predicted = self.call("predict", (given["X"],), {}, device)
            return float(score(given["y"], predicted, sample_weight=given.get("sample_weight")))
        if method == "predict_log_proba" and method not in row.methods and "predict_proba" in row.methods:
            probabilities = self.call("predict_proba", args, kwargs, device)
            with np.errstate(divide="ignore"):
                return [*map(np.log, probabilities)] if isinstance(probabilities, list) else np.log(probabilities)
        if method not in row.methods:
            home = self.adapter.home
            return getattr(self.face, method)(*map(home, args), **{name: home(value) for name, value in kwargs.items()})
        given = bound(self.stem, method, args, kwargs)
        first = next(iter(given), None)
        original = None if first is None else given.pop(first)
        X = original
        if X is not None and method not in self.adapter.intake(row).unchecked:
            X = self._later(method, X)
        with self.adapter.context(device):
            result = self.adapter.run(self, row, method, X, given)
        return self.answer(method, result, original)

    def _later(self, method: str, X: Any) -> Any:
        if not self.adapter.intake(self.row).table:
            return X
        if method != "inverse_transform":
            return self._checked(X, reset=False)
        # It has the columns of the result, and these have no names.
        if self.adapter.resident(X):
            return X
        from sklearn.utils import check_array

        return check_array(
            X, accept_sparse=True, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan", estimator=self.stem
        )

    def answer(self, method: str, result: Any, original: Any) -> Any:
        """Make of a library's result what scikit-learn's class returns.

        Parameters
        ----------
        method : str
            The method.
        result : object
            Of the library.
        original : object
            The data that the user gave.

        Returns
        -------
        object
            As from scikit-learn: labels, dtypes, and the container that ``set_output`` asks for.
        """
        if method in _TRANSFORMING:
            if method == "inverse_transform" or container(self.stem) == "default":
                return result
            return _wrap_data_with_container("transform", self.adapter.home(result), original, self.face)
        result = self.adapter.answer(self, self.row, method, self.adapter.home(result))
        if method in ("predict", "fit_predict"):
            return self._predicted(method, result)
        return in_double(result) if self.double else result

    def _predicted(self, method: str, result: Any) -> Any:
        if is_classifier(self.stem) and self.labels is not None:
            codes = np.asarray(result).astype(np.intp, copy=False)
            if not isinstance(self.labels, list):
                return self.labels[codes.ravel()]
            return np.column_stack([labels[column] for labels, column in zip(self.labels, codes.T, strict=True)])
        if is_regressor(self.stem):
            result = in_double(result) if self.double else result
            return result.reshape(-1, 1) if self.y_ndim == 2 and result.ndim == 1 else result
        if not is_clusterer(self.stem):
            return result.astype(np.intp, copy=False)
        labels = vars(self.face).get("labels_")
        if method == "fit_predict" and labels is not None:
            return labels
        return result.astype(getattr(labels, "dtype", np.intp), copy=False)

    # -- what is read of it --------------------------------------------------------------------------------------------

    @property
    def face(self) -> Any:
        """An estimator of scikit-learn's class with the fitted attributes: made of the model when first asked for."""
        if self.made is None:
            face = copy.copy(self.stem)
            for name, value in self.attributes().items():
                setattr(face, name, value)
            self.made = face
        return self.made

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes of scikit-learn's class.

        Returns
        -------
        dict of str to object
            On the host, in scikit-learn's dtypes and shapes.
        """
        kept = {name: value for name, value in vars(self.stem).items() if name.endswith("_in_")}
        if not self.fitted:
            return kept
        assert self.device is not None
        with self.adapter.context(self.device):
            found = dict(self.adapter.attributes(self, self.row, Read(self)))
        if self.labels is not None:
            found["classes_"] = self.labels
        return {**found, **kept}

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

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__
        if name.startswith("_") or "stem" not in held:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        stem = held["stem"]
        if name in ("n_features_in_", "feature_names_in_"):
            return getattr(stem, name)
        if name == "classes_" and held["labels"] is not None:
            return held["labels"]
        value = getattr(stem, name, None) if not name.endswith("_") else None
        if callable(value):
            return value  # that there is such a method: what it computes is asked for by `call`
        if not name.endswith("_") or not held["fitted"]:
            return getattr(stem, name)
        return getattr(self.face, name)

    def __dir__(self) -> list[str]:
        there = set(super().__dir__()) | {name for name in dir(self.stem) if not name.startswith("_")}
        if self.fitted:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # properties that will go
                there |= {name for name in dir(self.face) if not name.startswith("_") and hasattr(self.face, name)}
        return sorted(there)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "adapter": self.adapter.engine.name, "made": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from accelsk.engines import get_adapter

        self.__dict__.update(state)
        self.adapter = get_adapter(state["adapter"])  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> Held:
        made = type(self)(self.adapter, self.path, copy.deepcopy(self.model, memo), copy.deepcopy(self.stem, memo))
        for name in ("device", "labels", "double", "y_ndim", "fitted", "notes"):
            setattr(made, name, copy.deepcopy(getattr(self, name), memo))
        return made
