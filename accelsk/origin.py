"""Where a class comes from: the path by which users import it, and the engine whose library it is a part of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from accelsk.engines import get, names, reference

__all__ = ["home_of", "public_name"]


def public_name(cls: type) -> str:
    """Return the path by which users import a class: its module without the private parts.

    Parameters
    ----------
    cls : type
        A class.

    Returns
    -------
    str
        ``"sklearn.svm.SVC"`` for the class that is defined in ``sklearn.svm._classes``.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> public_name(SVC)
    'sklearn.svm.SVC'
    """
    asked: Any = cls
    return _public_name(asked)


@lru_cache(maxsize=4096)
def _public_name(cls: Any) -> str:
    public = []
    for part in cls.__module__.split("."):
        if part.startswith("_"):
            break
        public.append(part)
    return ".".join((*public, cls.__qualname__))


def home_of(cls: type) -> str | None:
    """Return the engine whose library a class is from, and that computes it whatever engine is asked for.

    Parameters
    ----------
    cls : type
        A class.

    Returns
    -------
    str or None
        The engine's name; None for classes of scikit-learn and of libraries that are no engine.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> home_of(SVC) is None
    True
    """
    package = cls.__module__.partition(".")[0]
    if package == reference().imports:
        return None
    for name in names():
        if package in get(name).natives and get(name).row(public_name(cls)) is not None:
            return name
    return None
