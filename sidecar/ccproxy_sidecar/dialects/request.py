"""The facts of one request, whatever its dialect: what is cheap is read at once, what needs a walk on first use.

A dialect hands over an `Anatomy`: where its body keeps system prompt, turns and tools. Must not know a dialect's
field names. Next: `media.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

import msgspec
from propcache.api import cached_property

from ccproxy_sidecar.dialects.media import media_bytes

Role = Literal["user", "assistant", "system", "tool", "other"]


class Turn(msgspec.Struct, frozen=True):
    """One message. `texts` are its own words, `attached` the text of tool calls, results and documents in it."""

    role: Role
    texts: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    speaks: bool = True
    """False for a user message that only carries tool results."""


class Anatomy(Protocol):
    """Where one decoded body keeps its parts. Nothing here raises: a part of a wrong type reads as absent."""

    def turns(self) -> int:
        """How many turns the body has."""
        ...

    def role(self, index: int) -> Role: ...

    def turn(self, index: int) -> Turn: ...

    def turn_bytes(self, index: int) -> int:
        """How long the turn's own content is on the wire; nothing is decoded for it."""
        ...

    def system(self) -> tuple[str, ...]: ...

    def tool_names(self) -> tuple[str, ...]: ...

    def tool_texts(self) -> tuple[str, ...]: ...

    def metadata(self) -> dict[str, str]: ...

    def media(self) -> tuple[bytes, ...]:
        """Quoted names of the members that carry images, documents, audio or signatures."""
        ...


class ReadRequest:
    """Implements `dialect.Request` over an anatomy."""

    def __init__(
        self,
        body: bytes,
        anatomy: Anatomy,
        *,
        model: str,
        stream: bool = False,
        max_tokens: int | None = None,
        thinking: bool = False,
        user_id: str | None = None,
        prompt_cache_key: str | None = None,
        wants_usage_chunk: bool = True,
        wants_json: bool = False,
    ) -> None:
        self.model = str(model)  # a plain one: encoders refuse subclasses of str
        self.stream = bool(stream)
        self.max_tokens = max_tokens
        self.thinking = thinking
        self.user_id = user_id
        self.prompt_cache_key = prompt_cache_key
        self.wants_usage_chunk = wants_usage_chunk
        self.wants_json = wants_json
        self._body = body
        self._anatomy = anatomy

    @cached_property
    def user_turns(self) -> int:
        return sum(turn.speaks for turn in self._turns("user"))

    @cached_property
    def has_assistant_turn(self) -> bool:
        return any(self._anatomy.role(index) == "assistant" for index in range(self._anatomy.turns()))

    @cached_property
    def tool_names(self) -> tuple[str, ...]:
        return self._anatomy.tool_names()

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        return self._anatomy.metadata()

    @cached_property
    def system_text(self) -> str:
        return "\n".join(self._anatomy.system())

    @cached_property
    def first_user_text(self) -> str:
        return "\n".join(self._first_user_texts)

    @property
    def first_user_bytes(self) -> int:
        indices = range(self._anatomy.turns())
        return next((self._anatomy.turn_bytes(i) for i in indices if self._anatomy.role(i) == "user"), 0)

    @cached_property
    def first_user_last_text(self) -> str:
        return self._first_user_texts[-1] if self._first_user_texts else ""

    @cached_property
    def last_user_text(self) -> str:
        last = next(self._turns("user", reverse=True), None)
        return last.texts[-1] if last is not None and last.texts else ""

    @cached_property
    def first_assistant_text(self) -> str:
        return next(("\n".join(turn.texts) for turn in self._turns("assistant")), "")

    @cached_property
    def text_bytes(self) -> int:
        return len(self._body) - media_bytes(self._body, self._anatomy.media())

    @cached_property
    def _first_user_texts(self) -> tuple[str, ...]:
        return next((turn.texts for turn in self._turns("user") if turn.texts), ())

    def texts(self) -> Iterator[str]:
        """Every text of the call in order: system, messages with their tool calls and results, tool definitions."""
        yield from self._anatomy.system()
        for index in range(self._anatomy.turns()):
            turn = self._anatomy.turn(index)
            yield from turn.texts
            yield from turn.attached
        yield from self._anatomy.tool_texts()

    def _turns(self, role: Role, *, reverse: bool = False) -> Iterator[Turn]:
        indices = range(self._anatomy.turns())
        for index in reversed(indices) if reverse else indices:
            if self._anatomy.role(index) == role:
                yield self._anatomy.turn(index)
