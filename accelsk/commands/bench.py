"""``accelsk bench``: a user's own estimator on a user's own data, computed in every way that there is here."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelsk.commands import Answer, add_json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.epilog = (
        "A script is run, and opening a pickle runs what code it holds: give none that you do not trust. Exit code 2: "
        "the data cannot be read, or the estimator cannot be fitted to them."
    )
    parser.add_argument(
        "subject", metavar="ESTIMATOR", type=Path,
        help="a script (.py) that has the estimator at module level, or a model in a file (.pkl, .joblib, .skops)",
    )  # fmt: skip
    parser.add_argument(
        "data", metavar="DATA", type=Path, help="a table or arrays: .parquet, .feather, .csv, .npz, .npy, .libsvm"
    )
    parser.add_argument("--object", metavar="NAME", help="of the estimator in the script (default: the first one)")
    parser.add_argument(
        "--target", metavar="COLUMN", help="name or number (default: the last column; y of an npz)"
    )  # fmt: skip
    parser.add_argument("--rows", type=_positive, metavar="N", help="at most N rows, drawn at random")
    parser.add_argument(
        "--engine", dest="engines", action="append", default=[], metavar="NAME",
        help='"auto" or a name (repeatable; default: "auto", and every engine that is usable here)',
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=float, default=2.0, metavar="S",
        help="for the rounds of each operation (default: 2); a longer one gets one round",
    )  # fmt: skip
    add_json(parser)


def run(namespace: argparse.Namespace) -> Answer:
    """Measure it.

    Parameters
    ----------
    namespace : argparse.Namespace
        The options.

    Returns
    -------
    Answer
        A line for each way to compute it; the engines that cannot, with the reason; and what to set.
    """
    from rich.console import Group
    from rich.text import Text
    from sklearn.base import is_classifier, is_regressor
    from sklearn.utils import get_tags

    from accelsk.bench.measure import measured
    from accelsk.bench.report import RefusedTable, advice, plain_data, refused, table
    from accelsk.bench.samples import read_samples
    from accelsk.bench.subject import load_subject

    estimator = load_subject(namespace.subject, namespace.object)
    samples = read_samples(
        namespace.data,
        target=namespace.target,
        # A pipeline tells what its last step is, and not that this needs a target.
        supervised=get_tags(estimator).target_tags.required or is_classifier(estimator) or is_regressor(estimator),
        classes=is_classifier(estimator),
        rows=namespace.rows,
    )
    busy = _load()
    with _progress() as tell:
        found = measured(estimator, samples, engines=namespace.engines, seconds=namespace.seconds, tell=tell)
    about = (
        f"{' '.join(repr(estimator).split())}\n{samples.X.shape[0]:,} rows x {samples.X.shape[1]:,} columns"
        f"{f', target {samples.target}' if samples.target else ''}; fit on {samples.X_train.shape[0]:,} rows, score on "
        f"the other {samples.X_test.shape[0]:,}. Milliseconds: median [quartiles], times as fast as plain.\n"
    )
    shown: list[Any] = [Text(about), table(found)]
    if refused(found):
        shown += [Text(), RefusedTable(refused(found))]
    shown += [Text(), *map(Text, advice(found))]
    if busy:
        shown.append(
            Text(f"Other processes used this machine before (load {busy:.1f}): small differences mean nothing.")
        )
    data = {
        "rows": samples.X.shape[0],
        "columns": samples.X.shape[1],
        "target": samples.target,
        "load": busy,
        **plain_data(found),
    }
    return Answer(Group(*shown), data)


def _positive(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def _load() -> float:
    """How many processes wanted a core in the last minute; 0 where fewer than one did, or nobody counts them."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load if load >= 1 else 0.0


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Tell on standard error what is being done, where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda text: status.update(f"{text} ...")
