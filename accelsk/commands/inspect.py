"""``accelsk inspect``: what a file holds, without running anything of it."""

from __future__ import annotations

import argparse

from accelsk.commands import Answer, add_json
from accelsk.contents import read_contents

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.add_argument("path", metavar="FILE", help="what pickle, joblib, cloudpickle or skops wrote")
    parser.epilog = "Nothing of the file is run. Exit code 2: it is none of these, or cannot be read to its end."
    add_json(parser)


def run(namespace: argparse.Namespace) -> Answer:
    """Look into the file.

    Parameters
    ----------
    namespace : argparse.Namespace
        The options.

    Returns
    -------
    Answer
        What it holds, and what code it would run.
    """
    contents = read_contents(namespace.path)
    return Answer(contents, contents.to_dict())
