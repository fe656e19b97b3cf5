"""How commands speak: results on stdout, remarks on stderr, JSON when asked, colours only on a terminal.

Must not decide anything. Next: `loopback.py`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

if TYPE_CHECKING:
    from rich.table import Column, Table


def say(sentence: str) -> None:
    """A line of the result, on stdout."""
    click.echo(sentence)


def remark(sentence: str) -> None:
    """A line about what is going on, on stderr, so that a pipe only gets the result."""
    click.echo(sentence, err=True)


def print_json(value: object) -> None:
    """The value as indented JSON on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


GAP = 2
"""Blank columns between two columns of a table."""
PIPE_WIDTH = 200
"""Columns for a table that no terminal shows: wide enough that nothing is folded."""
MIN_TEXT_WIDTH = 9
"""Columns that a word may be folded down to on a narrow terminal; a number is never folded."""


def show(made: Table) -> None:
    """Print a table on stdout; rich turns colours off without a terminal and under NO_COLOR. Text is taken as it is.

    On a terminal too narrow for its numbers the table keeps their width and the terminal wraps the lines.
    """
    from rich.console import Console

    gaps = GAP * (len(made.columns) - 1)
    room = Console().width if sys.stdout.isatty() else PIPE_WIDTH
    widths = fitted([_asked(column) for column in made.columns], room - gaps)
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    Console(highlight=False, markup=False, emoji=False, width=max(room, sum(widths) + gaps)).print(made)


class Asked(NamedTuple):
    """What one column would like and what it can do with, in characters."""

    natural: int
    least: int


def fitted(columns: list[Asked], room: int) -> list[int]:
    """A width for each column: as it likes while all fit, else the widest gives way first, down to its least."""
    widths = [column.natural for column in columns]
    while sum(widths) > room:
        spare = [width if width > column.least else 0 for width, column in zip(widths, columns, strict=True)]
        if not any(spare):
            break
        widths[spare.index(max(spare))] -= 1
    return widths


def _asked(column: Column) -> Asked:
    cells = [str(cell) for cell in (column.header, *column.cells)]
    natural = max(map(len, cells))
    word = max((len(word) for cell in cells for word in cell.split()), default=1)
    return Asked(natural, word if column.justify == "right" else min(natural, MIN_TEXT_WIDTH))


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without frames. Columns named in `right` are right-aligned."""
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made
