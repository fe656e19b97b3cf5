"""The words of a configuration stream: what a sidecar or a ledger and the operator say on their WebSocket.

One JSON text frame per message. The client opens with `Hello`; the operator answers with `Slice`, `Current`, or closes
with one of the codes below; the client acknowledges each slice it got. Before the upgrade the operator answers in plain
HTTP: 401 (the token is not good here), 403 (not for this stream), 410 (its pod is gone), 503 (later; `retry-after`).
Must not hold I/O. Next: `compress.py`.
"""

from __future__ import annotations

from typing import Final

import msgspec

CLOSE_UNAUTHENTICATED: Final = 4401
"""The token is not good (any more): read it again from its file and come back."""
CLOSE_FORBIDDEN: Final = 4403
"""The token is good, but not for this stream; coming back at once is useless."""
CLOSE_GONE: Final = 4410
"""The pod of the token is gone."""
CLOSE_GOING: Final = 4503
"""The operator is stopping; another replica answers at once."""
HEARTBEAT_S: Final = 15.0
"""WebSocket pings of the operator; a client that hears nothing for three of them connects anew."""
MAX_FRAME_BYTES: Final = 16 * 1024 * 1024


class Word(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", tag_field="type"):
    """Every message is immutable and names its type in `type`. Unknown fields are ignored: versions can roll."""


class Hello(Word, frozen=True, tag="hello"):
    """First frame of a client. A slice whose hash is `running` is not sent again."""

    features: tuple[str, ...] = ()
    """What this build can do (`features.py`)."""
    build: str = ""
    """Version of the client, for status and logs."""
    running: str = ""
    """Hash of the snapshot that it runs now; empty: none."""


class Slice(Word, frozen=True, tag="slice"):
    """A snapshot (or accounts) to run from now on, as the canonical bytes of its own struct."""

    hash: str
    content: msgspec.Raw


class Current(Word, frozen=True, tag="current"):
    """What the client runs is the newest there is; `resource_versions` tell how new."""

    hash: str
    resource_versions: dict[str, str] = {}


class Ack(Word, frozen=True, tag="ack"):
    """The client runs this hash now."""

    hash: str


class Reject(Word, frozen=True, tag="reject"):
    """The client does not run this hash and keeps its last good one. `reason` is a sentence without secrets."""

    hash: str
    reason: str


Down = Slice | Current
Up = Hello | Ack | Reject

_encoder = msgspec.json.Encoder()
_down: msgspec.json.Decoder[Slice | Current] = msgspec.json.Decoder(Down)
_up: msgspec.json.Decoder[Hello | Ack | Reject] = msgspec.json.Decoder(Up)


def word_bytes(word: Down | Up) -> bytes:
    """One frame."""
    return _encoder.encode(word)


def down_from_bytes(frame: bytes | str) -> Down:
    """What the operator said. Raises `ValueError` for anything else."""
    return _down.decode(frame)


def up_from_bytes(frame: bytes | str) -> Up:
    """What a client said. Raises `ValueError` for anything else."""
    return _up.decode(frame)
