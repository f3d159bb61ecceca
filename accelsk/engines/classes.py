"""Classes by their import path: how rows name those of scikit-learn and of the engines."""

from __future__ import annotations

from importlib import import_module

__all__ = ["class_at"]


def class_at(path: str) -> type:
    """Import a class.

    Parameters
    ----------
    path : str
        Its module and name.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ImportError
        If the module is not there, or does not import.
    AttributeError
        If the module has no such name.

    Examples
    --------
    >>> class_at("sklearn.svm.SVC").__name__
    'SVC'
    """
    module, _, name = path.rpartition(".")
    found: type = getattr(import_module(module), name)
    return found
