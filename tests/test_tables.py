"""A table prints as text, in rich, in HTML and in Markdown, and is plain data."""

import io
import pickle
from html.parser import HTMLParser

import pytest
from rich.console import Console

from accelsk.tables import Column, Table, render


class Squares(Table):
    title = "Squares"
    columns = (
        Column("n", str, "bold"),
        Column("square", lambda n: str(n * n), lambda n: "red" if n > 1 else ""),
    )


class Texts(Table):
    columns = (Column("text", str), Column("length", lambda text: str(len(text))))


def test_a_table_is_a_sequence_of_its_records():
    table = Squares([1, 2, 3])

    assert (len(table), table[0], table[1:], list(table)) == (3, 1, (2, 3), [1, 2, 3])


def test_as_text_it_is_ascii_columns_under_a_rule():
    assert str(Squares([1, 20])).splitlines() == ["n   square", "--- ------", "1   1", "20  400"]


def test_as_plain_data():
    assert Squares([2]).to_dict() == [{"n": "2", "square": "4"}]


def test_as_markdown_a_bar_is_escaped():
    assert Texts(["a|b"]).to_markdown().splitlines()[-1] == r"| a\|b | 3 |"


def test_as_html_everything_is_escaped():
    seen = []
    parser = HTMLParser()
    parser.handle_data = seen.append
    parser.feed(Texts(["<script>&"])._repr_html_())

    assert seen == ["text", "length", "<script>&", "9"]


def test_an_empty_table_is_its_heading():
    assert str(Squares([])).splitlines()[0].split() == ["n", "square"]
    assert Squares([]).to_dict() == []


def test_a_terminal_gets_a_title_and_the_styles_of_each_cell():
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=40)
    console.print(Squares([1, 2]))

    out = console.file.getvalue()
    assert "Squares" in out
    assert "\x1b[31m4" in out
    assert "\x1b[31m1" not in out


@pytest.mark.parametrize("width", [20, 40])
def test_a_terminal_loses_no_text(width):
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    console.print(Texts(["abcdefghij" * 10]))

    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "".join(lines).count("j") == 10


def test_without_a_width_a_record_is_one_line():
    lines = render(Texts(["word " * 200, "two\nlines"]), width=None).splitlines()

    assert len(lines) == 4
    assert lines[-1].split() == ["two", "lines", "9"]


def test_rendering_ignores_the_terminal_it_runs_in(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "5")

    assert render(Squares([1])).splitlines() == ["n  square", "-- ------", "1  1"]


def test_it_is_told_apart_in_a_prompt_and_survives_pickle():
    table = pickle.loads(pickle.dumps(Squares([1])))

    assert repr(table).startswith("<Squares of 1>\nn")
