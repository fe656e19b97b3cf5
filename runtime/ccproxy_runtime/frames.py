"""How one record lies in a spool segment: length, CRC, payload. Bytes in, bytes out.

A record is whole or not there: the CRC covers length and payload, so neither a cut nor a flipped bit reads as another
record. Must not do I/O. Next: `atomic.py`.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple
from zlib import crc32

MAX_RECORD_BYTES = 4 * 1024 * 1024
HEAD = Struct("<II")
_LENGTH = Struct("<I")
UNUSED = bytes(HEAD.size)
"""Where a head would be: nothing was written from here on."""


class Frame(NamedTuple):
    """A whole record; the next one begins at `end`."""

    payload: bytes
    end: int


class Broken(NamedTuple):
    """Bytes at `start` that are no record. `end`: where a whole record or unused room follows, None when none does."""

    start: int
    end: int | None


def head_for(payload: bytes) -> bytes:
    """What goes before `payload`. Raises: `ValueError` for an empty one or one over `MAX_RECORD_BYTES`."""
    length = len(payload)
    if not 0 < length <= MAX_RECORD_BYTES:
        raise ValueError(f"a record of {length} bytes; 1 to {MAX_RECORD_BYTES} fit")
    return HEAD.pack(length, crc32(payload, crc32(_LENGTH.pack(length))))


def framed(payload: bytes) -> bytes:
    """`payload` as it is written. Raises: `ValueError` for an empty one or one over `MAX_RECORD_BYTES`."""
    return head_for(payload) + payload


def next_frame(buffer: bytes, start: int) -> Frame | Broken | None:
    """What lies at `start` of `buffer`: a record, something broken, or None when it goes on past the buffer's end."""
    if len(buffer) - start < HEAD.size:
        return None
    length, expected = HEAD.unpack_from(buffer, start)
    if not 0 < length <= MAX_RECORD_BYTES:
        return Broken(start, None)
    end = start + HEAD.size + length
    if end > len(buffer):
        return None
    payload = buffer[start + HEAD.size : end]
    if crc32(payload, crc32(buffer[start : start + _LENGTH.size])) == expected:
        return Frame(payload, end)
    return Broken(start, end if _whole_at(buffer, end) or buffer[end : end + HEAD.size] == UNUSED else None)


def _whole_at(buffer: bytes, start: int) -> bool:
    if len(buffer) - start <= HEAD.size:
        return False
    length, expected = HEAD.unpack_from(buffer, start)
    payload = buffer[start + HEAD.size : start + HEAD.size + length]
    return bool(len(payload) == length > 0) and crc32(payload, crc32(buffer[start : start + _LENGTH.size])) == expected
