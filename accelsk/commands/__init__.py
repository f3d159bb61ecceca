"""The commands of the command line, a module each: ``add_arguments(parser)`` and ``run(namespace)``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Answer", "Command", "add_json"]


@dataclass(frozen=True)
class Answer:
    """What a command found.

    Parameters
    ----------
    shown : rich renderable
        For people.
    data : object
        The same for ``--json``.
    code : int, default=0
        The exit code.
    """

    shown: Any
    data: Any
    code: int = 0


class Command(Protocol):
    """The face of a module of this package."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the command.

        Parameters
        ----------
        parser : argparse.ArgumentParser
            The parser of the command.
        """

    def run(self, namespace: argparse.Namespace) -> Answer | int:
        """Do it.

        Parameters
        ----------
        namespace : argparse.Namespace
            The options.

        Returns
        -------
        Answer or int
            What is to be printed; or the exit code, where the command has printed all itself.
        """


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``, for a command that returns an `Answer`.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.add_argument("--json", action="store_true", help="print JSON, for a program to read")
