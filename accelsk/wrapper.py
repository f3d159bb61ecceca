"""What stands in front of an estimator: it has the face of the estimator, delegates, and decides nothing."""

from __future__ import annotations

import sys
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted

from accelsk.backend import Route, carry_out, compute, parallel, route_of
from accelsk.blocks import is_collection
from accelsk.decision import Decision
from accelsk.delegation import Delegated, bound, called_before, is_fitting
from accelsk.devices import HOST
from accelsk.errors import DeviceNotAvailable, DevicePlacementWarning, EngineFallbackWarning
from accelsk.face import Face
from accelsk.frames import taken
from accelsk.hyperparameters import fresh
from accelsk.offering import evaluation_of, prepared
from accelsk.options import OptionsMixin
from accelsk.origin import home_of
from accelsk.plans import Plan
from accelsk.randomness import with_its_own_random_state
from accelsk.residence import Resident, at_home

__all__ = ["Wrapper", "warn_of_fallback"]

#: Private attributes of the wrapped estimator that scikit-learn reads off this one: the kind of estimator, by old
#: callers; its metadata requests, by the default scorer of scikit-learn 1.6; partial dependence of trees.
_READ_BY_SCIKIT_LEARN = ("_estimator_type", "_metadata_request", "_compute_partial_dependence_recursion")

#: How the names of private attributes start that are not about the fitted model.
_CONFIGURATION = ("__", "_sklearn_", "_skl_", "_metadata_", "_callback_", "_parent_")


