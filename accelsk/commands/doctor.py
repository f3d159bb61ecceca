"""``accelsk doctor``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from accelsk.commands import Answer, add_json
from accelsk.doctor import examine

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.epilog = "Exit code 0: all that is installed works. 1: something that is installed is broken."
    add_json(parser)


def run(namespace: argparse.Namespace) -> Answer:
    """Examine the machine and the installation.

    Parameters
    ----------
    namespace : argparse.Namespace
        Not looked at.

    Returns
    -------
    Answer
        A row for each finding.
    """
    findings = examine()
    return Answer(
        findings,
        {"healthy": findings.healthy, "findings": [asdict(finding) for finding in findings]},
        0 if findings.healthy else 1,
    )
