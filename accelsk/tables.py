"""A sequence of records that prints as a table: as text, in rich, in HTML, as Markdown, and as plain data."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

if TYPE_CHECKING:
    import rich.console
    import rich.table

__all__ = ["Column", "Table", "render"]

Record = TypeVar("Record")

#: Columns of text: more than any line has.
_UNBOUNDED = 1_000_000


@dataclass(frozen=True)
class Column:
    """One column of a `Table`.

    Parameters
    ----------
    name : str
        The heading, and the key in plain data.
    cell : callable
        ``cell(record) -> str``.
    style : str or callable, default=""
        A rich style, or ``style(record) -> str``.
    """

    name: str
    cell: Callable[[Any], str]
    style: str | Callable[[Any], str] = ""

    def style_of(self, record: Any) -> str:
        """Return the rich style of one cell.

        Parameters
        ----------
        record : object
            The record of the row.

        Returns
        -------
        str
            A rich style; empty for none.
        """
        return self.style if isinstance(self.style, str) else self.style(record)


class Table(Sequence[Record], Generic[Record]):
    """Records with a table's presentation; subclasses give `title` and `columns`.

    Parameters
    ----------
    records : sequence
        One per row of the table.

    Examples
    --------
    >>> class Squares(Table[int]):
    ...     title = "Squares"
    ...     columns = (Column("n", str), Column("square", lambda n: str(n * n)))
    >>> print(Squares([1, 2]).to_markdown())
    | n | square |
    | --- | --- |
    | 1 | 1 |
    | 2 | 4 |
    """

    title: ClassVar[str] = ""
    columns: ClassVar[tuple[Column, ...]] = ()

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = tuple(records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, index: int | slice) -> Record | tuple[Record, ...]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def cells(self) -> list[list[str]]:
        """Return the text of every cell.

        Returns
        -------
        list of list of str
            Row by row.
        """
        return [[column.cell(record) for column in self.columns] for record in self]

    def to_dict(self) -> list[dict[str, str]]:
        """Return the table as plain data.

        Returns
        -------
        list of dict
            One per row, keyed by column name.
        """
        return [dict(zip((column.name for column in self.columns), row, strict=True)) for row in self.cells()]

    def to_markdown(self) -> str:
        """Return the table in Markdown.

        Returns
        -------
        str
            Lines without a final newline.
        """
        lines = [[column.name for column in self.columns], ["---"] * len(self.columns), *self.cells()]
        return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[rich.table.Table]:
        from rich.text import Text

        on_screen = options.is_terminal or console.is_jupyter
        table = _drawn(self.title) if on_screen else _plain()
        for column in self.columns:
            table.add_column(column.name, overflow="fold")
        for record, cells in zip(self, self.cells(), strict=True):
            styles = (column.style_of(record) for column in self.columns)
            # In a pipe a record is one line, so that grep finds all of it.
            texts = cells if on_screen else (" ".join(cell.split()) for cell in cells)
            table.add_row(*(Text(text, style) for text, style in zip(texts, styles, strict=True)))
        yield table

    def __str__(self) -> str:
        return render(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>\n{self}"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(column.name)}</th>" for column in self.columns)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in self.cells())
        caption = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _drawn(title: str) -> rich.table.Table:
    """The table of a terminal."""
    from rich import box
    from rich.table import Table as RichTable

    return RichTable(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)


def _plain() -> rich.table.Table:
    """The table of a pipe and of `str`: ASCII only, no title, no edges."""
    from rich.box import Box
    from rich.table import Table as RichTable

    rule_below_head = Box("    \n    \n -  \n    \n    \n    \n    \n    \n", ascii=True)
    return RichTable(box=rule_below_head, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))


def render(renderable: Any, width: int | None = 110) -> str:
    """Return what rich would print, as plain text.

    Parameters
    ----------
    renderable : object
        Anything that rich prints.
    width : int, default=110
        Columns of text; None for as many as it takes, so that nothing is wrapped.

    Returns
    -------
    str
        Lines without colour and without trailing blanks.

    Examples
    --------
    >>> render("a sentence", width=5).splitlines()
    ['a', 'sente', 'nce']
    """
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width or _UNBOUNDED,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
