"""Libraries of gradient boosting: how they are given what scikit-learn's users expect of an estimator.

Such a library computes classes of two kinds, and both are a `Booster` to accelsk:

* its own (``XGBClassifier``): validated data, labels of any kind, and results in scikit-learn's shapes and dtypes
  (`OwnClass`);
* scikit-learn's gradient boosting (``HistGradientBoostingClassifier``): `accelsk.engines.recipes` does what precedes
  the first tree, the library grows the trees, and what follows is computed of its margins (`GrownClass`).

An engine says in a `BoosterAdapter` how its library is placed on a device, fitted and asked.
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.devices import HOST, Device
from accelsk.engines.classes import class_at
from accelsk.engines.evaluated import EvaluatedAdapter
from accelsk.engines.grown import GrownClass
from accelsk.engines.ownclass import OwnClass, signature_of
from accelsk.engines.recipes import Prepared
from accelsk.engines.spec import Row
from accelsk.errors import DeviceNotAvailable

if TYPE_CHECKING:
    from accelsk.clusters import Cluster

__all__ = ["Booster", "BoosterAdapter"]

#: Of the keyword arguments of a row: the hyperparameters of scikit-learn's estimator that prepares the fit.
RECIPE = "recipe"

Booster = GrownClass | OwnClass


class BoosterAdapter(EvaluatedAdapter):
    """How accelsk talks to a library of gradient boosting."""

    validates = False

    # -- for engines ---------------------------------------------------------------------------------------------------

    def encodes(self, classes: np.ndarray[Any, Any]) -> bool:
        """Say whether the library's own classifiers are to be given 0, 1, ... instead of the labels.

        Parameters
        ----------
        classes : ndarray
            The labels.

        Returns
        -------
        bool
            By default not: the library encodes them itself.
        """
        return False

    def encode_parameters(self, model: Any, classes: np.ndarray[Any, Any]) -> None:
        """Let parameters that name labels name what the labels are encoded as. By default no parameter does.

        Parameters
        ----------
        model : estimator
            Of the library, not fitted; it is changed.
        classes : ndarray
            The labels, in the order of 0, 1, ...
        """

    def taken(self, X: Any) -> Any:
        """Return X as the library takes it: by default as it is.

        Parameters
        ----------
        X : ndarray, sparse matrix or data frame
            Validated.

        Returns
        -------
        object
            The same data.
        """
        return X

    def ready(self, model: Any, method: str, X: Any) -> Any:
        """Return data so that the library has nothing to prepare of them on threads whose number nobody can tell it.

        Asked for calls of the library's own classes where there is a share of the cores.

        Parameters
        ----------
        model : estimator
            Of the library.
        method : str
            The method.
        X : object
            Its first argument.

        Returns
        -------
        object
            What the method is given instead; by default X.
        """
        return X

    def takes_objects(self, model: Any, given: Mapping[str, Any]) -> bool:
        """Say whether X may hold what is no number, because the user has named such columns.

        Parameters
        ----------
        model : estimator
            Of the library.
        given : mapping
            The arguments of ``fit``.

        Returns
        -------
        bool
            By default not.
        """
        return False

    def can_grow(self, prepared: Prepared) -> bool:
        """Say whether the library takes data of which nothing can be learnt, as scikit-learn does.

        Parameters
        ----------
        prepared : Prepared
            The data of the fit.

        Returns
        -------
        bool
            False where the constant that scikit-learn begins with is all that there is.
        """
        return True

    @abstractmethod
    def grow(self, model: Any, prepared: Prepared, row: Row, recipe: Mapping[str, Any]) -> Any:
        """Fit the library's estimator as scikit-learn's hyperparameters say.

        Parameters
        ----------
        model : estimator
            Of the library, with the keyword arguments of the row.
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

    @abstractmethod
    def margins(self, model: Any, X: Any, rounds: int | None = None) -> np.ndarray[Any, Any]:
        """Return the raw predictions, before any link.

        Parameters
        ----------
        model : estimator
            Of the library, from `grow`.
        X : ndarray or sparse matrix
            Validated.
        rounds : int, default=None
            How many iterations count; None for all that were grown.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Float64.
        """

    #: The arguments of ``fit`` of the library's own classes that are dask collections with the partitions of X.
    along: tuple[str, ...] = ("sample_weight",)
    #: Those of them that have as many partitions, and not as many rows.
    loose: tuple[str, ...] = ()
    #: Those that are lists of (X, y), for the library's dask interface to evaluate.
    evaluated: tuple[str, ...] = ()

    def train(
        self, model: Any, row: Row, X: Any, y: Any, given: Mapping[str, Any], cluster: Cluster, classes: Any
    ) -> Any:
        """Fit an estimator to dask collections, by the library's dask interface. Asked where `Row.distributed` is.

        Parameters
        ----------
        model : estimator
            Of the library, not fitted.
        row : Row
            The row.
        X, y : dask collection
            The data, held by the workers; classes as 0, 1, ...
        given : mapping
            Further arguments of ``fit``.
        cluster : Cluster
            Whose workers train.
        classes : ndarray or None
            The labels of a classification: what the estimator is to predict, where `encodes` does not ask for others.

        Returns
        -------
        estimator
            Fitted; without the cluster from now on.
        """
        raise NotImplementedError(f"engine {self.engine.name!r} does not say how it trains on dask collections")

    def offset(self, prepared: Prepared, recipe: Mapping[str, Any]) -> Any:
        """Return what all margins have too much: a start of its own, or one that the library was not told.

        Parameters
        ----------
        prepared : Prepared
            The data of the fit.
        recipe : mapping
            Hyperparameters of scikit-learn's estimator.

        Returns
        -------
        float or ndarray of shape (n_classes,)
            By default nothing.
        """
        return 0.0

    @abstractmethod
    def rounds(self, model: Any) -> int:
        """Return the number of iterations that were grown.

        Parameters
        ----------
        model : estimator
            Of the library, from `grow`.

        Returns
        -------
        int
            At least 1.
        """

    @abstractmethod
    def gains(self, model: Any) -> np.ndarray[Any, Any]:
        """Return what the splits on each column have gained.

        Parameters
        ----------
        model : estimator
            Of the library, from `grow`.

        Returns
        -------
        ndarray of shape (n_features,)
            On any scale.
        """

    @abstractmethod
    def ran_elsewhere(self, model: Any, device: Device) -> str:
        """Say where the library has fitted an estimator, by what it wrote down itself.

        Parameters
        ----------
        model : estimator
            Of the library, fitted.
        device : Device
            Where it was to compute.

        Returns
        -------
        str
            Empty where it did; else where it has computed, in the library's words.
        """

    @abstractmethod
    def move(self, model: Any, device: Device) -> None:
        """Let a fitted estimator compute on another device from now on, in place.

        Parameters
        ----------
        model : estimator
            Of the library, fitted.
        device : Device
            One of `devices`.
        """

    # -- what the machinery asks -------------------------------------------------------------------------------------

    def estimator(self, backend: Booster) -> Any:
        """Return the library's own estimator.

        Parameters
        ----------
        backend : Booster
            From `build`.

        Returns
        -------
        estimator
            Of the library.
        """
        return backend.model

    def build(self, row: Row, keywords: Mapping[str, Any]) -> Booster:
        """Make a fresh, unfitted backend estimator.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.

        Returns
        -------
        Booster
            With the library's estimator inside.
        """
        keywords = dict(keywords)
        recipe = keywords.pop(RECIPE, None)
        model = self.load(row)(**keywords)
        return OwnClass(model) if recipe is None else GrownClass(model, class_at(row.estimator)(**recipe), recipe)

    def fit(
        self, backend: Booster, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Fit, and look where it ran.

        Parameters
        ----------
        backend : Booster
            From `build`.
        row : Row
            Its row.
        method : str
            "fit".
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        Booster
            The same object.

        Raises
        ------
        DeviceNotAvailable
            If the library has computed elsewhere.
        """
        if isinstance(backend, OwnClass):
            given = signature_of(backend.model.fit).bind(*args, **kwargs)
            given.apply_defaults()
            backend.fit(self, row, given.arguments)
        else:
            backend.fit(self, row, signature_of(backend.stem.fit).bind(*args, **kwargs).arguments)
        if backend.grew and device != HOST:  # nobody goes to a GPU that was not asked for
            self._verify(backend.model, device)
        return backend

    def fit_distributed(
        self, backend: Booster, row: Row, given: Mapping[str, Any], device: Device, cluster: Cluster
    ) -> Device:
        """Fit on dask collections.

        Parameters
        ----------
        backend : Booster
            From `build`.
        row : Row
            Its row.
        given : mapping
            The arguments of ``fit``, by name.
        device : Device
            What the workers compute on.
        cluster : Cluster
            The user's cluster.

        Returns
        -------
        Device
            The host, unless the workers have trained on GPUs and there is one here.
        """
        from accelsk.engines import distributed

        distributed.fit(self, backend, row, given, cluster)
        if backend.grew and device == HOST:
            self._verify(backend.model, device)
        here = HOST if device == HOST else next((each for each in self.devices() if each.meets(device)), HOST)
        if here != device:
            self.move(backend.model, here)
        return here

    def _verify(self, model: Any, device: Device) -> None:
        """No library is trusted to have computed where it was told to."""
        there = self.ran_elsewhere(model, device)
        if there:
            raise DeviceNotAvailable(
                f"engine {self.engine.name!r} was to fit {type(model).__name__} on {str(device)!r}, and "
                f"{self.engine.title} says that it has done so with {there}.",
                hint='`accelsk doctor` looks at the drivers; device="cpu" computes on the processor.',
                engine=self.engine.name,
                device=str(device),
            )

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
        return backend.call(self, row, method, args, kwargs)

    def export(self, backend: Booster, row: Row, estimator: Any) -> Any:
        """Return the library's own fitted estimator, for a class of its own.

        Parameters
        ----------
        backend : Booster
            Fitted.
        row : Row
            Its row.
        estimator : estimator
            Not used: the library's own has the hyperparameters.

        Returns
        -------
        estimator
            Of the library.
        """
        return backend.exported(self.engine.name)

    def load_dump(self, data: bytes, row: Row, device: Device) -> Any:
        """Read what `dump` wrote, and let it compute on a device.

        Parameters
        ----------
        data : bytes
            From `dump`.
        row : Row
            The row.
        device : Device
            Where it is to compute.

        Returns
        -------
        Booster
            Fitted.
        """
        backend = pickle.loads(data)  # noqa: S301  it is a part of a pickle that is being opened
        self.move(backend.model, device)
        return backend

    def update(self, backend: Any, row: Row, keywords: Mapping[str, Any]) -> None:
        """Not asked: no row of such a library goes on from an earlier fit.

        Parameters
        ----------
        backend : Booster
            Fitted.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters.
        """
        raise NotImplementedError(f"{row.name} does not go on from an earlier fit")
