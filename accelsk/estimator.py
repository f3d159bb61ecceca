"""AcceleratedEstimator: the scikit-learn face. It delegates and decides nothing."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from accelsk import config
from accelsk.backend import carry_out, compute, parallel
from accelsk.delegation import Delegated, bound, is_fitting
from accelsk.errors import EngineFallbackWarning

__all__ = ["AcceleratedEstimator"]

#: The options that a decision depends on.
_OPTIONS = ("engine", "device", "fallback", "fidelity", "sparse", "engine_params", "n_jobs")

#: Private attributes of the wrapped estimator that scikit-learn reads off this one: the kind of estimator, by old
#: callers; and its metadata requests, by the default scorer of scikit-learn 1.6.
_READ_BY_SCIKIT_LEARN = ("_estimator_type", "_metadata_request")


class AcceleratedEstimator(MetaEstimatorMixin, BaseEstimator):
    """A scikit-learn estimator that is computed by an engine of your choice.

    It is the estimator that it wraps to everything that looks: it has its methods and no others, its tags, its fitted
    attributes, its metadata requests, its labels. At ``fit`` an engine is chosen, the hyperparameters are translated,
    and a fresh backend estimator is built and fitted; nothing is refitted in place.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn compatible estimator. Its hyperparameters are the only ones there are; it is never fitted
        itself.
    engine : str or sequence of str, default=None
        Who computes: a name, names in order of preference, or "auto" for the engine that was measured to be faster on
        such work, scikit-learn where none was. None takes the configured default, see `get_config`.
    device : str, default=None
        Where: "auto", "cpu", "gpu", "gpu:1", "cuda:1", or any SYCL filter selector. None takes the configured default.
    fallback : {"warn", "raise", "silent"}, default=None
        What happens when a *named* engine is installed but cannot do this fit: scikit-learn does it with an
        `EngineFallbackWarning`, or the error is raised. An engine or a device that is not there is always an error.
        None takes the configured default.
    fidelity : {"exact", "statistical", "alternative"}, default=None
        How far from scikit-learn's result "auto" may go. None takes the configured default.
    sparse : {"auto", "densify", "error"}, default=None
        What happens to a sparse X that the engine does not take: another engine that was named, else a dense copy where
        that is small next to the free memory; a dense copy always; never a copy. None takes the configured default.
    engine_params : dict, default=None
        Parameters that only one engine has, ``{"engine name": {"parameter": value}}``.
    backend : str, default=None
        Joblib backend for what runs in parallel inside. None leaves it to the surrounding `joblib.parallel_config`.
    n_jobs : int, default=None
        Cores for what runs in parallel inside. None leaves it to the estimator's own ``n_jobs``.

    Attributes
    ----------
    estimator_ : object
        The fitted backend estimator: the engine's own.
    engine_ : str
        The engine that ran.
    device_ : str
        Where it ran.
    decision_ : Decision
        What ran, where, why, and why not the others.
    **fitted
        Every fitted attribute of the wrapped class: ``classes_``, ``coef_``, ``n_features_in_``, ...

    See Also
    --------
    explain : The decision before fitting.
    config_context : Defaults for the options.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from accelsk import AcceleratedEstimator
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = AcceleratedEstimator(SVC(C=10), engine="sklearn").fit(X, y)
    >>> clf.engine_, clf.device_, clf.decision_.why
    ('sklearn', 'cpu', 'asked for by name')
    >>> clf.set_params(C=1).fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        engine: str | Sequence[str] | None = None,
        device: str | None = None,
        fallback: str | None = None,
        fidelity: str | None = None,
        sparse: str | None = None,
        engine_params: Mapping[str, Mapping[str, Any]] | None = None,
        backend: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.engine = engine
        self.device = device
        self.fallback = fallback
        self.fidelity = fidelity
        self.sparse = sparse
        self.engine_params = engine_params
        self.backend = backend
        self.n_jobs = n_jobs

    # -- fitting and computing ---------------------------------------------------------------------------------------

    def _options(self) -> config.Options:
        given = {name: getattr(self, name) for name in _OPTIONS}
        return config.resolve(given, self.__dict__.get("_carried", {}))

    def _fit(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if not hasattr(self.estimator, "fit") or isinstance(self.estimator, type):
            raise TypeError(
                f"estimator={self.estimator!r} is not a scikit-learn estimator: it must be an instance with a fit."
            )
        previous = None
        continues = method == "partial_fit" or getattr(self.estimator, "warm_start", False)
        if continues and self.__sklearn_is_fitted__():
            previous = (self.__dict__["decision_"], self.__dict__["estimator_"])
        with parallel(self.backend, self.n_jobs):
            # Nothing of this object changes before the fit has succeeded: a failed one leaves it as it was.
            fitted, decision, result = carry_out(self, method, args, kwargs, self._options(), previous, _warn)
        self.estimator_ = fitted
        self.decision_ = decision
        self.engine_ = decision.engine
        self.device_ = decision.device
        return self if result is fitted else result

    def _call(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        fitted = self.__dict__.get("estimator_")
        if fitted is None:
            return self._call_unfitted(method, args, kwargs)
        if self.backend is None:
            return compute(self, fitted, method, args, kwargs)
        with parallel(self.backend, self.n_jobs):
            return compute(self, fitted, method, args, kwargs)

    def _call_unfitted(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Some classes compute without a fit (stateless transformers, pruning paths); the rest say so themselves."""
        try:
            return getattr(clone(self.estimator), method)(*args, **kwargs)
        except NotFittedError as error:
            raise NotFittedError(
                f"This {type(self).__name__} instance of {type(self.estimator).__name__} is not fitted yet. Call 'fit' "
                "with appropriate arguments before using this estimator."
            ) from error

    def _subject(self, name: str) -> Any:
        """The object that decides whether a method is there: the fitted one, once there is one."""
        fitted = self.__dict__.get("estimator_")
        return self.estimator if fitted is None or is_fitting(name) or not hasattr(self.estimator, name) else fitted

    # The methods that scikit-learn's conventions know. Each is there only where the wrapped estimator has it, with its
    # signature and docstring; any further method of it is found by ``__getattr__``.

    fit = Delegated("Choose an engine, and fit a fresh backend estimator.")
    partial_fit = Delegated("Go on fitting with another batch; the engine is chosen at the first.")
    fit_transform = Delegated("Fit, and transform the training data.")
    fit_predict = Delegated("Fit, and predict for the training data.")
    predict = Delegated("Predict.")
    predict_proba = Delegated("Predict the probabilities of the classes.")
    predict_log_proba = Delegated("Predict the logarithms of the probabilities of the classes.")
    decision_function = Delegated("Evaluate the decision function.")
    score = Delegated("Score the fitted model.")
    score_samples = Delegated("Score every sample.")
    transform = Delegated("Transform.")
    inverse_transform = Delegated("Undo the transformation.")

    # -- what scikit-learn asks of an estimator ----------------------------------------------------------------------

    def set_params(self, **params: Any) -> AcceleratedEstimator:
        """Set parameters of this object, or hyperparameters of the estimator that it wraps.

        Parameters
        ----------
        **params : dict
            ``engine="..."``, ``estimator__C=1``, and ``C=1`` where this object has no such parameter of its own: a grid
            that was written for the plain estimator keeps working.

        Returns
        -------
        AcceleratedEstimator
            This object.
        """
        own = self.get_params(deep=False)
        if "estimator" in params:  # first: the other keys may belong to the new one
            super().set_params(estimator=params.pop("estimator"))
        wrapped = self.estimator.get_params(deep=False) if hasattr(self.estimator, "get_params") else {}
        renamed = {
            f"estimator__{key}"
            if key.partition("__")[0] not in own and key.partition("__")[0] in wrapped
            else key: value
            for key, value in params.items()
        }
        super().set_params(**renamed)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return "estimator_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        tags = copy.copy(get_tags(self.estimator))
        # Data leave the array namespace they came in unless the engine says otherwise, so it is not promised.
        if hasattr(tags, "array_api_support"):
            tags.array_api_support = False
        return tags

    def __sklearn_clone__(self) -> AcceleratedEstimator:
        from sklearn.base import _clone_parametrized

        made: AcceleratedEstimator = _clone_parametrized(self)
        made.__dict__.pop("_metadata_request", None)  # the wrapped estimator's, and it has its own clone of it
        made._carry(self.__dict__.get("_carried", {}))
        return made

    def _carry(self, earlier: Mapping[str, Any]) -> None:
        """Keep the options of the block that this object is about to leave (see `config_context`)."""
        carried = {**earlier, **config.snapshot()}
        if carried:
            self._carried = carried

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        carried = {**state.get("_carried", {}), **config.snapshot()}
        if carried:
            state["_carried"] = carried
        return state

    def get_metadata_routing(self) -> Any:
        """Return the metadata requests of the wrapped estimator: this object consumes what that one would.

        Returns
        -------
        MetadataRequest or MetadataRouter
            Of the wrapped estimator.
        """
        return self.estimator.get_metadata_routing()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in _READ_BY_SCIKIT_LEARN:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        try:
            estimator = self.__dict__["estimator"]
        except KeyError:  # while being unpickled or copied
            raise AttributeError(name) from None
        fitted = self.__dict__.get("estimator_")
        if fitted is not None and not hasattr(estimator, name):
            return getattr(fitted, name)  # fitted attributes
        value = getattr(estimator, name)
        if not callable(value) or isinstance(value, type) or name in estimator.get_params(deep=False):
            return value
        if name.startswith("set_"):
            return self._setter(name, value)
        return bound(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a hyperparameter of the wrapped estimator where it has one of this name; else an attribute."""
        if name not in _PARAMETERS and not name.startswith("_") and not name.endswith("_"):
            estimator = self.__dict__.get("estimator")
            if estimator is not None and hasattr(estimator, "get_params") and name in estimator.get_params(deep=False):
                setattr(estimator, name, value)
                return
        super().__setattr__(name, value)

    def _setter(self, name: str, value: Any) -> Any:
        """``set_output``, ``set_fit_request``, ...: what configures the wrapped estimator configures this object."""

        def setter(*args: Any, **kwargs: Any) -> AcceleratedEstimator:
            if name == "set_callbacks":  # kept here: meta-estimators that propagate theirs look for them here
                type(self.estimator).set_callbacks(self, *args, **kwargs)
                return self
            value(*args, **kwargs)
            fitted = self.__dict__.get("estimator_")
            if fitted is not None and hasattr(fitted, name):
                getattr(fitted, name)(*args, **kwargs)
            return self

        setter.__name__ = name
        setter.__doc__ = value.__doc__
        return setter

    def __dir__(self) -> list[str]:
        hidden = {name for name, value in vars(type(self)).items() if isinstance(value, Delegated)}
        own = {name for name in super().__dir__() if name not in hidden or hasattr(self, name)}
        public = {name for name in dir(self.__dict__.get("estimator")) if not name.startswith("_")}
        fitted = {
            name for name in dir(self.__dict__.get("estimator_")) if name.endswith("_") and not name.startswith("_")
        }
        return sorted(own | public | fitted)

    def _sk_visual_block_(self) -> Any:
        from accelsk.explain import visual_block

        return visual_block(self)


_PARAMETERS = frozenset(AcceleratedEstimator._get_param_names())


def _warn(decision: Any) -> None:
    """Tell of a fallback, on the line of the user's call to ``fit``."""
    warnings.warn(
        EngineFallbackWarning(
            f"{decision.estimator} is fitted by engine {decision.engine!r} on {decision.device!r}, not as asked: "
            f"{decision.why.removeprefix('fallback: ')}.",
            hint="fallback='silent' accepts this, fallback='raise' makes it an error; decision_ has all reasons.",
            engine=decision.engine,
        ),
        stacklevel=5,
    )
