"""Tables on terminals of any width: words may be folded, numbers never."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.terminal import Asked, fitted

PRINT = """
from ccproxy_cli.terminal import show, table
made = table("", "Target", "Model", "Calls", "Cost", "Would have cost", right=("Calls", "Cost", "Would have cost"))
made.add_row("anthropic-of-the-team", "text-embedding-3-small", "1,234,567", "$12,345.67 + 2 unpriced", "$99,999.99")
show(made)
"""


def _shown(columns: int, **variables: str) -> str:
    """What a terminal of so many columns gets."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"COLUMNS": str(columns), "TERM": "xterm-256color"} | variables
    with subprocess.Popen([sys.executable, "-c", PRINT], stdout=theirs, env=environment) as printing:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the terminal's other end was closed
            pass
    os.close(ours)
    assert printing.returncode == 0
    return shown.decode()


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_a_number_is_never_folded(columns: int) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", _shown(columns))
    for number in ("1,234,567", "$12,345.67", "unpriced", "$99,999.99"):
        assert number in shown
    if columns >= 80:
        assert max(map(len, shown.splitlines())) <= columns


def test_colours_are_for_terminals_that_want_them() -> None:
    assert "\x1b[" in _shown(80)
    assert "\x1b[3" not in _shown(80, NO_COLOR="1")
    piped = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout
    assert len(piped.stdout.splitlines()) == 2


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=9), st.integers(0, 200))
def test_widths_fit_the_room_or_are_the_least_there_can_be(sizes: list[tuple[int, int]], room: int) -> None:
    columns = [Asked(max(pair), min(pair)) for pair in sizes]
    widths = fitted(columns, room)
    assert all(column.least <= width <= column.natural for width, column in zip(widths, columns, strict=True))
    least, natural = (sum(column[place] for column in columns) for place in (1, 0))
    assert sum(widths) == min(natural, max(least, room))
