"""An answer as bytes, with what it is charged at. Written by the dialects, sent by `delivery.py`.

Must not send anything. Next: `messages.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from multidict import CIMultiDictProxy

from ccproxy_contract.usage import NO_USAGE, Usage

JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a dialect gets it: `body` is decoded, `json` is what it holds (empty when it has no body)."""

    path: str
    query: str
    headers: CIMultiDictProxy[str]
    body: bytes
    json: dict[str, Any]
    key: str
    """The caller's key, however it came."""
    names: Mapping[str, str] = {}
    """What stands in the path's variable parts."""

    @property
    def wants_sse(self) -> bool:
        return parse_qs(self.query).get("alt") == ["sse"]


class Frame(msgspec.Struct, frozen=True):
    """An event of a stream, or a whole body. `output_tokens`: produced once this frame is out."""

    data: bytes
    output_tokens: int = 0
    bill: bool = True
    """A frame that stands for no work (a ping) starts no charge."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Status, headers and frames. `usage` is the charge when everything is delivered."""

    frames: tuple[Frame, ...]
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = {}
    usage: Usage = NO_USAGE
    model: str = ""

    @property
    def streams(self) -> bool:
        return self.content_type == EVENT_STREAM or len(self.frames) > 1

    def charged(self, frames_out: int) -> Usage:
        """What is charged once so many frames have gone out: the whole input, and the output produced so far."""
        last = max((i for i in range(frames_out) if self.frames[i].bill), default=None)
        if last is None:
            return NO_USAGE
        output = self.frames[last].output_tokens
        return msgspec.structs.replace(self.usage, output=output, reasoning=min(self.usage.reasoning, output))


def whole(value: Any, usage: Usage = NO_USAGE, *, status: int = 200, model: str = "") -> Answer:
    """A JSON answer in one piece."""
    frame = Frame(msgspec.json.encode(value), usage.output)
    return Answer(frames=(frame,), status=status, usage=usage, model=model)


def event(kind: str, value: Any, output_tokens: int = 0, *, bill: bool = True) -> Frame:
    """A named server-sent event."""
    return Frame(b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n", output_tokens, bill)


def data(value: Any, output_tokens: int = 0) -> Frame:
    """An unnamed server-sent event."""
    return Frame(b"data: " + msgspec.json.encode(value) + b"\n\n", output_tokens)
