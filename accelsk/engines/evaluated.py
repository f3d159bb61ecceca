"""Faster ways to ask the fitted models of libraries of gradient boosting: what is computed of their raw predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax
from sklearn.base import is_classifier

from accelsk.batches import is_finite
from accelsk.devices import HOST
from accelsk.engines.adapter import Adapter
from accelsk.engines.grown import GrownClass
from accelsk.engines.ownclass import OwnClass
from accelsk.engines.recipes import checked_again
from accelsk.evaluators.grove import in_single
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.evaluators.walks import Walk, clear

if TYPE_CHECKING:
    from accelsk.engines.boosters import Booster
    from accelsk.engines.spec import Row

__all__ = ["EvaluatedAdapter"]

Array = np.ndarray[Any, Any]

_METHODS = ("predict", "predict_proba", "decision_function")

#: By how much, relative to their spread, results may differ from the library's at the comparison when they are made.
_SAME = 1e-5


def _sigmoid(margins: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-margins)))


def _softmax(margins: Array) -> Array:
    return np.asarray(softmax(margins, axis=1))


#: What a library makes of raw predictions, in their precision; one column is of the second of two classes.
_LINKS: Mapping[str, Callable[[Array], Array]] = {
    "identity": lambda margins: margins,
    "exp": np.exp,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
}


class EvaluatedAdapter(Adapter):
    """How accelsk talks to a library whose raw predictions can be had faster."""

    def walks(self, model: Any, *, best: bool) -> Iterable[Walk]:
        """Return ways to the raw predictions of a fitted estimator that are faster for some numbers of rows.

        Parameters
        ----------
        model : estimator
            Of the library, fitted.
        best : bool
            Whether the iterations count that the library's own class takes: up to the best one. Else all do.

        Returns
        -------
        iterable of Walk
            By default none. Their `make` may raise for a model that they cannot compute. Where `Walk.link` is empty,
            the library's own class is left to itself.
        """
        return ()

    def evaluators(self, backend: Booster, row: Row) -> Iterator[Offer]:
        """Offer faster ways to compute what a fitted backend estimator computes on the host.

        Parameters
        ----------
        backend : Booster
            Fitted.
        row : Row
            Its row.

        Yields
        ------
        Offer
            One for each way to the raw predictions. None for a model of categories, or of several targets.
        """
        if not backend.grew:
            return
        if isinstance(backend, GrownClass):
            if getattr(backend.stem, "_preprocessor", None) is not None:
                return
            nan = hasattr(backend.stem, "_preprocess_X")
        else:
            if (is_classifier(backend.model) and backend.classes is None) or backend.objects:
                return
            nan = True
        names = tuple(name for name in _METHODS if name in row.methods)
        for walk in self.walks(backend.model, best=isinstance(backend, OwnClass)):
            if not walk.link and isinstance(backend, OwnClass):
                continue
            yield Offer(
                name=walk.name,
                methods=names,
                make=partial(_made, self, backend, row, walk, names),
                seconds=partial(_seconds, walk),
                build=walk.build,
                difference=max(walk.difference, 1e-12 if walk.adds == np.float64 else 1e-6),
                nan=nan,
                check=partial(_checked, backend),
            )

    def shortcuts(self, backend: Booster, row: Row) -> Mapping[str, Evaluate]:
        """Return methods of a fitted backend estimator for arrays that nobody has validated.

        Parameters
        ----------
        backend : Booster
            Fitted.
        row : Row
            Its row.

        Returns
        -------
        mapping of str to callable
            Of the library's own class. What scikit-learn's is asked takes longer in other places.
        """
        return backend.shortcuts(row) if isinstance(backend, OwnClass) else {}


def _checked(backend: Booster, X: Any) -> Any:
    """An array of what is none, validated as for the library; what is no plain frame of numbers comes back as it is."""
    if isinstance(backend, GrownClass):
        return np.ascontiguousarray(checked_again(backend.stem, X))
    found = backend.checked(X, reset=False)
    if hasattr(found, "columns"):
        kinds = {kind for kind in found.dtypes if isinstance(kind, np.dtype)}
        if len(kinds) < len(set(found.dtypes)) or not all(np.can_cast(kind, np.float64) for kind in kinds):
            return X
        found = found.to_numpy(dtype=np.float64)
    return np.ascontiguousarray(found)


def _seconds(walk: Walk, method: str, n_rows: int) -> float:
    return walk.seconds(n_rows)


def _made(
    adapter: EvaluatedAdapter, backend: Booster, row: Row, walk: Walk, names: Sequence[str]
) -> dict[str, Evaluate]:
    """Make the evaluators, and compare them with the library: the form of its models is not ours to rely on."""
    asked = walk.make()
    raw = _raw(backend, walk, asked)
    if isinstance(backend, GrownClass):
        made = {name: partial(_of_grown, backend, raw, name) for name in names}
    else:
        made = {name: partial(_of_own, backend, raw, _LINKS[walk.link], name) for name in names}
    rows = np.random.default_rng(0).normal(size=(8, backend.n_features_in_))
    if not isinstance(backend, GrownClass) or hasattr(backend.stem, "_preprocess_X"):
        rows[::3, ::2] = np.nan
    method = "predict_proba" if "predict_proba" in names else "predict"
    for X in (rows, *(rows[i : i + 1] for i in range(len(rows)))):
        theirs, ours = adapter.call(backend, row, method, (_named(backend, X),), {}, HOST), made[method](X)
        if ours is None:
            continue
        if not np.allclose(ours, theirs, rtol=_SAME, atol=_SAME * float(np.std(theirs))):
            raise ValueError(f"{walk.name} does not compute what {type(backend.model).__name__}.{method} does")
    return dict(made)


def _named(backend: Booster, X: Array) -> Any:
    """Rows in a frame, where the library knows the columns by name, and takes nothing else."""
    names = getattr(backend, "feature_names_in_", None)
    if names is None:
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def _raw(backend: Booster, walk: Walk, asked: Callable[[Array], Array | None]) -> Callable[[Array], Array | None]:
    """Raw predictions of an array as the library takes it; None for what it refuses, and for infinity."""
    gradient = isinstance(backend, GrownClass) and not hasattr(backend.stem, "_preprocess_X")
    dtype = np.dtype(walk.dtype)
    single = gradient or dtype == np.float32

    def raw(X: Array) -> Array | None:
        if single:
            rows = in_single(X, nan=not gradient)
            if rows is None:
                return None
        else:
            rows = X
            if not is_finite(X) and np.isinf(X).any():
                return None
        return asked(rows if rows.dtype == dtype else rows.astype(dtype))

    return raw


def _of_grown(backend: GrownClass, raw: Callable[[Array], Array | None], method: str, X: Array) -> Array | None:
    found = raw(X)
    if found is None:
        return None
    margins = found.astype(np.float64, copy=False) - backend.offset
    if method == "predict" and hasattr(backend.stem, "classes_") and not clear(margins, 1e-6):
        return None
    return backend.answer(method, margins[:, 0] if margins.shape[1] == 1 else margins)


def _of_own(
    backend: OwnClass, raw: Callable[[Array], Array | None], link: Callable[[Array], Array], method: str, X: Array
) -> Array | None:
    margins = raw(X)
    if margins is None:
        return None
    if backend.classes is None:
        return link(margins[:, 0]).astype(np.float64, copy=False)
    if method == "predict":
        if not clear(margins, 1e-6):
            return None
        at = (margins[:, 0] > 0).astype(np.intp) if margins.shape[1] == 1 else margins.argmax(axis=1)
        return np.asarray(backend.classes[at])
    found = link(margins)
    if found.shape[1] > 1:
        return found.astype(np.float64, copy=False)
    proba = np.empty((len(found), 2))
    proba[:, 1:] = found
    np.subtract(1, found, out=found)  # in the precision of the library
    proba[:, :1] = found
    return proba
