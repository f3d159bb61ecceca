"""A function of scikit-learn that looks up what it calls in another place, and the original left alone."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

__all__ = ["moved"]


def moved(function: Any, module: ModuleType) -> Any:
    """Return the same function, which looks up names in another module.

    Parameters
    ----------
    function : function
        Not a decorated one.
    module : module
        With every name that it uses.

    Returns
    -------
    function
        A new one.
    """
    made = FunctionType(
        function.__code__, module.__dict__, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update({name: value for name, value in vars(function).items() if name != "__wrapped__"})
    return made
