"""scikit-learn's array API dispatch for the length of one call, in one thread, with nothing changed for anybody else.

scikit-learn refuses ``array_api_dispatch=True`` unless the environment variable ``SCIPY_ARRAY_API`` is "1": some of its
functions call SciPy's, which take tensors only where that was set before SciPy was imported. None of what the rows of
this engine compute is among them (``tests/engines/test_array_api.py`` has every row without SciPy's support, and with
it). So without the variable the setting is switched on by a value that scikit-learn's check takes for "off".
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from typing import Any

__all__ = ["Unchecked", "dispatching"]


class Unchecked:
    """True to all of scikit-learn but to the function that checks for ``SCIPY_ARRAY_API``.

    That function is called anew by every function that asks for a namespace; it starts with ``if not
    array_api_dispatch: return``. The alternatives change what other code in this process sees: a patched function, or
    the environment.

    Examples
    --------
    >>> bool(Unchecked())
    True
    """

    def __bool__(self) -> bool:
        from sklearn.utils._array_api import _check_array_api_dispatch

        return sys._getframe(1).f_code is not _check_array_api_dispatch.__code__

    def __repr__(self) -> str:
        return "True"


def dispatching() -> AbstractContextManager[Any]:
    """Return scikit-learn's configuration for a call on tensors: thread-local, and undone at its end.

    Returns
    -------
    context manager
        From `sklearn.config_context`. Results come as tensors whatever ``transform_output`` says.

    Examples
    --------
    >>> import sklearn
    >>> with dispatching():
    ...     print(bool(sklearn.get_config()["array_api_dispatch"]))
    True
    >>> sklearn.get_config()["array_api_dispatch"]
    False
    """
    import sklearn

    setting = True if os.environ.get("SCIPY_ARRAY_API") == "1" else Unchecked()
    context: AbstractContextManager[Any] = sklearn.config_context(
        array_api_dispatch=setting, transform_output="default"
    )
    return context
