"""One row under examination: its class, an estimator that the row takes, and small real data."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from unittest import SkipTest

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags

from accelsk.devices import Device
from accelsk.engines import get, get_adapter, importable, why_missing
from accelsk.engines.classes import class_at
from accelsk.engines.spec import Engine, Row
from accelsk.engines.translate import translate
from accelsk.errors import AccelskWarning
from accelsk.estimator import AcceleratedEstimator
from accelsk.evaluation import Evaluation
from accelsk.facts import Facts

__all__ = ["Case", "Data", "allowed_values", "case_of", "fit"]


@dataclass(frozen=True)
class Data:
    """A data set, a third of it held out.

    Parameters
    ----------
    X, y : ndarray
        To fit; `y` is None for classes that take none.
    X_new, y_new : ndarray
        Held out.
    """

    X: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any] | None
    X_new: np.ndarray[Any, Any]
    y_new: np.ndarray[Any, Any] | None

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments of ``fit``."""
        return (self.X,) if self.y is None else (self.X, self.y)


@dataclass(frozen=True)
class Case:
    """A row under examination.

    Parameters
    ----------
    engine : Engine
        Its engine.
    row : Row
        The row.
    """

    engine: Engine
    row: Row

    @cached_property
    def cls(self) -> type:
        """The scikit-learn class of the row."""
        return class_at(self.row.estimator)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The default hyperparameters of the class."""
        return dict(self.cls().get_params(deep=False))

    @cached_property
    def params(self) -> dict[str, Any]:
        """The hyperparameters of the examination: `translatable`, one changed if a need of the data asks so."""
        return self.params_for(*self.data.args)

    def params_for(self, *args: Any) -> dict[str, Any]:
        """Return `translatable`, one hyperparameter changed if a need of these data asks so.

        Parameters
        ----------
        *args : tuple
            X and, where the class takes one, y.

        Returns
        -------
        dict
            The hyperparameters.
        """
        facts = Facts(*args)

        def met(params: Mapping[str, Any]) -> bool:
            return all(need.test(facts, params) for need in self.row.fit.needs)

        if met(self.translatable):
            return self.translatable
        for name, value in self.translatable.items():
            for other in allowed_values(self.cls, name):
                changed = {**self.translatable, name: other}
                alike = value is None or isinstance(other, type(value))
                if alike and not translate(self.row, changed)[1] and met(changed):
                    return changed
        return self.translatable  # the checks will say what is not met

    @cached_property
    def translatable(self) -> dict[str, Any]:
        """The hyperparameters that the rules take: the defaults, made repeatable, changed where a rule refuses them."""
        params = dict(self.defaults)
        if "random_state" in params:
            params["random_state"] = 0
        if params.get("n_components") == "auto" and "eps" in params:
            params["n_components"] = 2  # of random projections: "auto" is more than small data have columns
        for _ in range(len(params) + 1):
            refusals = translate(self.row, params)[1]
            if not refusals:
                return params
            name = refusals[0].parameter
            params[name] = next(value for value in self._taken(name, params))
        raise AssertionError(f"no values were found that the row of {self.row.name} takes")

    def _taken(self, name: str, params: Mapping[str, Any]) -> Iterator[Any]:
        for value in allowed_values(self.cls, name):
            if name not in {refusal.parameter for refusal in translate(self.row, {**params, name: value})[1]}:
                yield value
        raise AssertionError(f"the row of {self.row.name} takes none of the values of {name} that scikit-learn takes")

    def plain(self, **params: Any) -> Any:
        """Return an unfitted scikit-learn estimator.

        Parameters
        ----------
        **params : dict
            Hyperparameters; the others are such that the row takes them.

        Returns
        -------
        estimator
            Of the row's class.
        """
        return self.cls(**{**self.params, **params})

    def wrapped(self, estimator: Any = None, **options: Any) -> AcceleratedEstimator:
        """Return an estimator on the engine, on a device of the row; whatever the engine cannot do is an error.

        Parameters
        ----------
        estimator : estimator, default=None
            The one to wrap; None for that of `plain`.
        **options : dict
            Of `AcceleratedEstimator`, over ``fallback="raise"``.

        Returns
        -------
        AcceleratedEstimator
            Not fitted.
        """
        if self.engine.row(self.row.estimator) is not self.row:  # the row is not found without a device
            reached = self.reached_devices() or self.row.devices or ()
            options = {"device": str(reached[0]), **options}
        options = {"engine": self.engine.name, "fallback": "raise", **options}
        return AcceleratedEstimator(self.plain() if estimator is None else estimator, **options)

    @cached_property
    def tags(self) -> Any:
        """The tags of the class."""
        return get_tags(self.cls(**self.translatable))

    @cached_property
    def data(self) -> Data:
        """Small real data that suit the class."""
        return _data(self, large=False)

    @cached_property
    def large_data(self) -> Data:
        """Data with enough rows for scores to mean something."""
        return _data(self, large=True)

    @cached_property
    def fitted_plain(self) -> Any:
        """The estimator of scikit-learn, fitted. Not to be changed."""
        return fit(self.plain(), *self.data.args)

    @cached_property
    def fitted(self) -> AcceleratedEstimator:
        """The engine's, fitted on the same data. Not to be changed."""
        self.need_engine()
        made: AcceleratedEstimator = fit(self.wrapped(), *self.data.args)
        return made

    def reached_devices(self) -> tuple[Device, ...]:
        """Return the devices of this machine that the row may run on.

        Returns
        -------
        tuple of Device
            The preferred one first.
        """
        found = get_adapter(self.engine.name).devices()
        return tuple(device for device in found if self.row.runs_on(device))

    def need_class(self) -> None:
        """Raise `unittest.SkipTest` with the reason where the package of the class is not installed."""
        package = self.row.estimator.partition(".")[0]
        if not self.row.native and not importable(package):
            raise SkipTest(f"{package} is not installed, of which {self.row.name} is a class")

    def need_library(self) -> None:
        """Raise `unittest.SkipTest` with the reason where the library is not installed, or in another version."""
        missing = why_missing(self.engine.name)
        if missing is not None and ("package" in missing.parts or not importable(self.engine.imports)):
            raise SkipTest(str(missing))

    def need_engine(self) -> None:
        """Raise `unittest.SkipTest` with the reason where the engine cannot be used here."""
        missing = why_missing(self.engine.name)
        if missing is not None:
            raise SkipTest(str(missing))
        if not self.reached_devices():
            wanted = " or ".join(self.row.devices or self.engine.devices)
            raise SkipTest(f"engine {self.engine.name!r} reaches no {wanted} device here for {self.row.name}")


