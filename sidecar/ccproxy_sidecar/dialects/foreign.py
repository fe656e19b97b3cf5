"""Requests to paths whose bodies ccproxy does not know: the model, if there is one, and nothing else.

Must not refuse what a provider may understand. Next: `splice.py`.
"""

from __future__ import annotations

import msgspec

from ccproxy_sidecar.dialects.body import part
from ccproxy_sidecar.dialects.request import ReadRequest, Role, Turn


class _Head(msgspec.Struct, gc=False):
    model: str | None = None


class _Flag(msgspec.Struct, gc=False):
    stream: bool | None = None


class SingleTurn:
    """A body that is one user turn at most: the inputs of an embedding, or nothing that we know."""

    def __init__(self, texts: tuple[str, ...] = ()) -> None:
        self._texts = texts

    def turns(self) -> int:
        return 1 if self._texts else 0

    def role(self, index: int) -> Role:
        return "user"

    def turn_bytes(self, index: int) -> int:
        return sum(len(text.encode()) for text in self._texts)

    def turn(self, index: int) -> Turn:
        return Turn("user", self._texts)

    def system(self) -> tuple[str, ...]:
        return ()

    def tool_names(self) -> tuple[str, ...]:
        return ()

    def tool_texts(self) -> tuple[str, ...]:
        return ()

    def metadata(self) -> dict[str, str]:
        return {}

    def media(self) -> tuple[bytes, ...]:
        return (b'"data"', b'"url"')


def foreign_request(body: bytes, path_model: str | None) -> ReadRequest:
    """What can be said of any body, JSON or not."""
    head, flag = part(body, _Head), part(body, _Flag)
    model = path_model or (head.model if head else None) or ""
    return ReadRequest(body, SingleTurn(), model=model, stream=bool(flag and flag.stream))
