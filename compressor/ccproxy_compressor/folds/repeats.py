"""Runs of one and the same line, as logs and progress bars have them: the first stays, the rest is counted.

Must not fold lines that differ, not even in a time stamp: that would not be lossless. Next: `copies.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ccproxy_contract.compress import Fold

LEAST_RUN: Final = 3
"""Lines of one run, the first included; two of a kind cost less than the words that would count them."""


def repeat_folds(raw: bytes) -> Iterator[Fold]:
    """One fold per run: everything after its first line."""
    position = run = second_at = 0
    previous: bytes | None = None
    for line in (*raw.splitlines(keepends=True), b""):
        content = line.rstrip(b"\r\n")
        if previous is not None and line and content == previous:
            run += 1
            second_at = position if run == 2 else second_at
        else:
            if run >= LEAST_RUN:
                yield _fold(raw, second_at, position, lines=run - 1)
            run, previous = 1, content
        position += len(line)


def _fold(raw: bytes, begin: int, end: int, *, lines: int) -> Fold:
    """The line end of the run's last line stays, so that what follows stays where it was."""
    ending = len(raw[begin:end]) - len(raw[begin:end].rstrip(b"\r\n"))
    return Fold(kind="RepeatedLines", begin=begin, end=end - ending, text=f"[{lines} more identical lines]")
