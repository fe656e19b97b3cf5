"""A segment that stands in the conversation already: only the first copy is sent.

Compared byte by byte by way of a hash; a near copy is not a copy. Must not look ahead: what a later segment holds does
not change an earlier answer. Next: `segments.py`.
"""

from __future__ import annotations

import hashlib
from typing import Final

from ccproxy_contract.compress import Fold, Segment

LEAST_BYTES: Final = 256
"""A shorter segment is not worth a reference."""


class Copies:
    """What was seen so far of one conversation."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}

    def fold(self, segment: Segment, raw: bytes) -> Fold | None:
        """The fold of a copy; None for the first of its kind, which is remembered."""
        if len(raw) < LEAST_BYTES:
            return None
        first = self._first.setdefault(hashlib.sha256(raw).digest(), segment.id)
        if first == segment.id:
            return None
        text = f"[identical to an earlier {_name(segment)}, shown there in full]"
        return Fold(kind="Duplicate", begin=0, end=len(raw), text=text, copy_of=first)


def _name(segment: Segment) -> str:
    return "tool result" if segment.kind == "ToolResult" else "part of this conversation"
