"""The attempts of one source that were opened and not settled, so that a kill leaves none without an end.

The shipper follows them to carry their `open` events over when it deletes segments; recovery reads them back.
Must not hold settled ones. Next: `recovery.py`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ccproxy_contract.events import Kind
from ccproxy_runtime.atomic import atomic_write
from ccproxy_runtime.frames import Frame, framed, next_frame


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """What handing an event over needs to know of it; the rest stays bytes."""

    src: str
    seq: int
    kind: Kind
    call: str = ""
    attempt: int = 0
    opened_ms: int = 0
    ended_ms: int = 0

    @property
    def at_ms(self) -> int:
        """When it was written, Unix milliseconds, as far as the event says."""
        return max(self.opened_ms, self.ended_ms)


_decode = msgspec.json.Decoder(Head).decode


def head_of(payload: bytes) -> Head | None:
    """The head of an event in the spool; None when it is no event."""
    try:
        return _decode(payload)
    except msgspec.MsgspecError:
        return None


class OpenAttempts:
    """`open` events by attempt, in the order in which they came."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], bytes] = {}

    def follow(self, head: Head, payload: bytes) -> None:
        """Take the next event of the source into account."""
        if head.kind == "open":
            self._open[head.call, head.attempt] = payload
        elif head.kind == "settle":
            self._open.pop((head.call, head.attempt), None)

    def payloads(self) -> list[bytes]:
        """The `open` events as they were written."""
        return list(self._open.values())

    def keep(self, directory: Path, src: str) -> None:
        """Write them beside the source, on disk before this returns. Raises: `OSError`."""
        atomic_write(_kept_path(directory, src), b"".join(framed(payload) for payload in self._open.values()))


def kept_payloads(directory: Path, src: str) -> list[bytes]:
    """What `keep` wrote last; empty when it never did. Raises: `OSError`."""
    try:
        content = _kept_path(directory, src).read_bytes()
    except FileNotFoundError:
        return []
    payloads, start = [], 0
    while isinstance(found := next_frame(content, start), Frame):
        payloads.append(found.payload)
        start = found.end
    return payloads


def _kept_path(directory: Path, src: str) -> Path:
    return directory / f"{src}.kept"
