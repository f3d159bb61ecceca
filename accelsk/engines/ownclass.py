"""A library's own estimator, with what scikit-learn's users expect of one: data, labels and results."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y, validate_data

from accelsk import convert
from accelsk.batches import is_finite
from accelsk.errors import NotPortable
from accelsk.evaluators.spec import Evaluate
from accelsk.threads import share, threads_for

if TYPE_CHECKING:
    from accelsk.engines.boosters import BoosterAdapter
    from accelsk.engines.spec import Row

__all__ = ["OwnClass", "signature_of"]

#: The methods of which the results are brought into scikit-learn's shape and dtype.
_ANSWERS = ("predict", "predict_proba", "predict_log_proba")

_DOUBLE = np.dtype(np.float64)
_FLOATS = (_DOUBLE, np.dtype(np.float32))

#: Of more than half as many labels as rows scikit-learn warns: it is asked where there are more than a tenth as many.
_MANY = 10


class _Columns(BaseEstimator):
    """Keeps the number and names of the columns, as every estimator of scikit-learn does."""

    def __init__(self, tags: Any = None) -> None:
        self.tags = tags

    def __sklearn_tags__(self) -> Any:
        return self.tags


class OwnClass:
    """A library's own estimator.

    Parameters
    ----------
    model : estimator
        Of the library.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.grew = False
        self.columns = _Columns(get_tags(model))
        self.classes: np.ndarray[Any, Any] | None = None
        self.encoded = self.objects = False
        self.dtype: Any = None

    def fit(self, adapter: BoosterAdapter, row: Row, given: Mapping[str, Any]) -> None:
        """Validate, encode the labels, and let the library fit.

        Parameters
        ----------
        adapter : BoosterAdapter
            Of the library.
        row : Row
            Of the class.
        given : mapping
            The arguments of the library's ``fit``, by name.
        """
        given = dict(given)
        given.update(given.pop("kwargs", {}))
        self.objects = adapter.takes_objects(self.model, given)
        X: Any = given["X"]
        y: Any = given.get("y")
        weights = given.get("sample_weight")
        classifies = self._is("classifier")
        plain = not self.objects and _are_plain(X, y, labels=classifies)
        if plain:
            self.columns.n_features_in_ = X.shape[1]
        else:
            X = self.checked(X, reset=True)
            y = self._checked_y(X, y)
        if weights is not None:
            weights = given["sample_weight"] = _check_sample_weight(weights, X)
            if not weights.any():
                raise ValueError("Sample weights must contain at least one non-zero number.")
        if classifies and y.ndim == 1:
            self.classes, codes = np.unique(y, return_inverse=True)
            if plain and len(self.classes) * _MANY > len(y):
                check_classification_targets(y)  # it may have something to say of so many
            if len(self.classes) == 1:
                return  # some of the libraries fail, others predict two classes: there is nothing to learn
            if given.get("eval_y") is not None:  # passed on as it is by the library that has it
                sets = given["eval_y"]
                several = isinstance(sets, tuple)
                given["eval_y"] = tuple(map(self._encoded, sets)) if several else self._encoded(sets)
            self.encoded = adapter.encodes(self.classes)
            if self.encoded:
                y = codes
                adapter.encode_parameters(self.model, self.classes)
        elif classifies:
            self.dtype = y.dtype
        self._take_evaluated(adapter, row, given)
        given = {name: value for name, value in given.items() if value is not None and name not in ("X", "y")}
        self.model.fit(adapter.taken(X), y, **given)
        self.grew = True
        held = getattr(self.model, "classes_", ())
        if self.classes is not None and not self.encoded and len(held) == len(self.classes):
            self.classes = np.asarray(held).astype(self.classes.dtype)  # the user may have told it their order

    def check_columns(self, rows: Any) -> None:
        """Keep the number and the names of the columns of the fit.

        Parameters
        ----------
        rows : array or data frame
            A few rows.
        """
        self.checked(rows, reset=True)

    def _take_evaluated(self, adapter: BoosterAdapter, row: Row, given: dict[str, Any]) -> None:
        """What the library evaluates itself on is to mean what the data of the fit mean, labels and zeros alike."""

        def taken(X: Any) -> Any:
            if sp.issparse(X):
                formats = row.fit.formats(self.model.get_params())
                if X.format not in formats:
                    X = convert.sparse_as(X, formats[0]) if formats else convert.dense(X)
            return adapter.taken(X)

        def pair(each: Any) -> Any:
            if isinstance(each, tuple | list) and len(each) == 2:
                return taken(each[0]), self._encoded(each[1]) if self.encoded else each[1]
            if self.encoded:
                raise ValueError(
                    f"eval_set holds a {type(each).__name__}, whose labels cannot be encoded as those of the fit are: "
                    "pass X and y as a tuple."
                )
            return each

        sets = given.get("eval_set")
        if sets is not None:
            given["eval_set"] = [pair(each) for each in sets] if isinstance(sets, list) else pair(sets)
            if isinstance(given["eval_set"], tuple):
                given["eval_set"] = [given["eval_set"]]
        if given.get("eval_X") is not None:
            several = isinstance(given["eval_X"], tuple)
            given["eval_X"] = tuple(map(taken, given["eval_X"])) if several else taken(given["eval_X"])

    def _encoded(self, y: Any) -> Any:
        """Labels of what the library evaluates itself on."""
        assert self.classes is not None
        unseen = sorted(set(np.asarray(y).tolist()) - set(self.classes.tolist()))
        if unseen:
            raise ValueError(f"labels are evaluated that the fit does not have: {unseen}.")
        return np.searchsorted(self.classes, y)

    def checked(self, X: Any, *, reset: bool) -> Any:
        """Validate X.

        Parameters
        ----------
        X : array-like or data frame
            The data.
        reset : bool
            Whether to keep its columns, rather than to compare them with those of the fit.

        Returns
        -------
        ndarray, sparse matrix or data frame
            A frame is the same object.
        """
        if hasattr(X, "columns") and hasattr(X, "dtypes"):
            # The library reads categories off a frame: only the names and the number of the columns are looked at.
            self._validated(X, reset=reset, skip_check_array=True)
            if reset and len(X) < 2:
                raise ValueError(f"Found array with {len(X)} sample(s) while a minimum of 2 is required.")
            return X
        tags = self.columns.tags.input_tags
        return self._validated(
            X,
            reset=reset,
            accept_sparse=tags.sparse,
            ensure_all_finite="allow-nan" if tags.allow_nan else True,
            dtype=None if self.objects else "numeric",
            ensure_min_samples=2 if reset else 1,
        )

    def _is(self, kind: str) -> bool:
        """Whether the library's class is a "classifier" or a "regressor": by its tags, which are slow to be made."""
        return bool(self.columns.tags.estimator_type == kind)

    def _validated(self, X: Any, **how: Any) -> Any:
        try:
            return validate_data(self.columns, X, **how)
        except (TypeError, ValueError) as error:
            named = str(error).replace(type(self.columns).__name__, type(self.model).__name__)
            raise type(error)(named) from None

    def _checked_y(self, X: Any, y: Any) -> Any:
        if y is None:
            raise ValueError(
                f"This {type(self.model).__name__} estimator requires y to be passed, but the target y is None."
            )
        tags, classifies = self.columns.tags, self._is("classifier")
        several = tags.target_tags.multi_output or (classifies and tags.classifier_tags.multi_label)
        y = _check_y(
            y,
            multi_output=bool(several) and np.ndim(y) == 2,
            y_numeric=self._is("regressor"),
            estimator=self.model,
        )
        if classifies:
            check_classification_targets(y)
        check_consistent_length(X, y)
        return y

    def __getattr__(self, name: str) -> Any:
        if name == "classes_" and self.__dict__.get("classes") is not None:
            return self.__dict__["classes"]
        columns = self.__dict__.get("columns")
        if name in ("n_features_in_", "feature_names_in_"):
            return getattr(columns, name)
        if name.startswith("__") or "model" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.model, name)

    def call(
        self, adapter: BoosterAdapter, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Compute what a method of the library's class returns.

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
            Predictions with the labels of the fit, in scikit-learn's shapes, and in double precision.
        """
        function = getattr(self.model, method)
        if method == "score" and (self._is("classifier") or self._is("regressor")):
            given = _OF_SCORE.bind(*args, **kwargs).arguments
            answer = self.call(adapter, row, "predict", (given["X"],), {})
            score = accuracy_score if self._is("classifier") else r2_score
            return float(score(given["y"], answer, sample_weight=given.get("sample_weight")))
        if method not in _ANSWERS:
            args = [adapter.taken(value) if sp.issparse(value) else value for value in args]
            kwargs = {name: adapter.taken(value) if sp.issparse(value) else value for name, value in kwargs.items()}
            return self._asked(adapter, row, method, args, kwargs)
        bound = signature_of(function).bind(*args, **kwargs)
        name = next(iter(bound.arguments))
        X = self.checked(bound.arguments[name], reset=False)
        if not self.grew:
            return self._constant(method, X)
        bound.arguments[name] = adapter.taken(X)
        plain = bound.arguments.keys() <= {name, row.jobs}
        result = self._asked(adapter, row, method, bound.args, bound.kwargs)
        return self._answer(method, result, plain=plain)

    def _asked(
        self, adapter: BoosterAdapter, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """What a method of the library returns; where there is a share, computed on no more threads."""
        function = getattr(self.model, method)
        if share() is None:
            return function(*args, **kwargs)
        signature = signature_of(function)
        bound = signature.bind(*args, **kwargs)
        first = next(iter(bound.arguments), None)
        if first is not None:
            bound.arguments[first] = adapter.ready(self.model, method, bound.arguments[first])
        if row.jobs in signature.parameters:
            bound.arguments[row.jobs] = threads_for(bound.arguments.get(row.jobs))
        return function(*bound.args, **bound.kwargs)

    def shortcuts(self, row: Row) -> dict[str, Evaluate]:
        """Return the methods of the library's class for arrays that nobody has validated.

        Parameters
        ----------
        row : Row
            Of the class.

        Returns
        -------
        dict
            Method to a function of a C-contiguous array of the right width; None is its answer to what `call` is to
            refuse. Empty where the library has fitted nothing, or where its columns are no numbers.
        """
        if not self.grew or self.objects:
            return {}
        nan = self.columns.tags.input_tags.allow_nan
        names = [name for name in _ANSWERS if name in row.methods and name not in row.refused]
        return {name: self._shortcut(name, nan=nan and row.inputs(name).nan) for name in names}

    def _shortcut(self, method: str, *, nan: bool) -> Evaluate:
        real = method != "predict" or (self.classes is None and self.dtype is None)
        wanted = _DOUBLE if real else self._told_labels()

        # Few calls inside, for after a call of the library each of them takes a microsecond.
        def compute(X: np.ndarray[Any, Any]) -> Any:
            if not is_finite(X) and not (nan and not np.isinf(X).any()):
                return None
            result = getattr(self.model, method)(X)
            if type(result) is np.ndarray and result.dtype is wanted and (real or result.ndim == 1):
                return result
            return self._answer(method, result, plain=True)

        return compute

    def _told_labels(self) -> Any:
        """The dtype of what the library predicts where that are the labels themselves; None where it is their codes."""
        classes = self.classes
        if classes is None or not self.encoded:
            return None if classes is None else classes.dtype
        whole = classes.dtype.kind in "iu" and classes[0] == 0 and classes[-1] == len(classes) - 1
        return classes.dtype if whole else None  # they are in order, so that each is its own code

    def _constant(self, method: str, X: Any) -> Any:
        assert self.classes is not None
        if method == "predict":
            return np.repeat(self.classes, X.shape[0])
        return np.full((X.shape[0], 1), 0.0 if method == "predict_log_proba" else 1.0)

    def _answer(self, method: str, result: Any, *, plain: bool) -> Any:
        if not plain or not isinstance(result, np.ndarray):
            return result  # leaves, contributions, margins: what was asked for is the library's own
        if method == "predict" and self.classes is not None:
            if result.ndim == 2 and result.shape[1] == 1:
                result = result.ravel()
            if self.encoded:
                return self.classes[result.astype(np.intp)]
            return result.astype(self.classes.dtype, copy=False)
        if method == "predict" and self.dtype is not None:  # several labels
            return result.astype(self.dtype, copy=False)
        return result.astype(np.float64, copy=False) if result.dtype.kind == "f" else result

    def exported(self, engine: str) -> Any:
        """Return a copy of the library's own estimator.

        Parameters
        ----------
        engine : str
            The engine's name.

        Returns
        -------
        estimator
            Of the library, fitted.

        Raises
        ------
        NotPortable
            If that one does not know the labels of the fit, or was not needed.
        """
        name = type(self.model).__name__
        if not self.grew:
            raise NotPortable(f"engine {engine!r} has fitted no {name}: there is one class only, {self.classes}.")
        held = np.asarray(getattr(self.model, "classes_", self.classes))
        texts = self.classes is not None and self.classes.dtype.kind not in "biuf"
        if self.classes is not None and (
            (texts and self.encoded) or not np.array_equal(held.astype(self.classes.dtype), self.classes)
        ):
            raise NotPortable(
                f"{name} by itself predicts 0, 1, ..., and this one was fitted to {self.classes[:5].tolist()}.",
                hint="keep accelsk where it is used, or encode the labels before the fit.",
            )
        return copy.deepcopy(self.model)


def _are_plain(X: Any, y: Any, *, labels: bool) -> bool:
    """Whether scikit-learn's validation would find nothing to refuse or to change in the arguments of a fit.

    So it is of arrays of finite numbers: to look at those by itself is a twentieth of a small fit.
    """
    return (
        type(X) is np.ndarray
        and type(y) is np.ndarray
        and X.ndim == 2
        and y.shape == X.shape[:1]
        and len(X) > 1
        and X.shape[1] > 0
        and X.dtype in _FLOATS
        and X.flags.c_contiguous
        and y.flags.c_contiguous
        and (y.dtype.kind in "iub" or (not labels and y.dtype in _FLOATS and is_finite(y)))
        and is_finite(X)
    )


def signature_of(function: Any) -> inspect.Signature:
    """Return the signature of a function, or of a bound method: looking it up takes longer than binding it.

    Parameters
    ----------
    function : callable
        The function; of the methods of a class it is looked up once.

    Returns
    -------
    Signature
        Without the first argument, for a bound method.
    """
    return _bound_signature(function.__func__) if isinstance(function, MethodType) else inspect.signature(function)


@lru_cache(maxsize=256)
def _bound_signature(function: Any) -> inspect.Signature:
    return inspect.signature(MethodType(function, function))


def _score(X: Any, y: Any, sample_weight: Any = None) -> None:
    """The arguments of ``score``."""


_OF_SCORE = inspect.signature(_score)
