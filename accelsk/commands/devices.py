"""``accelsk devices``."""

from __future__ import annotations

import argparse

import accelsk
from accelsk.commands import Answer, add_json

__all__ = ["add_arguments", "run"]

add_arguments = add_json


def run(namespace: argparse.Namespace) -> Answer:
    """List the devices.

    Parameters
    ----------
    namespace : argparse.Namespace
        Not looked at.

    Returns
    -------
    Answer
        A row for each.
    """
    table = accelsk.devices()
    data = [{"device": str(info.device), "name": info.description, "engines": info.engines} for info in table]
    return Answer(table, data)
