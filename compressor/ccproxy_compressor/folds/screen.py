"""What was written for a terminal: escape sequences, and white space at the ends of lines.

ECMA-48 (5th edition, 1991) names the sequences: CSI (`ESC [` … final byte), OSC (`ESC ]` … BEL or ST), and two-byte
escapes. Must not touch a carriage return: it may be part of a line end. Next: `repeats.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ccproxy_contract.compress import Fold

_ESCAPE: Final = rb"(?:\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>78])"
_ESCAPES: Final = re.compile(_ESCAPE + rb"+")
_AT_LINE_END: Final = re.compile(rb"(?:[ \t]|" + _ESCAPE + rb")+(?=\r?\n|\Z)")


def screen_folds(raw: bytes) -> Iterator[Fold]:
    """Escape sequences anywhere, white space (and sequences among it) at line ends."""
    position = 0
    for found in _AT_LINE_END.finditer(raw):
        yield from _escapes(raw, position, found.start())
        kind: Fold
        if found.group().strip(b" \t"):
            kind = Fold(kind="Ansi", begin=found.start(), end=found.end())
        else:
            kind = Fold(kind="TrailingSpace", begin=found.start(), end=found.end())
        yield kind
        position = found.end()
    yield from _escapes(raw, position, len(raw))


def _escapes(raw: bytes, begin: int, end: int) -> Iterator[Fold]:
    for found in _ESCAPES.finditer(raw, begin, end):
        yield Fold(kind="Ansi", begin=found.start(), end=found.end())
