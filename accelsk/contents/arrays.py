"""What joblib says of an array whose bytes follow."""

from __future__ import annotations

import re
from typing import Any

from accelsk.contents.notes import Made, Name

__all__ = ["is_array", "item_size"]

_WRAPPER = re.compile(r"(\w+\.)*joblib\.numpy_pickle\.NumpyArrayWrapper")
_DTYPE = re.compile(r"([biufcSUVmMO])(\d{1,18})")


def is_array(name: Name | None) -> bool:
    """Tell whether a class stands for an array in files of joblib.

    Parameters
    ----------
    name : Name or None
        The class; None for what is none.

    Returns
    -------
    bool
        Whether the bytes of an array follow on its state.
    """
    return name is not None and _WRAPPER.fullmatch(str(name)) is not None


def item_size(dtype: Any) -> int | None:
    """Return the size of the items of an array.

    Parameters
    ----------
    dtype : object
        The note of a NumPy dtype.

    Returns
    -------
    int or None
        Bytes; None for objects, which are pickled instead.

    Raises
    ------
    ValueError
        If that is not known for certain.
    """
    args, states = (
        (dtype.args, dtype.states) if isinstance(dtype, Made) and str(dtype.maker) == "numpy.dtype" else ((), ())
    )
    code = _DTYPE.fullmatch(args[0]) if isinstance(args, tuple) and args and isinstance(args[0], str) else None
    state = states[0] if len(states) == 1 else ()
    if code is None or not isinstance(state, tuple) or len(state) < 8 or not {type(state[5]), type(state[7])} <= {int}:
        raise ValueError("an array has items of an unknown type")
    if code[1] == "O" or state[7] & 1:
        return None
    return state[5] if code[1] in "SUV" and state[5] >= 0 else int(code[2]) * (4 if code[1] == "U" else 1)
