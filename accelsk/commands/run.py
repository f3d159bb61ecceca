"""``accelsk run``: a script or a module, as Python runs it, with a joblib backend, an engine and a device around it."""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from accelsk.config import config_context, set_config
from accelsk.engines import get
from accelsk.errors import AccelskError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.usage = "accelsk run [options] SCRIPT [ARGUMENT ...]\n       accelsk run [options] -m MODULE [ARGUMENT ...]"
    parser.add_argument("--backend", help='joblib backend: "loky", "threading", "ray", "dask", "spark", ...')
    parser.add_argument("--n-jobs", type=_jobs, metavar="N", help="outer workers (default: one per core)")
    parser.add_argument(
        "--inner-n-jobs", type=_inner, metavar="{auto,N}", help="threads in each worker (default: the cores, shared)"
    )
    parser.add_argument("--engine", type=_names, help='"auto", a name, or names with commas, the preferred one first')
    parser.add_argument("--device", help='"auto", "cpu", "gpu", "gpu:1", "level_zero:gpu", ...')
    parser.add_argument("-m", dest="is_module", action="store_true", help="SCRIPT is the name of a module")
    parser.add_argument("script", metavar="SCRIPT", help="a file; what follows it is the script's own")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(namespace: argparse.Namespace) -> int:
    """Run the script.

    Parameters
    ----------
    namespace : argparse.Namespace
        The options.

    Returns
    -------
    int
        The exit code that Python would have ended with.

    Raises
    ------
    AccelskError
        If there is no such script or module, or an option has a value that accelsk does not know.
    """
    target: str = namespace.script
    check = _check_module if namespace.is_module else _check_file
    with _as_main(target, namespace.arguments, is_module=namespace.is_module):
        check(target)
        with ExitStack() as around:
            for context in _contexts(namespace):
                around.enter_context(context)
            return _exit_code(target, is_module=namespace.is_module)


# -- what is asked ---------------------------------------------------------------------------------------------------


def _jobs(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers or threads")
    return number


def _inner(text: str) -> int | str:
    return text if text == "auto" else _jobs(text)


def _names(text: str) -> str | tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return names[0] if len(names) == 1 else names


def _check_file(path: str) -> None:
    if not Path(path).exists():
        raise AccelskError(
            f"there is no script {path!r}.",
            hint="options of accelsk come before the script; -m takes the name of a module.",
            path=path,
        )


def _check_module(name: str) -> None:
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise  # a package on the way to it does not import
        found = None
    except ValueError:  # "a..b"
        found = None
    if found is None:
        raise AccelskError(f"there is no module {name!r}.", hint="without -m, a file is run.", module=name)


# -- around the script -----------------------------------------------------------------------------------------------


def _contexts(namespace: argparse.Namespace) -> Iterator[AbstractContextManager[Any]]:
    defaults = {name: getattr(namespace, name) for name in ("engine", "device") if getattr(namespace, name)}
    if isinstance(namespace.engine, str) and namespace.engine != "auto":
        get(namespace.engine)  # an unknown one is said now, rather than at the first fit of a long script
    if defaults:
        set_config(**defaults)  # for the threads of the script,
        yield config_context(**defaults)  # and for the workers: what is sent there takes the block with it
    asked = {name: getattr(namespace, name) for name in ("backend", "n_jobs", "inner_n_jobs")}
    given = {name: value for name, value in asked.items() if value is not None}
    if given:
        from accelsk.parallel import parallel_config

        yield parallel_config(**given)


@contextmanager
def _as_main(target: str, arguments: Sequence[str], *, is_module: bool) -> Iterator[None]:
    """What Python sets up for a script: its arguments, and where its imports are looked for first."""
    argv, path = sys.argv[:], sys.path[:]
    sys.argv[:] = ["-m" if is_module else target, *arguments]
    if not sys.flags.safe_path:
        sys.path[:1] = [str(Path.cwd()) if is_module else str(Path(target).resolve().parent)]
    try:
        yield
    finally:
        sys.argv[:], sys.path[:] = argv, path


def _exit_code(target: str, *, is_module: bool) -> int:
    """Run it, and end as Python does: with the code of ``sys.exit``, or with 1 and a traceback of the script's own."""
    try:
        if is_module:
            runpy.run_module(target, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(target, run_name="__main__")
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        sys.stderr.write(f"{stop.code}\n")
        return 1
    except Exception as error:  # noqa: BLE001  whatever ends the script
        error.__traceback__ = _of_the_script(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _of_the_script(trace: TracebackType | None) -> TracebackType | None:
    """Leave out what called the script: this module, and runpy, which has no file where it is frozen."""
    rest = trace
    while rest is not None and rest.tb_frame.f_globals.get("__name__") in (__name__, "runpy"):
        rest = rest.tb_next
    return rest
