"""save() and load(): a portable model in a file that is opened without running code from it."""

from __future__ import annotations

import importlib
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsk.errors import AccelskError, UntrustedModel
from accelsk.export import to_sklearn

__all__ = ["load", "save"]

#: Types in a fitted search that skops does not know: what they hold is looked at as well.
_HARMLESS = (
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    *(
        f"sklearn.model_selection._split.{name}"
        for name in ("KFold", "GroupKFold", "StratifiedKFold", "StratifiedGroupKFold", "ShuffleSplit")
    ),
)


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file, as scikit-learn's own model and in skops' format.

    A pickle runs code when it is opened; such a file names classes and holds data, and `load` builds none but those
    that are known to be harmless or that are named by who loads it.

    Parameters
    ----------
    estimator : estimator
        Fitted; anything that `to_sklearn` takes.
    path : str or path-like
        The file. It is replaced once all of it has been written; by convention it ends in ``.skops``.

    Raises
    ------
    NotPortable
        If a model inside cannot be made scikit-learn's own.
    ImportError
        If skops is not installed.

    See Also
    --------
    load : Read it.
    to_sklearn : What is written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from accelsk import AcceleratedEstimator, load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.skops")
    >>> save(AcceleratedEstimator(LogisticRegression(C=2)).fit(X, y), path)
    >>> load(path)
    LogisticRegression(C=2)
    """
    skops = _skops()
    model = to_sklearn(estimator)
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        skops.dump(model, name)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # a temporary file is for its owner alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str], *, trusted: Sequence[str] = ()) -> Any:
    """Read a model that `save`, or skops, wrote; nothing is built that is not trusted.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of str, default=()
        Names of types that may be built besides those that skops knows to be harmless, ``"mypackage.MyTransformer"``.
        Look at each: building it runs its code. Forests need ``"sklearn.tree._tree.Tree"``: it runs nothing from the
        file, but trees that were forged can make the process crash.

    Returns
    -------
    estimator
        Of scikit-learn, fitted.

    Raises
    ------
    UntrustedModel
        If the file holds other types; they are its attribute ``untrusted``.
    AccelskError
        If the file is not in this format.
    ImportError
        If skops is not installed.

    See Also
    --------
    save : Write it.
    """
    skops = _skops()
    with Path(path).open("rb") as file:
        known = zipfile.is_zipfile(file) and "schema.json" in zipfile.ZipFile(file).namelist()
    if not known:
        raise AccelskError(
            f"{os.fspath(path)!r} is not in skops' format.",
            hint="`accelsk inspect` says what it is, without running code from it as opening a pickle does.",
        )
    trusted = (*_HARMLESS, *trusted)
    untrusted = tuple(name for name in skops.get_untrusted_types(file=path) if name not in trusted)
    if untrusted:
        raise UntrustedModel(
            f"{os.fspath(path)!r} holds types that are not known to be harmless: {', '.join(untrusted)}.",
            hint=f"if you know them, load(path, trusted={[*trusted[len(_HARMLESS) :], *untrusted]!r}).",
            untrusted=untrusted,
        )
    return skops.load(path, trusted=list(trusted))


def _skops() -> Any:
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        raise ImportError(
            "skops, which reads and writes these files, is not installed: pip install accelsk[skops]"
        ) from error