class Wrapper(Face, OptionsMixin, MetaEstimatorMixin, BaseEstimator):
    """The estimator that it wraps, to everything that looks; subclasses say where that one and the options are kept.

    It has the methods of the wrapped estimator and no others, its tags, fitted attributes, metadata requests, labels.
    """

    _backend: Any
    _decision: Decision
    _takes: tuple[bool, bool]
    _route: Route
    _params: Mapping[str, Any]
    _preparation: Mapping[str, Any]

    # -- for subclasses ----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _inner(self) -> Any:
        """The wrapped estimator: it holds the hyperparameters, and is never fitted."""

    @property
    @abstractmethod
    def _parallel(self) -> tuple[str | None, int | None]:
        """The joblib backend and the number of jobs for what runs inside."""

    def _tell(self, decision: Decision) -> None:
        """Tell of a fallback, before the fit."""
        warn_of_fallback({"": decision})

    def _fresh(self) -> Any:
        """Return what scikit-learn itself is to fit."""
        return with_its_own_random_state(fresh(self._inner), self._inner)

    def _as_fitted(self) -> Any:
        """Return the wrapped estimator, unfitted, with the hyperparameters that an engine fitted it with."""
        made = clone(self._inner)
        changed = {name: clone(value, safe=False) for name, value in vars(self).get("_params", {}).items()}
        return made.set_params(**changed)

    def _shown(self) -> Any:
        """What users see as ``estimator_``: the library's own fitted estimator."""
        fitted = self._backend  # an AttributeError before a fit
        route = self.__dict__.get("_route") or route_of(self._decision, type(self._inner))
        return fitted if route.row is None else route.adapter.estimator(fitted)

    def _arranges(self) -> bool:
        """Whether the wrapped estimator only arranges others, and these are wrapped inside."""
        return False

    def _modin_from(self) -> int | None:
        """From how many rows on a frame of pandas is to become one of modin; None for never."""
        return None

    # -- fitting and computing ---------------------------------------------------------------------------------------

    def _fit(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        estimator = self._inner
        if not hasattr(estimator, "fit") or isinstance(estimator, type):
            raise TypeError(
                f"estimator={estimator!r} is not a scikit-learn estimator: it must be an instance with a fit."
            )
        previous = None
        if (method == "partial_fit" or getattr(estimator, "warm_start", False)) and "_backend" in self.__dict__:
            previous = (self._decision, self._backend)
        moved = ""
        if "modin" in sys.modules:
            args, kwargs, moved = taken(self, args, kwargs)
        with parallel(*self._parallel):
            # Nothing of this object changes before the fit has succeeded: a failed one leaves it as it was.
            fitted, plan, result = self._carry_out(method, args, kwargs, previous)
        if moved:
            decision = replace(plan.decision, conversions=(moved, *plan.decision.conversions))
            plan = replace(plan, decision=decision)
        self._adopt(fitted, plan)
        return self if result is fitted else result

    def _adopt(self, fitted: Any, plan: Plan) -> None:
        """Be fitted from now on."""
        estimator, decision, held = self._inner, plan.decision, self.__dict__
        for name in ("_evaluation", "_preparation"):
            held.pop(name, None)  # of the model before
        route = route_of(decision, type(estimator))
        held.update(_backend=fitted, _decision=decision, _route=route)  # past `__setattr__`, which has to look
        if route.row is None:
            held["_takes"] = (True, True)  # whatever that is, the fitted model says it itself
            held.pop("_params", None)
        else:
            held["_params"] = plan.params
            # What the fitted model takes, by its tags at the fit: asking for them costs more than a small prediction.
            tags = get_tags(estimator).input_tags
            held["_takes"] = (bool(tags.sparse), bool(tags.allow_nan))
        evaluation_of(self, route)  # a prediction is not to change this object

    def _carry_out(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], previous: Any) -> Any:
        options = self._options()
        try:
            return carry_out(self, method, args, kwargs, options, previous)
        except DeviceNotAvailable as error:
            moved_from = self.__dict__.get("_moved_from")
            if moved_from is None:
                raise
            # It was fitted on a device that was missing when it was opened here, and was moved to the host then.
            try:
                done = carry_out(self, method, args, kwargs, replace(options, device=HOST), previous)
            except DeviceNotAvailable:
                raise error from None
            warnings.warn(
                DevicePlacementWarning(
                    f"this {type(self._inner).__name__} was fitted on {moved_from!r} before it was opened here, where "
                    f"that device is not: it is fitted on {str(HOST)!r}.",
                    hint='set device="cpu", or fit it where the device is.',
                    device=moved_from,
                ),
                stacklevel=outside(),
            )
            return done

    def _call(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if "modin" in sys.modules:
            args, kwargs, _ = taken(self, args, kwargs)
        fitted = self.__dict__.get("_backend")
        if fitted is None:
            return self._call_unfitted(method, args, kwargs)
        X = args[0] if args else kwargs.get("X")
        if is_collection(X.data if isinstance(X, Resident) else X):
            from accelsk import blockwise

            return blockwise.called(self, method, args, kwargs)
        backend, n_jobs = self._parallel
        if backend is None:
            return compute(self, fitted, method, args, kwargs)
        with parallel(backend, n_jobs):
            return compute(self, fitted, method, args, kwargs)

    def _call_unfitted(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Some classes compute without a fit (stateless transformers, pruning paths); the rest say so themselves."""
        try:
            if home_of(type(self._inner)) is not None:
                raise NotFittedError  # not every library says it in scikit-learn's way
            return getattr(clone(self._inner), method)(*map(at_home, args), **kwargs)
        except NotFittedError as error:
            raise NotFittedError(
                f"This {type(self).__name__} instance of {type(self._inner).__name__} is not fitted yet. Call 'fit' "
                "with appropriate arguments before using this estimator."
            ) from error

    def _subject(self, name: str) -> Any:
        """The object that decides whether a method is there: the fitted one, once there is one."""
        fitted = self.__dict__.get("_backend")
        return self._inner if fitted is None or is_fitting(name) or not hasattr(self._inner, name) else fitted

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

    def prepare(
        self, X: Any = None, *, batch_sizes: Sequence[int] = (1,), precision: Literal["float64", "float32"] = "float64"
    ) -> Wrapper:
        """Make what predicts fast for batches of these sizes now, rather than at the calls that would pay for it.

        Every evaluator that there is for the fitted model is made and measured, and the fastest computes such batches
        from now on, also after pickling; ``decision_.operations`` says which. The next fit forgets them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows like those that are to come, to measure with; None for made ones.
        batch_sizes : sequence of int, default=(1,)
            How many rows a call will have. From a power of two to the next all sizes are treated alike.
        precision : {"float64", "float32"}, default="float64"
            "float32" also lets evaluators compute whose results have single precision, with the difference that was
            seen. Those that come with accelsk all compute in double precision, ONNX Runtime's included; a plug-in may
            offer others.

        Returns
        -------
        Wrapper
            This object.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        UnsupportedParameter
            If an argument is not one that there is.
        """
        check_is_fitted(self)
        route = self.__dict__.get("_route") or route_of(self._decision, type(self._inner))
        self._preparation = asdict(prepared(self, route, X, batch_sizes, precision))  # data, for pickles
        return self

    # -- what ran. Before a fit it is not there: an AttributeError in a property goes on to ``__getattr__`` ------------

    @property
    def decision_(self) -> Decision:
        """What ran, where, why, and why not the others."""
        decision = self._decision
        evaluation = self.__dict__.get("_evaluation")
        operations = {} if evaluation is None else evaluation.described()
        return replace(decision, operations=operations) if operations else decision

    @property
    def engine_(self) -> str:
        """The engine that ran."""
        return self._decision.engine

    @property
    def device_(self) -> str:
        """Where it ran."""
        return self._decision.device

    # -- what scikit-learn asks of an estimator ----------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return "_backend" in self.__dict__

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        from accelsk.persistence import reduced

        return reduced(self)

    def __sklearn_tags__(self) -> Any:
        tags = get_tags(self._inner)  # made anew at every call, so that it can be changed
        # Data leave the array namespace they came in unless the engine says otherwise, so it is not promised.
        if hasattr(tags, "array_api_support"):
            tags.array_api_support = False
        return tags

    def get_metadata_routing(self) -> Any:
        """Return the metadata requests of the wrapped estimator: this object consumes what that one would.

        Returns
        -------
        MetadataRequest or MetadataRouter
            Of the wrapped estimator; of one that is no BaseEstimator, that it requests nothing.
        """
        if not hasattr(self._inner, "get_metadata_routing"):
            return MetadataRequest(owner=type(self._inner).__name__)
        return self._inner.get_metadata_routing()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in _READ_BY_SCIKIT_LEARN:
            held = getattr(self.__dict__.get("_backend"), "__dict__", {})
            if name in held and not name.startswith(_CONFIGURATION):
                return held[name]  # private fitted attributes, which SHAP and others read of classes that they know
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        method = called_before(self, name)
        if method is not None:
            return method
        try:
            estimator = self._inner
        except KeyError:  # while being unpickled or copied
            raise AttributeError(name) from None
        fitted = self.__dict__.get("_backend")
        if fitted is not None and (not hasattr(estimator, name) or (name.endswith("_") and hasattr(fitted, name))):
            return getattr(fitted, name)  # fitted attributes
        if fitted is None and name.endswith("_") and home_of(type(estimator)) is not None:
            # Libraries of their own tell of nothing by None or an error of their own.
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r} before it is fitted")
        value = getattr(estimator, name)
        if not callable(value) or isinstance(value, type) or name in estimator.get_params(deep=False):
            return value
        if name.startswith("set_"):
            return self._setter(name, value)
        return bound(self, name)

    def _setter(self, name: str, value: Any) -> Any:
        """``set_output``, ``set_fit_request``, ...: what configures the wrapped estimator configures this object."""

        def setter(*args: Any, **kwargs: Any) -> Wrapper:
            if name == "set_callbacks":  # kept here: meta-estimators that propagate theirs look for them here
                type(self._inner).set_callbacks(self, *args, **kwargs)
                return self
            value(*args, **kwargs)
            fitted = self.__dict__.get("_backend")
            if fitted is not None and hasattr(fitted, name):
                getattr(fitted, name)(*args, **kwargs)
            return self

        setter.__name__ = name
        setter.__doc__ = value.__doc__
        return setter

    def __dir__(self) -> list[str]:
        hidden = {name for name, value in vars(Wrapper).items() if isinstance(value, Delegated)}
        own = {name for name in super().__dir__() if name not in hidden or hasattr(self, name)}
        public = {name for name in dir(self._inner) if not name.startswith("_")}
        fitted = {
            name for name in dir(self.__dict__.get("_backend")) if name.endswith("_") and not name.startswith("_")
        }
        return sorted(own | public | fitted)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        # Being another function is what counts: scikit-learn prints what has its own under the name that it shows.
        return str(super().__repr__(N_CHAR_MAX))

    def _sk_visual_block_(self) -> Any:
        from accelsk.displays import visual_block

        return visual_block(self)


def warn_of_fallback(decisions: Mapping[str, Decision]) -> None:
    """Tell of fallbacks, once, on the line of the user's call.

    Parameters
    ----------
    decisions : mapping of str to Decision
        What fell back, by the name of the part; "" for an estimator by itself.
    """
    told = [
        f"{decision.estimator}{f' ({name})' if name else ''} is fitted by engine {decision.engine!r} on "
        f"{decision.device!r}, not as asked: {decision.why.removeprefix('fallback: ')}"
        for name, decision in decisions.items()
    ]
    warnings.warn(
        EngineFallbackWarning(
            f"{'; '.join(told)}.",
            hint="fallback='silent' accepts this, fallback='raise' makes it an error; decision_ has all reasons.",
            engine=next(iter(decisions.values())).engine,
        ),
        stacklevel=outside(),
    )


def outside() -> int:
    """How many frames the user's code is above the caller: what is between is ours, scikit-learn's or joblib's."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
        frame, level = frame.f_back, level + 1
    return level


_LIBRARIES = ("accelsk", "sklearn", "joblib")
