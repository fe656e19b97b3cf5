"""Reads a source's records in order, from a position on. Damage is a value, never an exception or a wrong record.

Reads while a writer appends: what is not whole yet is read later. Must not delete or mend anything.
Next: `frames.py`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from ccproxy_runtime.frames import HEAD, MAX_RECORD_BYTES, UNUSED, Broken, Frame, next_frame
from ccproxy_runtime.spool_source import Position, segment_path, segments

_WINDOW_BYTES = 1024 * 1024
_WIDE_BYTES = 2 * (HEAD.size + MAX_RECORD_BYTES)
"""Holds any record and the one after it, so what lies at its start is certain."""


class Record(NamedTuple):
    """One whole record; reading goes on at `end`."""

    payload: bytes
    end: Position


class Damage(NamedTuple):
    """Bytes from `start` that are no record (a flipped bit, an unfinished write); reading goes on at `end`."""

    start: Position
    end: Position


def read_from(
    directory: Path, src: str, start: Position, *, stop: Position | None = None
) -> Generator[Record | Damage, None, None]:
    """Every record of the source from `start` (where another one ended) up to `stop` or the present end.

    A start before the oldest segment moves to it. Raises: `OSError`.
    """
    numbers = [index for index in segments(directory, src) if index >= start.segment]
    for index in numbers:
        if stop is not None and stop.segment < index:
            return
        until = stop.offset if stop is not None and stop.segment == index else None
        offset = start.offset if index == start.segment else 0
        with segment_path(directory, src, index).open("rb", buffering=0) as file:
            yield from _records(file.fileno(), Position(index, offset), until, newest=index == numbers[-1])


def _records(handle: int, start: Position, until: int | None, *, newest: bool) -> Iterator[Record | Damage]:
    """Records of one segment. Only the newest segment may end within a record: its writer may be at work."""
    index, offset = start
    size = os.fstat(handle).st_size if until is None else until
    width, looked_again = _WINDOW_BYTES, False
    while offset < size:
        window = os.pread(handle, min(width, size - offset), offset)
        base = offset
        while isinstance(found := next_frame(window, offset - base), Frame):
            offset = base + found.end
            yield Record(found.payload, Position(index, offset))
        if until is None and window.startswith(UNUSED, offset - base):
            return  # a record's head is written last, so what may lie behind was never finished
        if offset > base:
            width, looked_again = _WINDOW_BYTES, False
        elif base + len(window) < size and width < _WIDE_BYTES:
            width = _WIDE_BYTES  # too little was read to judge what lies here
        elif found is None and newest:
            return
        elif newest and until is None and not looked_again:
            looked_again = True  # it may have been written while it was read: now it is whole
        else:
            resume = base + found.end if isinstance(found, Broken) and found.end is not None else size
            offset = resume
            yield Damage(Position(index, base), Position(index, resume))
