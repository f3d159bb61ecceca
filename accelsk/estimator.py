"""AcceleratedEstimator: an estimator with an engine of your choice."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sklearn.base import BaseEstimator

from accelsk.hyperparameters import are_plain, fresh, params_of
from accelsk.wrapper import Wrapper

__all__ = ["AcceleratedEstimator"]


class AcceleratedEstimator(Wrapper):
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

    # -- where things are --------------------------------------------------------------------------------------------

    @property
    def _inner(self) -> Any:
        return self.__dict__["estimator"]

    @property
    def _parallel(self) -> tuple[str | None, int | None]:
        return self.backend, self.n_jobs

    @property
    def estimator_(self) -> Any:
        """The fitted backend estimator: the engine's own."""
        return self._shown()

    # -- hyperparameters ---------------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this object, and with `deep` those of the estimator that it wraps.

        Parameters
        ----------
        deep : bool, default=True
            Whether ``estimator__C`` and the like are there too. They are also found by their plain name,
            ``get_params()["C"]``, for code that was written for the plain estimator.

        Returns
        -------
        dict
            Parameter names to values.
        """
        own = super().get_params(deep=deep)
        return _Hyperparameters(own) if deep else own

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
        own = _PARAMETERS if type(self) is AcceleratedEstimator else self.get_params(deep=False)
        if "estimator" in params:  # first: the other keys may belong to the new one
            super().set_params(estimator=params.pop("estimator"))
        wrapped = parameters_of(self.estimator)
        renamed = {
            f"estimator__{key}"
            if key.partition("__")[0] not in own and key.partition("__")[0] in wrapped
            else key: value
            for key, value in params.items()
        }
        if renamed and all(key.startswith(_BELOW) for key in renamed):
            # As scikit-learn's own does it, which first asks for every parameter there is: a search pays that often.
            self.estimator.set_params(**{key.removeprefix(_BELOW): value for key, value in renamed.items()})
        else:
            super().set_params(**renamed)
        return self

    def __sklearn_clone__(self) -> AcceleratedEstimator:
        from sklearn.base import _clone_parametrized

        held, options = self.__dict__, {name: getattr(self, name) for name in _OPTIONS}
        plain = type(self) is AcceleratedEstimator and isinstance(held.get("estimator"), BaseEstimator)
        if plain and "_skl_callbacks" not in held and are_plain(options.values()):
            made = AcceleratedEstimator(fresh(self.estimator), **options)
        else:
            made = _clone_parametrized(self)
            made.__dict__.pop("_metadata_request", None)  # the wrapped estimator's, and it has its own clone of it
        made._carry(self._carried_options())
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a hyperparameter of the wrapped estimator where it has one of this name; else an attribute."""
        if name not in _PARAMETERS and not name.startswith("_") and not name.endswith("_"):
            estimator = self.__dict__.get("estimator")
            if estimator is not None and hasattr(estimator, "get_params") and name in estimator.get_params(deep=False):
                setattr(estimator, name, value)
                return
        super().__setattr__(name, value)


def parameters_of(estimator: Any) -> frozenset[str]:
    """Return the names of the hyperparameters of an estimator.

    Parameters
    ----------
    estimator : estimator
        Of scikit-learn, or of a library whose ``get_params`` tells only those that were given.

    Returns
    -------
    frozenset of str
        Those that it tells, and those of its constructor.
    """
    told = params_of(estimator).keys() if hasattr(estimator, "get_params") else ()
    cls: Any = type(estimator)
    return _named_by(cls).union(told)


@lru_cache(maxsize=1024)
def _named_by(cls: Any) -> frozenset[str]:
    """The names of the parameters of a constructor."""
    named = inspect.signature(cls.__init__).parameters.values()
    by_name = {each.name for each in named if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    return frozenset(by_name - {"self"})


class _Hyperparameters(dict[str, Any]):
    """``get_params()``; what is read by a plain name is found as ``estimator__name``.

    Halving searches look for their resource there, and Boruta for max_depth. The plain names are not listed: what
    seeds every ``random_state`` of an estimator must find each once.
    """

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or super().__contains__(f"estimator__{key}")

    def __missing__(self, key: str) -> Any:
        return super().__getitem__(f"estimator__{key}") if key in self else self._absent(key)

    def _absent(self, key: str) -> Any:
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a parameter, by its own or its plain name.

        Parameters
        ----------
        key : str
            The name.
        default : object, default=None
            Returned for what is not there.

        Returns
        -------
        object
            The value.
        """
        try:
            return self[key]
        except KeyError:
            return default


_PARAMETERS = frozenset(AcceleratedEstimator._get_param_names())
_OPTIONS = tuple(sorted(_PARAMETERS - {"estimator"}))
_BELOW = "estimator__"
