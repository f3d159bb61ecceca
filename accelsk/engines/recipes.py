"""What scikit-learn's gradient boosting does before the first tree, for libraries that only grow the trees.

The steps are made by an estimator of scikit-learn itself, never fitted: it validates and encodes X and y, weighs the
classes, checks the constraints, draws the seeds, and keeps what predictions need again (the names and categories of the
columns, the labels). Its methods for that have been the same from scikit-learn 1.6 to 1.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import _check_monotonic_cst, _check_sample_weight, _check_y, column_or_1d, validate_data

__all__ = ["Loss", "Prepared", "Stopping", "checked_again", "feature_share", "prepare"]

Array = np.ndarray[Any, Any]

#: scikit-learn draws seeds of 32 bits; the libraries take positive numbers of C's type int.
_SEEDS = np.iinfo(np.int32).max

#: Of single precision, and so is the double.
_LARGE = 1e38


class Stopping:
    """When scikit-learn stops early: told the loss after each iteration, it says whether that was the last one.

    The loss of the constant model before the first iteration is not known to a library, so that the very first decision
    may come one iteration later than in scikit-learn.

    Parameters
    ----------
    n_iter_no_change : int
        How many iterations without an improvement are too many.
    tol : float
        What counts as an improvement.
    oldest_counts : bool
        Whether the losses are compared with the one before them all (HistGradientBoosting), rather than the last one
        with each of them (GradientBoosting).
    factor : float, default=1.0
        What scikit-learn multiplies its loss with there.

    Attributes
    ----------
    losses : list of float
        On the scale of scikit-learn's loss.

    Examples
    --------
    >>> stopping = Stopping(2, 0.0, oldest_counts=True)
    >>> [stopping.stops(loss) for loss in (1.0, 0.5, 0.6, 0.7)]
    [False, False, False, True]
    """

    def __init__(self, n_iter_no_change: int, tol: float, *, oldest_counts: bool, factor: float = 1.0) -> None:
        self.n_iter_no_change, self.tol, self.oldest_counts, self.factor = n_iter_no_change, tol, oldest_counts, factor
        self.losses: list[float] = []
        self._kept: dict[int, float] = {}

    def stops(self, loss: float) -> bool:
        """Take note of the loss after an iteration, and say whether to stop.

        Parameters
        ----------
        loss : float
            On the scale of scikit-learn's loss; lower is better.

        Returns
        -------
        bool
            True for the last iteration.
        """
        loss *= self.factor
        self.losses.append(loss)
        n = self.n_iter_no_change
        if self.oldest_counts:
            return len(self.losses) > n and not any(each < self.losses[-n - 1] - self.tol for each in self.losses[-n:])
        if len(self._kept) < n or any(loss + self.tol < each for each in self._kept.values()):
            self._kept[(len(self.losses) - 1) % n] = loss
            return False
        return True


@dataclass
class Prepared:
    """What is left for a library to grow trees on.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Numbers; categories as 0, 1, ..., missing and unknown ones as NaN.
    y : ndarray of shape (n_samples,)
        Float64; classes as 0, 1, ...
    sample_weight : ndarray of shape (n_samples,) or None
        With the weights of the classes.
    n_classes : int
        0 for a regression.
    seed : int
        For the library.
    loss : sklearn._loss.BaseLoss
        From scikit-learn, which knows the constant to begin with.
    validation : tuple of (X, y, sample_weight) or None
        What early stopping looks at; the training data themselves where there is `stopping` and no validation.
    stopping : Stopping or None
        None for all iterations.
    categorical : ndarray of bool of shape (n_features,) or None
        The columns of X that hold categories.
    monotonic : ndarray of int8 of shape (n_features,) or None
        -1, 0 or 1 for each column of X.
    interaction : list of list of int or None
        The columns of X that may meet in a branch; every column is in a group.
    summary : tuple of (y, sample_weight) or None
        For dask collections: a few targets with the weights of all; None where y itself is here.
    train : callable or None
        How the library fits an estimator to dask collections, ``train(model, X, y, given)``; None for its ``fit``.
    """

    X: Any
    y: Array
    sample_weight: Array | None
    n_classes: int
    seed: int
    loss: Any
    validation: tuple[Any, Array, Array | None] | None = None
    stopping: Stopping | None = None
    categorical: Array | None = None
    monotonic: Array | None = None
    interaction: list[list[int]] | None = None
    summary: tuple[Array, Array | None] | None = None
    train: Callable[[Any, Any, Any, Mapping[str, Any]], Any] | None = None

    def fitted(self, model: Any, **given: Any) -> Any:
        """Fit an estimator of the library to the data.

        Parameters
        ----------
        model : estimator
            Of the library.
        **given : dict
            Further arguments of its ``fit``.

        Returns
        -------
        estimator
            Fitted; not always the same object.
        """
        if self.train is not None:
            weights = {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
            return self.train(model, self.X, self.y, {**weights, **given})
        return model.fit(self.X, self.y, sample_weight=self.sample_weight, **given)

    @property
    def baseline(self) -> Array:
        """The raw predictions to begin with, one for each of more than two classes."""
        start: Array = np.ravel(self.loss.fit_intercept_only(*(self.summary or (self.y, self.sample_weight))))
        return start

    @property
    def starts(self) -> Any:
        """For dask collections: `baseline` for every row, one column for each of more than two classes."""
        baseline, y = self.baseline, cast("Any", self.y)
        chunks: Any = (y.chunks[0],)
        if len(baseline) == 1:
            return y.map_blocks(_repeated, baseline[0], dtype=np.float64, chunks=chunks)
        chunks = (*chunks, (len(baseline),))
        return y.map_blocks(_repeated, baseline, dtype=np.float64, chunks=chunks, new_axis=1)

    @property
    def start(self) -> float:
        """The same as a probability or a target, for a regression and for two classes."""
        return float(self.loss.link.inverse(self.baseline)[0])

    @property
    def watched(self) -> tuple[Any, Array, Array | None]:
        """The data whose loss decides when to stop."""
        return self.validation or (self.X, self.y, self.sample_weight)


def _repeated(y: Array, value: Any) -> Array:
    return np.full((len(y), *np.shape(value)), value)


def prepare(stem: Any, X: Any, y: Any, sample_weight: Any = None, **validation: Any) -> Prepared:
    """Do what scikit-learn does before the first tree.

    Parameters
    ----------
    stem : estimator
        A gradient boosting estimator of scikit-learn, not fitted and with valid hyperparameters; it gets the fitted
        attributes that are known before the first tree.
    X, y, sample_weight : array-like
        The arguments of ``fit``.
    **validation : dict
        ``X_val``, ``y_val`` and ``sample_weight_val``, where the class takes them.

    Returns
    -------
    Prepared
        For the library.
    """
    steps: Callable[..., Prepared] = _prepare_hist if hasattr(stem, "_preprocess_X") else _prepare_gradient
    return steps(stem, X, y, sample_weight, **{name: value for name, value in validation.items() if value is not None})


def _prepare_hist(
    stem: Any, X: Any, y: Any, sample_weight: Any, X_val: Any = None, y_val: Any = None, sample_weight_val: Any = None
) -> Prepared:
    X = _bounded(stem._preprocess_X(X, reset=True)[0])
    y = stem._encode_y(_check_y(y, estimator=stem))
    check_consistent_length(X, y)
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
    sample_weight = stem._finalize_sample_weight(sample_weight, y)
    given = None
    if X_val is not None or y_val is not None:
        if X_val is None or y_val is None or stem.early_stopping is False:
            raise ValueError("X_val and y_val belong together, and need early_stopping to be True or 'auto'.")
        X_val, y_val = checked_again(stem, X_val), stem._encode_y_val(_check_y(y_val, estimator=stem))
        check_consistent_length(X_val, y_val)
        if sample_weight_val is not None:
            sample_weight_val = _check_sample_weight(sample_weight_val, X_val, dtype=np.float64)
        given = (X_val, y_val, sample_weight_val)
    generator = check_random_state(stem.random_state)
    split_seed, seed = (generator.randint(np.iinfo(np.uint32).max, dtype="u8") for _ in range(2))
    stem._validate_parameters()
    made = Prepared(
        X, y, sample_weight, _n_classes(stem), int(seed % _SEEDS), stem._get_loss(sample_weight=None), given
    )
    stem.do_early_stopping_ = len(X) > 10_000 if stem.early_stopping == "auto" else stem.early_stopping
    if stem.do_early_stopping_:
        made.stopping = Stopping(stem.n_iter_no_change, stem.tol, oldest_counts=True)
        if given is None and stem.validation_fraction is not None:
            _hold_out(made, stem.validation_fraction, split_seed)
    made.categorical = stem._is_categorical_remapped
    order = np.arange(X.shape[1])
    if made.categorical is not None:  # scikit-learn's preprocessor puts these columns first
        order = np.concatenate([order[stem.is_categorical_], order[~stem.is_categorical_]])
    monotonic = _check_monotonic_cst(stem, stem.monotonic_cst)
    made.monotonic = monotonic[order] if monotonic.any() else None
    groups = stem._check_interaction_cst(X.shape[1])
    if groups is not None:
        place = np.argsort(order)
        made.interaction = [sorted(int(place[column]) for column in group) for group in groups]
    return made


def _prepare_gradient(stem: Any, X: Any, y: Any, sample_weight: Any) -> Prepared:
    X, y = validate_data(
        stem, X, y, accept_sparse=["csr", "csc", "coo"], dtype=np.float32, multi_output=True, ensure_all_finite=True
    )
    weights = _check_sample_weight(sample_weight, X)
    y = column_or_1d(stem._encode_y(y=y, sample_weight=None if sample_weight is None else weights), warn=True)
    stem._set_max_features()
    generator = check_random_state(stem.random_state)
    made = Prepared(
        X,
        y,
        None if sample_weight is None else weights,
        _n_classes(stem),
        int(generator.randint(_SEEDS)),
        stem._get_loss(sample_weight=None),
    )
    if stem.n_iter_no_change is not None:
        # Where its losses are halves of what they were before they became those of all classes, it doubles them.
        factor = 2.0 if stem.loss == "squared_error" or made.n_classes == 2 else 1.0
        made.stopping = Stopping(stem.n_iter_no_change, stem.tol, oldest_counts=False, factor=factor)
        _hold_out(made, stem.validation_fraction, stem.random_state)
        if made.n_classes and len(np.unique(made.y)) < made.n_classes:
            raise ValueError(
                "The training data after the early stopping split is missing some classes. Try using another random "
                "seed."
            )
    return made


def _hold_out(made: Prepared, fraction: Any, seed: Any) -> None:
    """Split as scikit-learn does: with the same seed, the same rows."""
    arrays = [made.X, made.y] if made.sample_weight is None else [made.X, made.y, made.sample_weight]
    parts = train_test_split(
        *arrays, test_size=fraction, stratify=made.y if made.n_classes else None, random_state=seed
    )
    made.X, made.y, *weights = parts[::2]
    made.sample_weight = weights[0] if weights else None
    made.validation = (parts[1], parts[3], parts[5] if weights else None)


def _bounded(X: Array) -> Array:
    """Infinity as a very large number, which it is to scikit-learn's trees.

    Some of the libraries refuse it, to others it is the same as the largest number.
    """
    return np.clip(X, -_LARGE, _LARGE) if np.isinf(X).any() else X


def _n_classes(stem: Any) -> int:
    return len(stem.classes_) if is_classifier(stem) else 0


def feature_share(max_features: Any, n_features: int) -> float:
    """Return GradientBoosting's `max_features` as a share of the columns.

    Parameters
    ----------
    max_features : {"sqrt", "log2"}, int or float
        As scikit-learn takes it; not None.
    n_features : int
        The number of columns.

    Returns
    -------
    float
        At least one column.

    Examples
    --------
    >>> feature_share("sqrt", 16), feature_share(4, 16), feature_share(0.5, 16)
    (0.25, 0.25, 0.5)
    """
    named = {"sqrt": np.sqrt, "log2": np.log2}
    if isinstance(max_features, str):
        max_features = max(1, int(named[max_features](n_features)))
    share = max_features / n_features if isinstance(max_features, int) else max_features
    return float(max(share, 1 / n_features))


def checked_again(stem: Any, X: Any) -> Any:
    """Validate X for a prediction as scikit-learn does, and encode its categories as those of the fit.

    Parameters
    ----------
    stem : estimator
        From the fit.
    X : array-like
        The data.

    Returns
    -------
    ndarray or sparse matrix
        As `Prepared.X`.
    """
    if hasattr(stem, "_preprocess_X"):
        return _bounded(stem._preprocess_X(X, reset=False))
    return validate_data(stem, X, dtype=np.float32, order="C", accept_sparse="csr", reset=False)


@dataclass(frozen=True)
class Loss:
    """How a library spells a loss of scikit-learn.

    Parameters
    ----------
    objective : str
        What is minimised.
    metric : str
        What tells its value.
    scale : callable
        From that value to scikit-learn's loss, but for a constant.
    keywords : mapping
        What else the library must be told.
    """

    objective: str
    metric: str
    scale: Callable[[float], float] = float
    keywords: Mapping[str, Any] = field(default_factory=dict)
