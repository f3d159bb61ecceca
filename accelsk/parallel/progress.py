"""What is shown while several models are fitted: one line for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from joblib.parallel import get_active_backend

from accelsk.errors import UnsupportedParameter

if TYPE_CHECKING:
    import rich.console

    from accelsk.parallel.fits import Outcome

__all__ = ["Tell", "shown"]

#: ``tell(outcome)``: a fit has ended.
Tell = Callable[["Outcome"], None]


@contextmanager
def shown(progress: Any, names: Sequence[str]) -> Iterator[Tell]:
    """Show one line per model while the block runs.

    Parameters
    ----------
    progress : {"auto", True, False} or rich.console.Console
        Where: "auto" is the standard error where it is a terminal.
    names : sequence of str
        What the models are called.

    Yields
    ------
    callable
        ``tell(outcome)``.
    """
    console = _console(progress)
    if console is None:
        yield lambda outcome: None
        return
    with _lines(console) as lines:
        tasks = [lines.add_task("", total=1, name=name, text="", seconds=None, failed=False) for name in names]
        whole = lines.add_task("", total=len(names), name="", text="", seconds=None, failed=False)
        ended = {True: 0, False: 0}

        def tell(outcome: Outcome) -> None:
            failed = outcome.failure is not None
            ended[failed] += 1
            lines.update(
                tasks[outcome.number], completed=1, text=outcome.text(), seconds=outcome.seconds, failed=failed
            )
            told = f"{ended[False]} of {len(names)} fitted" + (f", {ended[True]} failed" if ended[True] else "")
            lines.update(whole, advance=1, text=told)

        yield tell


def _console(progress: Any) -> rich.console.Console | None:
    """Return where to show it; rich is imported only where it may be needed."""
    if progress is False or (progress == "auto" and not _may_show()):
        return None
    from rich.console import Console

    if isinstance(progress, Console):
        return progress
    if progress is not True and progress != "auto":
        raise UnsupportedParameter(
            f"progress={progress!r} is not supported.",
            hint='use "auto", True, False, or a rich.console.Console.',
            parameter="progress",
            value=repr(progress),
        )
    console = Console(stderr=True)
    return console if progress is True or console.is_terminal or console.is_jupyter else None


def _may_show() -> bool:
    if current_process().name != "MainProcess" or current_thread() is not main_thread():
        return False  # in a worker, among others, which have the same terminal
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal or "IPython" in sys.modules


def _lines(console: rich.console.Console) -> Any:
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task
    from rich.table import Column
    from rich.text import Text

    class Field(ProgressColumn):
        """A fact of a model as it is: names and messages are no markup."""

        def __init__(self, text: Callable[[Task], str], style: Callable[[Task], str], **column: Any) -> None:
            self._text, self._style = text, style
            super().__init__(Column(**column))

        def render(self, task: Task) -> Text:
            return Text(self._text(task), self._style(task), no_wrap=True, overflow="ellipsis")

    # What others print appears above the lines, which a thread keeps fresh. Not where results come all at once: such
    # backends fork, which no other thread should be there for, and a child must not print through rich.
    streams = get_active_backend()[0].supports_return_generator
    return Progress(
        SpinnerColumn(finished_text=" "),
        Field(lambda task: task.fields["name"], lambda task: "bold", no_wrap=True),
        Field(lambda task: task.fields["text"], _colour),  # where the line is too short, this gives way
        Field(_duration, lambda task: "dim", no_wrap=True, justify="right"),
        console=console,
        auto_refresh=streams,
        redirect_stdout=streams,
        redirect_stderr=streams,
    )


def _colour(task: Any) -> str:
    return "red" if task.fields["failed"] else "green"


def _duration(task: Any) -> str:
    """How long the fit took; of the last line, how long all of it has taken."""
    seconds = task.fields["seconds"]
    if seconds is None and not task.fields["name"]:
        seconds = task.elapsed
    return "" if seconds is None else f"{seconds:.2f} s"
