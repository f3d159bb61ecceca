"""The command line: ``accelsk COMMAND ...`` and ``python -m accelsk COMMAND ...``.

A command is a module of `accelsk.commands`, imported when it is called, and one line in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import accelsk
from accelsk.commands import Answer, Command
from accelsk.errors import AccelskError, AccelskWarning
from accelsk.tables import render

__all__ = ["COMMANDS", "main"]

#: Name to help; the module of the same name in `accelsk.commands` does the work.
COMMANDS: Mapping[str, str] = {
    "engines": "the engines, which of them are usable here, and what the others need",
    "devices": "the devices that are usable here, and which engines reach each",
    "explain": "what would run for a class and its hyperparameters, and why",
    "run": "run a script with a joblib backend, an engine, a device",
    "inspect": "what a saved model holds, without loading it",
    "calibrate": 'measure this machine, so that engine="auto" knows where its engines pay',
    "doctor": "check this machine and this installation",
    "bench": "your own estimator on your own data, by every engine: times, scores, what to set",
    "demo": "plain scikit-learn beside accelsk on real data",
}

#: Exit codes besides 0, and 1 for what a command says with it.
USAGE, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments; None for those of the process.

    Returns
    -------
    int
        The exit code: 0 for success, 2 for a mistake in the arguments or an error of accelsk, else the command's own.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    accelsk ...
    0
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Without this, Python complains when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _run(arguments: list[str]) -> int:
    # Options of a command need its module, so only the one that is called gets them.
    called = next((argument for argument in arguments if not argument.startswith("-")), "")
    command: Command | None = importlib.import_module(f"accelsk.commands.{called}") if called in COMMANDS else None
    try:
        namespace = _parser(called, command).parse_args(arguments)
        assert command is not None  # argparse has refused everything else
        with _short_warnings():
            answer = command.run(namespace)
            return answer if isinstance(answer, int) else _print(answer, as_json=namespace.json)
    except SystemExit as stop:  # argparse, after --help and --version, and after a mistake
        return stop.code if isinstance(stop.code, int) else 0
    except AccelskError as error:
        sys.stderr.write(f"accelsk {called}: error: {error}\n")
        return USAGE


def _parser(called: str, command: Command | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="accelsk", description=accelsk.__doc__)
    parser.add_argument("--version", action="version", version=f"accelsk {accelsk.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == called and command is not None:
            command.add_arguments(subparser)
    return parser


def _print(answer: Answer, *, as_json: bool) -> int:
    from rich.console import Console

    console = Console(highlight=False)
    if as_json:
        sys.stdout.write(json.dumps(answer.data, indent=2, default=str) + "\n")
    elif console.is_terminal:
        console.print(answer.shown)
    else:
        text = render(answer.shown, width=None) + "\n"
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    return answer.code


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Print the warnings of accelsk as a line for users, without the place in the code."""
    with warnings.catch_warnings():
        print_in_full = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, AccelskWarning):
                sys.stderr.write(f"accelsk: warning: {message}\n")
            else:
                print_in_full(message, category, *rest, **more)

        warnings.simplefilter("default", AccelskWarning)
        warnings.showwarning = show
        yield
