"""``accelsk engines``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import accelsk
from accelsk.commands import Answer, add_json

__all__ = ["add_arguments", "run"]

add_arguments = add_json


def run(namespace: argparse.Namespace) -> Answer:
    """List the engines.

    Parameters
    ----------
    namespace : argparse.Namespace
        Not looked at.

    Returns
    -------
    Answer
        A row for each.
    """
    table = accelsk.engines()
    return Answer(table, [asdict(info) for info in table])
