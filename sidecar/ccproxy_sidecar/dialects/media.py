"""How many bytes of a body are images, documents, audio, signatures: carried as base64, never seen as text.

Works on raw bytes, so that a body of megabytes costs a few searches. Must not decode. Next: `foreign.py`.
"""

from __future__ import annotations

_MIN_BYTES = 256
"""Shorter values are left in: they cost nothing and may be words."""


def media_bytes(body: bytes, carriers: tuple[bytes, ...]) -> int:
    """Bytes of long base64 values in the members `carriers` (quoted names) of `body`.

    Never counts text: that has spaces, escapes or letters outside ASCII.
    """
    return sum(_carried_bytes(body, key) for key in carriers)


def _carried_bytes(body: bytes, key: bytes) -> int:
    total, at = 0, body.find(key)
    while at >= 0:
        start = _value_start(body, at + len(key))
        end = body.find(b'"', start) if start else -1
        if end - start >= _MIN_BYTES and _is_base64(body[start:end]):
            total += end - start
        at = body.find(key, max(at + len(key), end))
    return total


def _value_start(body: bytes, at: int) -> int:
    """Index behind the opening quote of the string value that follows a key; 0 when something else follows."""
    between = body[at : at + 8].partition(b'"')
    return at + len(between[0]) + 1 if between[1] and between[0].strip() == b":" else 0


def _is_base64(value: bytes) -> bool:
    return value.isascii() and b" " not in value and b"\\" not in value
