"""What is to be measured: the estimator of a script, or of a file that holds a model."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from accelsk.errors import AccelskError
from accelsk.parts import is_estimator, parts, with_parts
from accelsk.pipeline import AcceleratedPipeline
from accelsk.wrapper import Wrapper

__all__ = ["load_subject", "plain"]

_PICKLES = (".pkl", ".pickle", ".joblib")


def load_subject(path: Path, name: str | None = None) -> Any:
    """Return the estimator, not fitted, and without what accelsk has wrapped around it.

    Parameters
    ----------
    path : Path
        A script, which is run; a pickle, which runs what code it holds; or a file of skops, which does not.
    name : str, default=None
        Of the object in a script; the first one with a ``fit`` at module level where it is not given.

    Returns
    -------
    estimator
        Plain, and not fitted.

    Raises
    ------
    AccelskError
        If there is no such file, or no estimator in it.
    """
    if not path.exists():
        raise AccelskError(
            f"there is no file {str(path)!r}.", hint="the estimator comes first, then the data.", path=path
        )
    suffix = path.suffix.lower()
    if name is not None and suffix != ".py":
        raise AccelskError(f"--object {name}: {str(path)!r} is no script, it holds one object.", path=path)
    if suffix == ".py":
        found = _of_script(path, name)
    elif suffix in _PICKLES:
        found = _of_pickle(path)
    elif suffix == ".skops":
        from accelsk.storage import load

        found = load(path, trusted=("sklearn.tree._tree.Tree",))
    else:
        raise AccelskError(
            f"{str(path)!r} is neither a script nor a saved model.",
            hint=f"its name ends in .py, {', '.join(_PICKLES)} or .skops.",
            path=path,
        )
    if not is_estimator(found):
        raise AccelskError(
            f"{str(path)!r} holds a {type(found).__name__}, not an estimator.",
            hint="an estimator is an instance with fit and get_params.",
            path=path,
        )
    return plain(found)


def plain(estimator: Any) -> Any:
    """Return an estimator without what accelsk has wrapped around it or around its parts.

    Parameters
    ----------
    estimator : estimator
        Fitted or not; it is not changed.

    Returns
    -------
    estimator
        Not fitted.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from accelsk import AcceleratedEstimator
    >>> plain(AcceleratedEstimator(SVC(C=2), engine="sklearn"))
    SVC(C=2)
    """
    if isinstance(estimator, AcceleratedPipeline):
        steps = [(name, plain(step) if is_estimator(step) else step) for name, step in estimator.steps]
        return Pipeline(steps, transform_input=estimator.transform_input)
    if isinstance(estimator, Wrapper):
        return plain(estimator._inner)
    if parts(estimator):
        return with_parts(estimator, lambda _, part: plain(part))
    return clone(estimator)


def _of_script(path: Path, name: str | None) -> Any:
    before = sys.path[:]
    if not sys.flags.safe_path:
        sys.path[:1] = [str(path.resolve().parent)]
    try:
        # Under a name of its own: what stands below `if __name__ == "__main__"` is not run.
        values = runpy.run_path(str(path), run_name="__accelsk_bench__")
    except Exception as error:
        raise AccelskError(f"{str(path)!r} could not be run: {type(error).__name__}: {error}", path=path) from error
    finally:
        sys.path[:] = before
    there = [each for each, value in values.items() if not each.startswith("_") and is_estimator(value)]
    if name is not None:
        if name not in values:
            raise AccelskError(
                f"{str(path)!r} has no {name!r} at module level.",
                hint=f"its estimators are {', '.join(there)}." if there else "it has no estimator there.",
                path=path,
            )
        return values[name]
    if not there:
        raise AccelskError(
            f"{str(path)!r} has no estimator at module level.",
            hint="assign it to a name there, outside of functions and of `if __name__ == ...`.",
            path=path,
        )
    return values[there[0]]


def _of_pickle(path: Path) -> Any:
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:
        raise AccelskError(
            f"{str(path)!r} could not be opened: {type(error).__name__}: {error}",
            hint="`accelsk inspect` says what it holds, without running code from it.",
            path=path,
        ) from error
