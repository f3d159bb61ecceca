"""``accelsk demo``: the demonstration lives in `accelsk.demo`; this hands over to it."""

from __future__ import annotations

import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the demonstration.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    from accelsk.demo.run import add_arguments as add

    add(parser)


def run(namespace: argparse.Namespace) -> int:
    """Run the demonstration, which prints as it goes.

    Parameters
    ----------
    namespace : argparse.Namespace
        Its options.

    Returns
    -------
    int
        The exit code.
    """
    from accelsk.demo.run import main

    return main(namespace)