@lru_cache(maxsize=512)
def case_of(engine: str, estimator: str, devices: tuple[str, ...] | None = None) -> Case:
    """Return the case of a row; one per process, so that its checks share the fits.

    Parameters
    ----------
    engine : str
        The engine's name.
    estimator : str
        The public path of the class.
    devices : tuple of str, default=None
        The kinds of device that the row declares; None for the first row of the class.

    Returns
    -------
    Case
        The case.
    """
    found = get(engine)
    rows = [row for row in found.rows_of(estimator) if devices is None or row.devices == devices]
    assert rows, f"engine {engine!r} has no row for {estimator}" + (f" on {devices}" if devices else "")
    return Case(found, rows[0])


def fit(estimator: Any, *args: Any, method: str = "fit", **kwargs: Any) -> Any:
    """Fit; what scikit-learn warns of (small data, defaults that will change) is no news, what accelsk does is.

    Parameters
    ----------
    estimator : estimator
        To be fitted.
    *args : tuple
        X and, where the class takes one, y.
    method : str, default="fit"
        The fitting method.
    **kwargs : dict
        Its keyword arguments.

    Returns
    -------
    object
        What the method returns.
    """
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, FutureWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        warnings.simplefilter("error", AccelskWarning)
        result = getattr(estimator, method)(*args, **kwargs)
    if isinstance(estimator, AcceleratedEstimator) and "_evaluation" in vars(estimator):
        # What is examined is what the engine's own model computes: there are no offers to compute it otherwise.
        estimator._evaluation = Evaluation(None, tuple)
    return result


def _data(case: Case, *, large: bool) -> Data:
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
    from sklearn.preprocessing import minmax_scale, scale

    estimator, tags = case.cls(**case.translatable), case.tags
    if not tags.input_tags.two_d_array or getattr(tags.input_tags, "pairwise", False):
        raise SkipTest(f"{case.row.name} takes no table of numbers, and the checks have no other data")
    if is_regressor(estimator):
        X, y = load_diabetes(return_X_y=True)
    elif large and not (tags.classifier_tags and not tags.target_tags.single_output):
        X, y = load_breast_cancer(return_X_y=True)
    else:
        X, y = load_iris(return_X_y=True)
    if tags.input_tags.categorical:
        X = X.argsort(axis=0).argsort(axis=0) * 5.0 // len(X)  # five categories, each as often as the others
    else:
        X = minmax_scale(X) if tags.input_tags.positive_only else scale(X)
    if tags.target_tags.required and tags.classifier_tags is None and not is_regressor(estimator):
        y = y % 2  # transformers with a target: of two classes
    if tags.classifier_tags is not None and not tags.classifier_tags.multi_class:
        X, y = X[y < 2], y[y < 2]
    if not tags.target_tags.single_output:
        y = np.column_stack([y, y[::-1]])
    held_out = np.arange(len(X)) % 3 == 2
    takes_y = tags.target_tags.required or is_classifier(estimator) or is_regressor(estimator)
    if not takes_y:
        return Data(X[~held_out], None, X[held_out], None)
    return Data(X[~held_out], y[~held_out], X[held_out], y[held_out])


def allowed_values(cls: type, name: str) -> tuple[Any, ...]:
    """Return values of a hyperparameter that scikit-learn takes, at least one for each kind that it documents.

    Parameters
    ----------
    cls : type
        The class.
    name : str
        The hyperparameter.

    Returns
    -------
    tuple
        From scikit-learn's own constraints.
    """
    found: list[Any] = []
    for constraint in getattr(cls, "_parameter_constraints", {}).get(name, ()):
        if constraint is None:
            found.append(None)
        elif isinstance(constraint, str):
            found.extend(_NAMED.get(constraint, ()))
        elif constraint is dict:
            found.append({0: 2.0})
        elif constraint is callable:
            found.append(len)
        elif hasattr(constraint, "options"):  # StrOptions, Options
            found.extend(sorted(constraint.options - getattr(constraint, "deprecated", set()), key=repr))
        elif hasattr(constraint, "closed"):  # Interval
            found.append(_inside(constraint))
    return tuple(found)


#: Kinds of value that scikit-learn's constraints name in words.
_NAMED: dict[str, tuple[Any, ...]] = {
    "array-like": (np.ones(3),),
    "boolean": (True, False),
    "random_state": (0, None, np.random.RandomState(0)),
    "verbose": (True, 1),
}


def _inside(interval: Any) -> Any:
    left = -np.inf if interval.left is None else interval.left
    right = np.inf if interval.right is None else interval.right
    if np.isfinite(left) and np.isfinite(right):
        middle = (left + right) / 2
    elif np.isfinite(left):
        middle = left + 2
    else:
        middle = right - 2 if np.isfinite(right) else 1
    return float(middle) if isinstance(0.5, interval.type) else int(middle)
