"""How an engine is talked to whose library computes with estimators of its own, which it does not share: `Held`.

An engine says in a `HoldingAdapter` what an array of its own is, how one comes home, and what scikit-learn's fitted
attributes are; validation, labels, dtypes, ``set_output`` and what is read of the model are done here.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from accelsk.devices import Device
from accelsk.engines.adapter import Adapter, fitted_attributes
from accelsk.engines.classes import class_at
from accelsk.engines.held import Held, Read
from accelsk.engines.spec import Row

__all__ = ["HoldingAdapter", "Intake"]


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What is particular about the data of a class, where its tags do not say it.

    Parameters
    ----------
    checks : mapping of str to object, default={}
        Keyword arguments of `sklearn.utils.validation.validate_data` for a fit: ``{"ensure_min_samples": 2}``.
    later : mapping of str to object, default={}
        The same for the methods after it.
    table : bool, default=True
        Whether X is a table of numbers; where not, it is passed on as it is.
    y : bool, default=False
        Whether a y is passed on that scikit-learn's class does not require.
    ravels : bool, default=False
        Whether a regressor makes one dimension of a y of one column, with a warning, instead of keeping two.
    unchecked : tuple of str, default=()
        Methods whose first argument is no X.

    Examples
    --------
    >>> Intake(checks={"ensure_min_samples": 2}).table
    True
    """

    checks: Mapping[str, Any] = field(default_factory=dict)
    later: Mapping[str, Any] = field(default_factory=dict)
    table: bool = True
    y: bool = False
    ravels: bool = False
    unchecked: tuple[str, ...] = ()


_PLAIN = Intake()


