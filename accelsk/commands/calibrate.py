"""``accelsk calibrate``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from accelsk.calibration import calibrate, calibration_file
from accelsk.commands import Answer, add_json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.add_argument(
        "--seconds", type=float, default=110.0, help="about how long it may take; the default is %(default)g"
    )
    parser.epilog = f"Leave the machine to itself meanwhile. The result is kept in {calibration_file()}."
    add_json(parser)


def run(namespace: argparse.Namespace) -> Answer:
    """Measure this machine.

    Parameters
    ----------
    namespace : argparse.Namespace
        With `seconds`.

    Returns
    -------
    Answer
        A row for each operation.
    """
    found = calibrate(seconds=namespace.seconds, progress=sys.stderr.isatty())
    return Answer(found, {"file": str(calibration_file()), "measured": [asdict(row) for row in found]})
