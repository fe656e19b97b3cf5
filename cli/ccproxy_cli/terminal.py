"""How commands speak: results on stdout, remarks on stderr, JSON when asked, colours only on a terminal.

Must not decide anything. Next: `loopback.py`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def say(sentence: str) -> None:
    """A line of the result, on stdout."""
    click.echo(sentence)


def remark(sentence: str) -> None:
    """A line about what is going on, on stderr, so that a pipe only gets the result."""
    click.echo(sentence, err=True)


def print_json(value: object) -> None:
    """The value as indented JSON on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


PIPE_WIDTH = 200
"""Columns for a table that no terminal shows: wide enough that nothing is folded."""


def console() -> Console:
    """A console on stdout; rich turns colours off without a terminal and under NO_COLOR. Text is taken as it is."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without frames. Columns named in `right` are right-aligned."""
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made
