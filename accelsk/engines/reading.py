"""What a held model is given and what is read of it: arguments by name, fitted attributes and results on the host."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._set_output import _get_output_config

if TYPE_CHECKING:
    from accelsk.engines.held import Held

__all__ = ["Read", "bound", "container", "in_double"]


class Read:
    """Reads the attributes of a library's fitted model: ``read("coef_")`` is on the host.

    Parameters
    ----------
    held : Held
        The model.

    Attributes
    ----------
    model : object
        The library's estimator itself.
    params : mapping
        The hyperparameters of the user's estimator, as scikit-learn spells them.
    labels : ndarray or list of ndarray or None
        The classes in the user's dtype, one array for each output; None without.
    n_features : int
        The columns of X.
    double : bool
        Whether scikit-learn's attributes and results are float64: X was not float32.
    y_ndim : int
        1 or 2: scikit-learn's linear models keep a y of one column apart from one without columns; 0 without y.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self.model = held.model
        self.params: Mapping[str, Any] = held.stem.get_params(deep=False)
        self.labels = held.labels
        self.n_features = int(getattr(held.stem, "n_features_in_", 0))
        self.double = held.double
        self.y_ndim = held.y_ndim

    def __call__(self, name: str, *default: Any) -> Any:
        """Return an attribute of the library's model, on the host; or the default."""
        return self._held.adapter.home(getattr(self.model, name, *default))

    def has(self, name: str) -> bool:
        """Say whether the library's model has an attribute.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        bool
            As `hasattr`.
        """
        return hasattr(self.model, name)


def bound(stem: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Name the arguments of a call as the method of scikit-learn's class has them.

    Parameters
    ----------
    stem : estimator
        Of the class.
    method : str
        Its method.
    args, kwargs : sequence, mapping
        The arguments of the call.

    Returns
    -------
    dict of str to object
        Those that were given.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> bound(Ridge(), "fit", ("X",), {"y": "y"})
    {'X': 'X', 'y': 'y'}
    """
    named = inspect.signature(getattr(type(stem), method)).bind(stem, *args, **kwargs)
    given = dict(list(named.arguments.items())[1:])
    for name, parameter in named.signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD and name in given:
            given.update(given.pop(name))
    return given


def container(stem: Any) -> str:
    """Return the container that ``set_output`` asks for.

    Parameters
    ----------
    stem : estimator
        With its configuration.

    Returns
    -------
    str
        "default" where nothing was asked for, and for classes without ``set_output``.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> container(StandardScaler()), container(StandardScaler().set_output(transform="pandas"))
    ('default', 'pandas')
    """
    try:
        return str(_get_output_config("transform", stem)["dense"])
    except AttributeError:
        return "default"


def in_double(result: Any) -> Any:
    """Make floats float64.

    Parameters
    ----------
    result : object
        An array; a tuple or list of such; or anything else.

    Returns
    -------
    object
        The same where there is nothing to do.

    Examples
    --------
    >>> in_double([np.zeros(1, dtype=np.float32), "text"])
    [array([0.]), 'text']
    """
    if isinstance(result, tuple | list):
        return type(result)(map(in_double, result))
    return result.astype(np.float64) if getattr(result, "dtype", None) in (np.float32, np.float16) else result
