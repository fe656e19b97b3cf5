"""Server-sent events: bytes cut anywhere in, whole events out (WHATWG HTML §9.2, read 2026-11).

Lines may end in LF, CRLF or CR; comments and fields other than `event` and `data` are dropped. Must not know any
dialect. Next: `follow.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

MAX_EVENT_BYTES = 1 << 20
"""Longest event that is followed. Real ones stay under 200 kB; what is longer passes, but is not read."""

_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")


class Event(msgspec.Struct, frozen=True):
    """One event: its name (empty when it had none) and its data lines joined by LF."""

    event: bytes
    data: bytes


def blocks(text: bytes) -> Iterator[bytes]:
    """Cut whole events apart; each keeps the blank line that ends it, so joined they are `text` again."""
    start = 0
    for match in _BLANK_LINE.finditer(text):
        yield text[start : match.end()]
        start = match.end()
    if start < len(text):
        yield text[start:]


def block_at(text: bytes, start: int) -> bytes:
    """The block of `text` that begins at `start`, with the blank line that ends it when there is one."""
    match = _BLANK_LINE.search(text, start)
    return text[start : match.end()] if match is not None else text[start:]


def event_from_block(block: bytes) -> Event | None:
    """The event that one block holds; `None` for comments and blocks without data."""
    name, data = b"", []
    for line in block.splitlines():
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Event(name, b"\n".join(data)) if data else None


def whole_end(text: bytes, start: int = 0) -> int:
    """Where the last whole event of `text` ends, 0 when none does; looks only behind `start`."""
    lf, crlf, cr = text.rfind(b"\n\n", start), text.rfind(b"\n\r\n", start), text.rfind(b"\r\r", start)
    return max(lf + 2 if lf >= 0 else 0, crlf + 3 if crlf >= 0 else 0, cr + 2 if cr >= 0 else 0)


class Events:
    """Incremental parser. `overlong` counts events over `max_event_bytes`; those are dropped."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.overlong = 0
        self._max_event_bytes = max_event_bytes
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes, in order."""
        seen = max(len(self._rest) - 3, 0)
        text = self._rest + chunk
        end = whole_end(text, seen)
        self._rest = text[end:]
        whole = list(blocks(text[:end]))
        if self._skipping and whole:
            whole, self._skipping = whole[1:], False
        if len(self._rest) > self._max_event_bytes:
            self.overlong += not self._skipping
            self._rest, self._skipping = self._rest[-3:], True
        return [event for block in whole if (event := event_from_block(block)) is not None]
