"""Support vector machines of sklearnex as scikit-learn's own, and back. Imports nothing of sklearnex."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsk.errors import NotPortable

__all__ = ["export_margin", "restore_margin"]


def export_margin(backend: Any, estimator: Any) -> None:
    """Give types and shapes as the compiled code of libsvm takes them without looking.

    Parameters
    ----------
    backend : object
        The fitted backend estimator.
    estimator : estimator
        Of scikit-learn, with the attributes that both have alike; it is changed.

    Raises
    ------
    NotPortable
        If there are no support vectors.
    """
    classes = getattr(estimator, "classes_", None)
    n_vectors = backend.support_vectors_.shape[0]
    if not n_vectors:
        raise NotPortable(
            f"this {type(estimator).__name__} has no support vectors, and then oneDAL knows no intercept either.",
            hint="fit with another epsilon, or with engine='sklearn'.",
            engine="sklearnex",
            estimator=type(estimator).__name__,
        )
    estimator.support_ = estimator.support_.astype(np.int32)
    estimator._sparse = hasattr(backend.support_vectors_, "tocsr")
    estimator._gamma = float(backend._gamma)
    estimator._probA, estimator._probB = np.empty(0), np.empty(0)
    estimator._num_iter = np.array(estimator.n_iter_, dtype=np.int32).reshape(-1)
    if classes is None:
        estimator._n_support = np.full(2, n_vectors, dtype=np.int32)  # one would be read beyond its end
    else:
        estimator._n_support = estimator._n_support.astype(np.int32)
        estimator.class_weight_ = estimator.class_weight_.astype(np.float64)
        estimator.n_iter_ = estimator._num_iter
    if _knows("_effective_probability"):
        estimator._effective_probability = False
    # For two classes libsvm has the other sign.
    two = classes is not None and len(classes) == 2
    dual = backend.dual_coef_.toarray() if estimator._sparse else backend.dual_coef_
    dual = np.array(-dual if two else dual, dtype=np.float64, order="C")
    estimator.intercept_ = np.array(backend.intercept_, dtype=np.float64).reshape(-1)
    if estimator._sparse:
        estimator.support_vectors_ = _csr(backend.support_vectors_)
        dual = _every_entry(dual)
    else:
        estimator.support_vectors_ = np.array(backend.support_vectors_, dtype=np.float64, order="C")
    estimator._dual_coef_, estimator.dual_coef_ = dual, -dual if two else dual
    estimator._intercept_ = -estimator.intercept_ if two else estimator.intercept_.copy()


def _knows(word: str) -> bool:
    """Whether this version of scikit-learn's support vector machines has the attribute."""
    from sklearn.svm._base import BaseLibSVM

    return word in BaseLibSVM.fit.__code__.co_names or word in BaseLibSVM._sparse_fit.__code__.co_names


def _csr(matrix: Any) -> Any:
    """A matrix in the type and with the 32-bit indices of scikit-learn's own."""
    import scipy.sparse as sp

    matrix = sp.csr_matrix(matrix, dtype=np.float64, copy=True)
    matrix.sort_indices()
    return _aligned((matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)), matrix.shape)


def _every_entry(dense: Any) -> Any:
    """A sparse matrix that stores its zeros too: libsvm reads the entries one after the other."""
    n_rows, n_columns = dense.shape
    indices = np.tile(np.arange(n_columns), n_rows)
    indptr = np.arange(n_rows + 1) * float(n_columns)  # as scikit-learn's: of which SciPy chooses the type
    return _aligned((dense.ravel(), indices, indptr), dense.shape)


def _aligned(parts: tuple[Any, Any, Any], shape: tuple[int, int]) -> Any:
    import scipy.sparse as sp

    try:
        from sklearn.utils._sparse import _align_api_if_sparse
    except ImportError:  # before 1.9 it is always a matrix
        return sp.csr_matrix(parts, shape=shape)
    return _align_api_if_sparse(sp.csr_array(parts, shape=shape))


def restore_margin(backend: Any, model: Any) -> None:
    """Build oneDAL's model again, of a regressor.

    Parameters
    ----------
    backend : object
        The backend estimator; it is changed.
    model : estimator
        As `export_margin` made it.
    """
    backend.support_vectors_, backend.dual_coef_ = model.support_vectors_, model.dual_coef_
    backend.intercept_ = model.intercept_
    backend._n_support, backend._gamma, backend._sparse = model._n_support[:1], model._gamma, False
    backend._probA = backend._probB = None
    backend._create_onedal_estimator_from_fitted_attrs()