class HoldingAdapter(Adapter):
    """How accelsk talks to a library with estimators of its own."""

    validates = False

    # -- for engines ---------------------------------------------------------------------------------------------------

    def resident(self, data: Any) -> bool:
        """Say whether data are an array of the library's, on its device.

        Parameters
        ----------
        data : object
            Anything.

        Returns
        -------
        bool
            By default never: all arrays are NumPy's.
        """
        return False

    def fetch(self, value: Any) -> Any:
        """Bring one value home.

        Parameters
        ----------
        value : object
            An array of the library's, or anything else.

        Returns
        -------
        object
            By default the value.
        """
        return value

    def intake(self, row: Row) -> Intake:
        """Return what is particular about the data of a class.

        Parameters
        ----------
        row : Row
            Its row.

        Returns
        -------
        Intake
            By default nothing.
        """
        return _PLAIN

    def before(self, held: Held, row: Row, X: Any, y: Any) -> None:
        """Prepare a fit: what depends on the data is set on the library's estimator. Does nothing by default.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        X, y : array
            Validated; labels are 0, 1, ... already, and ``held.labels`` is known.
        """

    def run(self, held: Held, row: Row, method: str, X: Any, given: Mapping[str, Any]) -> Any:
        """Call a method of the library's estimator.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        method : str
            Of scikit-learn's class.
        X : array
            Its first argument, validated.
        given : mapping
            The others that were given.

        Returns
        -------
        object
            By default what the method of that name returns, with scikit-learn's defaults for what was not given. A
            ``fit_transform`` or ``fit_predict`` that the library does not have is two calls.
        """
        return called(held, method, X, given)

    def after(self, held: Held, row: Row) -> None:
        """Warn where scikit-learn would, after a fit that has succeeded; still on the device. By default of nothing.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        """

    def answer(self, held: Held, row: Row, method: str, result: Any) -> Any:
        """Correct a result that is on the host already.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        method : str
            The method.
        result : object
            Of the library.

        Returns
        -------
        object
            By default the same. Labels are decoded, and floats made float64, after this.
        """
        return result

    def attributes(self, held: Held, row: Row, read: Read) -> Mapping[str, Any]:
        """Return the fitted attributes of scikit-learn's class.

        Parameters
        ----------
        held : Held
            The backend estimator, fitted.
        row : Row
            Its row.
        read : Read
            Reads an attribute of the library's model, on the host.

        Returns
        -------
        mapping of str to object
            In scikit-learn's dtypes, shapes and signs; ``classes_``, ``n_features_in_`` and ``feature_names_in_`` are
            added. By default every public fitted attribute of the library's, under its name.
        """
        return {name: self.home(value) for name, value in fitted_attributes(held.model, type(held.stem)).items()}

    # -- what the machinery asks -------------------------------------------------------------------------------------

    def estimator(self, backend: Held) -> Any:
        """Return the library's own estimator.

        Parameters
        ----------
        backend : Held
            From `build`.

        Returns
        -------
        object
            Of the library.
        """
        return backend.model

    def build(self, row: Row, keywords: Mapping[str, Any]) -> Held:
        """Make a fresh, unfitted backend estimator.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.

        Returns
        -------
        Held
            With the library's estimator, and one of scikit-learn's class.
        """
        return Held(self, row.estimator, self.load(row)(**keywords), class_at(row.estimator)())

    def introduce(self, backend: Held, row: Row, estimator: Any) -> None:
        """Let the backend estimator know the user's, with the hyperparameters as scikit-learn spells them.

        Parameters
        ----------
        backend : Held
            From `build`, or one that is to go on fitting.
        row : Row
            Its row.
        estimator : estimator
            The user's; never fitted, and not changed.
        """
        known = {name: value for name, value in vars(backend.stem).items() if name.endswith("_")}
        backend.stem, backend.made = copy.copy(estimator), None
        vars(backend.stem).update(known)

    def update(self, backend: Held, row: Row, keywords: Mapping[str, Any]) -> None:
        """Change the hyperparameters of a fitted backend estimator.

        Parameters
        ----------
        backend : Held
            Fitted.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters.
        """
        backend.model.set_params(**keywords)

    def fit(
        self, backend: Held, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a fitting method.

        Parameters
        ----------
        backend : Held
            From `build`.
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
        return backend.fit(method, args, kwargs, device)

    def call(
        self, backend: Held, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted backend estimator.

        Parameters
        ----------
        backend : Held
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
        return backend.call(method, args, kwargs, device)

    def home(self, result: Any) -> Any:
        """Bring a result to the host, with what is inside of it.

        Parameters
        ----------
        result : object
            An array of the library's; a tuple, list or dict of such; or anything else.

        Returns
        -------
        object
            The same on the host.
        """
        if type(result) in (tuple, list):
            return type(result)(map(self.home, result))
        if type(result) is dict:
            return {name: self.home(value) for name, value in result.items()}
        return self.fetch(result)

    def export(self, backend: Held, row: Row, estimator: Any) -> Any:
        """Make scikit-learn's own fitted estimator.

        Parameters
        ----------
        backend : Held
            Fitted.
        row : Row
            Its row.
        estimator : estimator
            Of scikit-learn's class, unfitted, with the user's hyperparameters.

        Returns
        -------
        estimator
            The same object, with the fitted attributes.
        """
        for name, value in backend.attributes().items():
            setattr(estimator, name, copy.deepcopy(value))
        return estimator


def called(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Call a method of a library's estimator, with scikit-learn's defaults.

    Parameters
    ----------
    held : Held
        The backend estimator.
    method : str
        Of scikit-learn's class.
    X : object
        The first argument; None where none was given.
    given : mapping
        The others that were given.

    Returns
    -------
    object
        What the library returns.
    """
    function = getattr(held.model, method, None)
    if function is None and method in ("fit_transform", "fit_predict"):
        held.model.fit(X, **given)
        return getattr(held.model, method.removeprefix("fit_"))(X)
    if function is None:
        raise AttributeError(f"{type(held.model).__name__} of {held.adapter.engine.title} has no {method}")
    known = inspect.signature(function).parameters
    own = inspect.signature(getattr(type(held.stem), method)).parameters
    defaults = {
        name: parameter.default
        for name, parameter in list(own.items())[2:]
        if name in known and parameter.default is not parameter.empty
    }
    keywords = {**defaults, **given}
    for name in ("y", "sample_weight"):
        if keywords.get(name) is None:
            keywords.pop(name, None)
    return function(**keywords) if X is None else function(X, **keywords)
