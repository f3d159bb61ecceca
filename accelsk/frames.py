"""Frames of modin: who is given them as they are, and what becomes of them for everybody else.

A frame of modin looks like one of pandas, and its rows lie in other processes. Code that works on frames (a function
in a FunctionTransformer, a transformer of the user's own) can work on it there. All else makes an array of it, or knows
pandas only, and what comes of that is not always right: indices and categories are lost, nullable columns become
objects, and a library may end the process. So all else is given a frame of pandas.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing import parent_process
from numbers import Integral
from typing import Any

from accelsk.errors import EngineNotAvailable, FrameWarning, UnsupportedParameter, did_you_mean
from accelsk.recipients import works_on_frames
from accelsk.residence import Resident

__all__ = ["FRAMES", "MIN_ROWS", "check_frame", "conversion", "is_modin", "local", "taken"]

#: What ``frame=`` takes besides None.
FRAMES = ("modin",)
#: From how many rows on modin may be worth its while.
MIN_ROWS = 3_000_000

TO_MODIN, TO_PANDAS = "pandas to modin", "modin to pandas"


def is_modin(data: Any) -> bool:
    """Say whether something is a frame or a series of modin; modin is not imported for it.

    Parameters
    ----------
    data : object
        Anything.

    Returns
    -------
    bool
        By its class.

    Examples
    --------
    >>> is_modin([1.0])
    False
    """
    return type(data).__module__.startswith("modin.pandas.")


def local(data: Any) -> Any:
    """Return a frame or a series of modin as one of pandas, with the same index, names and dtypes.

    Parameters
    ----------
    data : object
        Anything; what is not of modin is returned as it is. Also a list of frames, and of pairs of such.

    Returns
    -------
    object
        Data in this process.

    Examples
    --------
    >>> local([1.0])
    [1.0]
    """
    if is_modin(data):
        return data.modin.to_pandas()
    if isinstance(data, list | tuple) and data and _holds(data[0]):
        return tuple(map(local, data)) if isinstance(data, tuple) else list(map(local, data))
    return data


def _holds(item: Any) -> bool:
    """Whether the first item of a sequence says that it is made of modin's: ``eval_set`` is a list of pairs."""
    return is_modin(item) or (isinstance(item, list | tuple) and len(item) > 0 and is_modin(item[0]))


def taken(wrapper: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any], str]:
    """Make of the arguments of a call what the wrapped estimator takes.

    Parameters
    ----------
    wrapper : Wrapper
        Who is called.
    args, kwargs : sequence, mapping
        The arguments; the first one, or "X", is X.

    Returns
    -------
    args, kwargs : sequence, mapping
        The same, converted: X as `conversion` says, all else to pandas.
    how : str
        What became of X, for the decision; empty for nothing.
    """
    X = args[0] if args else kwargs.get("X")
    how = conversion(wrapper, X)
    if how:
        X = _converted(X, how)
    if args:
        args = (X, *map(local, args[1:]))
        return args, {name: local(value) for name, value in kwargs.items()}, how
    return args, {name: X if name == "X" else local(value) for name, value in kwargs.items()}, how


def conversion(wrapper: Any, X: Any) -> str:
    """Say what must become of X.

    Parameters
    ----------
    wrapper : Wrapper
        Who is to take it.
    X : object
        The data, or a `Resident` that holds them.

    Returns
    -------
    str
        "modin to pandas", "pandas to modin", or empty for nothing.
    """
    data = X.data if isinstance(X, Resident) else X
    if is_modin(data):
        return "" if works_on_frames(wrapper) else TO_PANDAS
    min_rows = wrapper._modin_from()
    if min_rows is None or not _is_pandas(data) or len(data) < min_rows:
        return ""
    return TO_MODIN if works_on_frames(wrapper) and _obstacle() is None else ""


def _converted(X: Any, how: str) -> Any:
    if isinstance(X, Resident):
        return Resident(_converted(X.data, how))
    if how == TO_PANDAS:
        return local(X)
    modin = importlib.import_module("modin.pandas")  # `check_frame` has seen it import
    with warnings.catch_warnings():
        # "Distributing ... object. This may take some time."
        warnings.filterwarnings("ignore", "Distributing", UserWarning)
        made = modin.DataFrame(X)
    _note_ray()
    return made


