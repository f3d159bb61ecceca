"""What X, y and the fit parameters are, as far as choosing an engine needs to know.

Cheap on purpose: no copy, no validation. Data that nobody can make sense of gives facts that say so, and goes to
scikit-learn, whose error message is the contract. Facts that cost a pass over the data are computed when a rule asks.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from accelsk.batches import squares
from accelsk.threads import economical

__all__ = ["Facts", "not_numbers"]

Weights = Literal["none", "constant", "varying", "invalid"]


class Facts:
    """What is known of the data of one call.

    Parameters
    ----------
    X : array-like
        The data, of any kind that scikit-learn takes.
    y : array-like, default=None
        The target.
    fit_params : mapping, default=None
        The keyword arguments of ``fit``; those that are None count as absent.

    Attributes
    ----------
    n_samples, n_features : int or None
        The shape of X; None where X is not two-dimensional.
    sparse : str or None
        The sparse format, or None for dense data.
    dtype : str
        The NumPy name of the (common) dtype; "object" for anything that is not a number.
    container : str
        Top-level module of the type of X: "numpy", "scipy", "pandas", "polars", "torch", ..., "builtins".

    Examples
    --------
    >>> import numpy as np
    >>> facts = Facts(np.zeros((5, 2), dtype=np.float32), np.array([0, 1, 0, 1, 0]))
    >>> facts.n_samples, facts.n_features, facts.dtype, facts.n_classes
    (5, 2, 'float32', 2)
    """

    #: Whether X is a dask collection, whose rows are on several machines.
    distributed = False

    def __init__(self, X: Any, y: Any = None, fit_params: Mapping[str, Any] | None = None) -> None:
        given = {name: value for name, value in fit_params.items() if value is not None} if fit_params else {}
        self.fit_params: tuple[str, ...] = tuple(given)
        self._sample_weight = _as_array(given.get("sample_weight"))
        self._y = _as_array(y)
        self._measured = False
        self.n_samples: int | None = None
        self.n_features: int | None = None
        self.sparse: str | None = None
        self._X: Any = X
        if type(X) is np.ndarray:  # nothing is to be found out then, and small fits are mostly of these
            self.container, self.dtype = "numpy", _of_numpy(X.dtype)
            if X.ndim == 2:
                self.n_samples, self.n_features = X.shape
            return
        self.container = type(X).__module__.partition(".")[0]
        self.sparse = X.format if sp.issparse(X) else None
        self._X = X = _as_array(X)
        shape: tuple[Any, ...] = tuple(getattr(X, "shape", ()))
        if len(shape) == 2 and all(isinstance(n, int | np.integer) for n in shape):
            self.n_samples, self.n_features = map(int, shape)
        self.dtype = common_dtype(X)

    def release(self) -> None:
        """Drop the references to the data; facts that were not asked for by now are lost."""
        self._X = self._y = self._sample_weight = None

    @property
    def tabular(self) -> bool:
        """Whether X has rows and columns."""
        return self.n_samples is not None and self.n_features is not None

    @property
    def empty(self) -> bool:
        """Whether X has no rows or no columns, as far as that is known without computing."""
        return self.n_samples == 0 or self.n_features == 0

    @property
    def dtype_kind(self) -> str:
        """What `Inputs.dtypes` speaks of: the name of a floating dtype, "integer", "boolean" or "object"."""
        if self.dtype.startswith(("int", "uint")):
            return "integer"
        return "boolean" if self.dtype == "bool" else self.dtype

    @cached_property
    def nbytes_dense(self) -> int:
        """The bytes of a dense copy of X."""
        itemsize = 8 if self.dtype == "object" else np.dtype(self.dtype).itemsize
        return (self.n_samples or 0) * (self.n_features or 0) * max(itemsize, 4)

    @cached_property
    def has_nan(self) -> bool:
        """Whether X holds NaN or infinity (one pass over X)."""
        X: Any = self._X
        if self.sparse:  # lists (lil) and dictionaries (dok) hold no array of their values
            X = X.data if self.sparse not in ("lil", "dok") else X.tocoo().data
        if not isinstance(X, np.ndarray) and hasattr(X, "__array_namespace__"):
            xp = X.__array_namespace__()  # where the data are: NumPy may not reach them
            return not bool(xp.all(xp.isfinite(X)))
        try:
            values = np.asarray(X)
            if values.dtype.kind != "f":
                return bool(values.dtype.kind in "OV")
            # One pass without a temporary: a sum is finite unless it overflows, and only then is a closer look needed.
            with np.errstate(over="ignore", invalid="ignore"):
                return not np.isfinite(np.sum(values)) and not bool(np.isfinite(values).all())
        except (TypeError, ValueError):
            return True

    def gram_condition(self, *, centred: bool) -> float:
        """Estimate how well the normal equations of a dense X can be solved (one matrix product).

        Parameters
        ----------
        centred : bool
            Whether the columns are centred first, as for a model with an intercept.

        Returns
        -------
        float
            The condition number of the Gram matrix of X; infinity where it is singular or X is not finite.
        """
        # Asked of sparse data only where they are about to be made dense.
        X = self._X.toarray() if self.sparse else np.asarray(self._X)
        self._measured = True
        if X.shape[1] > len(X) - centred:
            return float("inf")  # singular, and perhaps too large to be formed
        if X.dtype.kind != "f":
            X = X.astype(np.float64)
        gram = _gram(X, centred=centred)
        if not np.isfinite(gram).all():
            return float("inf")
        eigenvalues = np.linalg.eigvalsh(gram)
        return float(eigenvalues[-1] / eigenvalues[0]) if eigenvalues[0] > 0 else float("inf")

    def well_conditioned(self, limit: float, *, centred: bool) -> bool:
        """Say whether `gram_condition` is below a limit, which of many rows some are enough to know.

        Parameters
        ----------
        limit : float
            The limit.
        centred : bool
            As for `gram_condition`.

        Returns
        -------
        bool
            The smallest eigenvalue of the Gram matrix of all rows is not less than that of some of them (the other rows
            add a positive semi-definite matrix), and the largest one is not more than the sum of all squares. Where the
            quotient of these two is not below the limit, the eigenvalues are computed of all rows. That the smallest
            one is large enough shows in a Cholesky decomposition, without it.
        """
        X = self._X
        if type(X) is np.ndarray and X.dtype.kind == "f" and X.flags.c_contiguous and X.shape[1] <= len(X) - centred:
            self._measured = True
            step = len(X) // max(_SOME, 20 * X.shape[1])
            some = X[::step] if step >= _WORTH_IT else X
            # Threads of BLAS would spin while the engine computes.
            with economical(1 if some.size * some.shape[1] <= _ALONE else None):
                gram = _gram(some, centred=centred)
                largest = float(np.trace(gram)) if some is X else squares(X)
                if _exceeds(gram, largest / limit):
                    return True
        return self.gram_condition(centred=centred) < limit

    @property
    def has_target(self) -> bool:
        """Whether there is a y."""
        return self._y is not None

    @cached_property
    def n_outputs(self) -> int:
        """The columns of y; 0 without one."""
        if self._y is None:
            return 0
        shape = np.shape(self._y)
        return int(shape[1]) if len(shape) == 2 else 1

    @cached_property
    def target_range(self) -> float:
        """The largest target less the smallest; infinity where they are no finite numbers."""
        targets = np.asarray(self._y)
        if targets.dtype.kind not in "fiu" or not targets.size:
            return float("inf")
        spread = float(np.max(targets)) - float(np.min(targets))
        return spread if np.isfinite(spread) else float("inf")

    @cached_property
    def _classes(self) -> np.ndarray[Any, Any]:
        try:
            return np.unique(np.asarray(self._y))
        except TypeError:  # labels that do not compare, [None, "a"]: scikit-learn will say so
            return np.empty(0)

    @cached_property
    def n_classes(self) -> int:
        """Distinct values of y (one pass over y); 0 without one."""
        if self._y is None:
            return 0
        return 2 if _are_two(self._y) else len(self._classes)

    @cached_property
    def target_type(self) -> str:
        """What `sklearn.utils.multiclass.type_of_target` says of y (one pass over y); "unknown" without one."""
        if self._y is None:
            return "unknown"
        from sklearn.utils.multiclass import type_of_target

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of many classes: it is only asked here
                return str(type_of_target(self._y))
        except (TypeError, ValueError):  # scikit-learn will say so
            return "unknown"

    @cached_property
    def weights(self) -> Weights:
        """What kind of sample weights there are (one pass over them)."""
        if self._sample_weight is None:
            return "none"
        try:
            weights = np.asarray(self._sample_weight, dtype=float)
        except (TypeError, ValueError):
            return "invalid"
        if weights.ndim == 0:
            return "constant"
        if weights.ndim != 1 or not np.isfinite(weights).all() or len(weights) != self.n_samples:
            return "invalid"
        return "constant" if np.all(weights == weights[:1]) else "varying"

    @cached_property
    def min_weight(self) -> float:
        """The smallest sample weight; 1 without weights, NaN for weights that are not numbers."""
        return self._over_weights(np.min)

    @cached_property
    def max_weight(self) -> float:
        """The largest sample weight; 1 without weights, NaN for weights that are not numbers."""
        return self._over_weights(np.max)

    def _over_weights(self, reduce: Any) -> float:
        if self._sample_weight is None:
            return 1.0
        if self.weights == "invalid" or np.size(self._sample_weight) == 0:
            return float("nan")
        return float(reduce(np.asarray(self._sample_weight, dtype=float)))

    def summary(self) -> dict[str, Any]:
        """Return what is known without another pass, as plain data.

        Returns
        -------
        dict
            Shape, dtype, container and sparse format.
        """
        return {
            "n_samples": self.n_samples,
            "n_features": self.n_features,
            "dtype": self.dtype,
            "container": self.container,
            "sparse": self.sparse,
        }

    def told(self) -> dict[str, Any] | None:
        """Return what was asked for so far and cost a pass.

        Returns
        -------
        dict or None
            Names to values; None where something was asked for that is a measurement, which two fits hardly share.
        """
        asked = self.__dict__.keys()
        if self._measured or not _MEASURED.isdisjoint(asked):
            return None
        return {name: self.__dict__[name] for name in _TOLD if name in asked}

    def __repr__(self) -> str:
        return f"Facts({', '.join(f'{name}={value!r}' for name, value in self.summary().items())})"


#: So many rows tell whether the columns of a matrix are independent; of fewer than so many times as many all are asked.
_SOME, _WORTH_IT = 2000, 4


#: A product of so many multiplications is made by one thread, in a millisecond or two.
_ALONE = 50_000_000


def _gram(X: np.ndarray[Any, Any], *, centred: bool) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        gram: np.ndarray[Any, Any] = X.T @ X
        if centred:
            mean = X.mean(axis=0)
            gram -= len(X) * np.outer(mean, mean)
    return gram


def _exceeds(gram: np.ndarray[Any, Any], bound: float) -> bool:
    """Whether the smallest eigenvalue of a symmetric matrix is larger than a positive number."""
    if not 0 < bound < np.inf or not np.isfinite(gram).all():
        return False
    gram[np.diag_indices_from(gram)] -= bound
    try:
        np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return False
    return True


def _are_two(y: Any) -> bool:
    """Whether whole numbers are of exactly two values: known much sooner than how many there are."""
    if type(y) is not np.ndarray or y.dtype.kind not in "iub" or y.ndim != 1 or not y.size:
        return False
    other = y != y[0]
    position = other.argmax()
    return bool(other[position]) and bool(((y == y[position]) == other).all())


#: Facts that cost a pass: those of which there are few values, and those that are measurements.
_TOLD = ("has_nan", "n_outputs", "n_classes", "target_type", "weights")
_MEASURED = frozenset(("target_range", "min_weight", "max_weight"))


def not_numbers(X: Any) -> list[str]:
    """Name the columns of a frame of polars that are neither numbers nor booleans.

    Parameters
    ----------
    X : polars.DataFrame
        The data.

    Returns
    -------
    list of str
        Their names.
    """
    return [name for name, dtype in X.schema.items() if not (dtype.is_numeric() or str(dtype) == "Boolean")]


def _as_array(data: Any) -> Any:
    """Make an array of what has no shape of its own: lists, and objects that only know how to become an array."""
    if data is None or hasattr(data, "shape"):
        return data
    try:
        return np.asarray(data)
    except (TypeError, ValueError):  # ragged
        return None


def common_dtype(X: Any) -> str:
    dtype = getattr(X, "dtype", None)
    if dtype is not None:
        return _name(dtype)
    dtypes = getattr(X, "dtypes", None)  # a dataframe: pandas (Series of NumPy dtypes) or polars (list)
    if dtypes is None:
        return "object"
    names = {_name(dtype) for dtype in dtypes}
    if not names or "object" in names:
        return "object"
    return np.result_type(*names).name


@lru_cache(maxsize=64)
def _of_numpy(dtype: Any) -> str:
    return dtype.name if dtype.kind in "fiub" else "object"  # NumPy makes the name up at every call


def _name(dtype: Any) -> str:
    if isinstance(dtype, np.dtype):
        return _of_numpy(dtype)
    # polars and torch write Float64 and torch.float64. Pandas' nullable dtypes can hold NA: left to scikit-learn.
    name = str(dtype).lower().rpartition(".")[2]
    if "pandas" in type(dtype).__module__:
        return "object"
    try:
        kind = np.dtype(name).kind
    except TypeError:
        return "object"
    return name if kind in "fiub" else "object"