def _obstacle() -> tuple[str, str] | None:
    """Say why modin cannot be used in this process, and what to do."""
    ray = sys.modules.get("ray")
    node = ray.get_runtime_context().get_node_id() if ray is not None and ray.is_initialized() else None
    if node is None and parent_process() is not None:
        return "modin would start a ray in this worker process", 'backend="ray" has workers that are connected to one.'
    if _first_node and node not in _first_node:
        return (
            "the ray that modin was used with in this process has been shut down, and it works with no other one",
            "call ray.init() before all else, so that it lasts.",
        )
    return None


def _note_ray() -> None:
    """Note which ray modin works with: it keeps references to objects there, and they are nothing to another one."""
    if not _first_node and importlib.import_module("modin.config").Engine.get() == "Ray":
        _first_node.append(importlib.import_module("ray").get_runtime_context().get_node_id())


_first_node: list[str] = []


def _is_pandas(data: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


# -- what a pipeline was asked for -----------------------------------------------------------------------------------


def check_frame(frame: Any, min_rows: Any, X: Any, steps: Sequence[Any], *, cached: bool) -> None:
    """Check what a pipeline was asked for at a fit, and warn where pandas stays.

    Parameters
    ----------
    frame, min_rows : object
        The parameters ``frame`` and ``frame_min_rows``.
    X : object
        The data.
    steps : sequence
        The steps, prepared for the fit.
    cached : bool
        Whether the pipeline has a ``memory``.

    Raises
    ------
    UnsupportedParameter
        If one is not what the parameter takes.
    EngineNotAvailable
        If modin is not there.
    """
    from accelsk.wrapper import outside

    if frame is not None and frame not in FRAMES:
        raise UnsupportedParameter(
            f"frame={frame!r} is neither None nor {' or '.join(map(repr, FRAMES))}.{did_you_mean(frame, FRAMES)}",
            hint="frame=None leaves X what it is.",
            parameter="frame",
            value=repr(frame),
        )
    if isinstance(min_rows, bool) or not isinstance(min_rows, Integral) or min_rows < 0:
        raise UnsupportedParameter(
            f"frame_min_rows={min_rows!r} is not a number of rows.",
            hint=f"write a whole number that is not negative, such as {MIN_ROWS:_}.",
            parameter="frame_min_rows",
            value=repr(min_rows),
        )
    if frame is None:
        return
    _import_modin()
    X = X.data if isinstance(X, Resident) else X
    if is_modin(X) and not cached:
        return
    why = _why_not(min_rows, X, steps, cached=cached)
    if why:
        text, hint = why
        told = f"frame={frame!r} changes nothing here: {text}."
        warnings.warn(FrameWarning(told, hint=hint, parameter="frame", value=frame), stacklevel=outside())


def _why_not(min_rows: Any, X: Any, steps: Sequence[Any], *, cached: bool) -> tuple[str, str] | None:
    if cached:
        return "memory= caches by value, and a frame of modin only refers to values", "drop memory= or frame=."
    if not any(step._modin_from() is not None and works_on_frames(step) for step in steps if hasattr(step, "_inner")):
        return (
            "no step works on frames: all of them make an array of X, and for that pandas is faster",
            "what works on frames is a FunctionTransformer or a transformer of your own, without set_output.",
        )
    if not _is_pandas(X):
        return f"X is no frame of pandas, but of type {type(X).__name__}", "give X as a frame, or drop frame=."
    if len(X) < min_rows:
        return (
            f"X has {len(X):,} rows, and below {min_rows:,} (frame_min_rows) pandas is faster",
            "drop frame=, or lower frame_min_rows where you have measured otherwise.",
        )
    return _obstacle()


def _import_modin() -> None:
    try:
        importlib.import_module("modin.pandas")
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "modin"
        raise EngineNotAvailable(
            f"frame='modin' needs modin, which {'is not installed' if missing else f'cannot be imported: {error}'}.",
            hint='pip install "accelsk[modin]"',
            parameter="frame",
            value="modin",
        ) from error
