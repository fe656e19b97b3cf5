"""What every wire format answers: how a request reads, how an answer is followed, how a refusal looks.

Formats implement these protocols as plain classes; nothing inherits. Must not do I/O or know providers.
Next: `table.py` (path to dialect), then one format, `anthropic_messages.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, Protocol

import msgspec

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_contract.usage import Usage

Operation = Literal["generate", "count", "embed", "models", "other"]
"""generate: inference. count: token counting. models: the list of models. other: passed through."""

ProblemKind = Literal[
    "invalid_request", "authentication", "billing", "permission", "not_found", "too_large",
    "rate_limit", "internal", "timeout", "overloaded", "unavailable",
]  # fmt: skip


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal by ccproxy itself, before it takes a dialect's shape. The message says what to do."""

    status: int
    kind: ProblemKind
    message: str
    retry_after_s: int | None = None
    retryable: bool | None = None
    """False adds `x-should-retry: false`, which official SDKs obey (apis.md §1.6)."""


class Refusal(msgspec.Struct, frozen=True):
    """A problem in a dialect's own shape: ready to send."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Malformed(msgspec.Struct, frozen=True):
    """A body that cannot be read as a request of its dialect; the message names the field, never its content."""

    message: str


class Request(Protocol):
    """The facts of one request, decoded once; what costs a walk over the body is computed on first use and kept."""

    model: str
    """What the client asked for; for Gemini taken from the path."""
    stream: bool
    max_tokens: int | None
    thinking: bool
    """True when the client asks for reasoning (enabled, adaptive, an effort above none/minimal)."""
    user_id: str | None
    """Anthropic `metadata.user_id`, OpenAI `user` / `safety_identifier`."""
    prompt_cache_key: str | None
    wants_usage_chunk: bool
    """Chat: the client itself set `stream_options.include_usage`. True in dialects that always send usage."""
    wants_json: bool
    """A structured answer was asked for (json_schema, json_object, output_config.format)."""

    @property
    def user_turns(self) -> int:
        """Messages of role user that carry something other than tool results."""
        ...

    @property
    def has_assistant_turn(self) -> bool: ...

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Name of each offered tool; for provider-run tools without a name their type."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """The client's metadata object with string values; a JSON object inside `user_id` is merged in."""
        ...

    @property
    def system_text(self) -> str:
        """The system prompt's text blocks, joined by a newline."""
        ...

    @property
    def first_user_text(self) -> str: ...

    @property
    def first_user_bytes(self) -> int:
        """How long the first user turn is on the wire, escapes and all; nothing is decoded for it."""
        ...

    @property
    def last_user_text(self) -> str:
        """The last text block of the last user message (the real words: reminders precede them); empty when it only
        carries tool results, so that one message is read and not all of them."""
        ...

    @property
    def first_user_last_text(self) -> str:
        """The last text block of the first user message: equals the prompt a parent agent spawned with."""
        ...

    @property
    def first_assistant_text(self) -> str: ...

    @property
    def text_bytes(self) -> int:
        """Upper bound on the bytes of the body that a tokenizer would see: images, documents, signatures left out."""
        ...

    def texts(self) -> Iterator[str]:
        """Every text of the call in order: system, messages, tool results, tool definitions."""
        ...


class Spawn(msgspec.Struct, frozen=True):
    """A subagent that an answer starts: tool_use `Agent` or `Task` (apis.md §2, signal 3)."""

    agent: str
    prompt: str


class StreamError(msgspec.Struct, frozen=True):
    """An error that the provider sent inside a stream or as a body: its type or code, never its text."""

    code: str


class Answer(Protocol):
    """Follows one answer of a provider as it passes; fields fill as bytes come."""

    usage: Usage | None
    """Last counts the provider reported, in disjoint buckets; `None` until it reported any."""
    raw_usage: bytes
    """The provider's own usage object, cut to `MAX_RAW_USAGE_BYTES`; empty until reported."""
    model: str
    id: str
    service_tier: str
    finish: str
    """The provider's own word for why it ended; empty while open."""
    started: bool
    """The first content event has passed: from here on no retry."""
    ended: bool
    """The dialect's terminal event has passed (or the whole body was read)."""
    error: StreamError | None
    spawns: list[Spawn]
    unreadable: int
    """Events or bodies that were not what the dialect says; they passed as they came."""
    mid_event: bool
    """What was sent on does not end between two events: part of one over 64 KiB, or one that lacks its blank line."""
    overlong: int
    """Events that passed but were too long to read."""
    last_events: bytes
    """The last whole events that passed."""

    def feed(self, chunk: bytes) -> bytes:
        """Follow a piece of an event stream, cut anywhere; returns the whole events to send on.

        As a rule that is the same object. An event that is not complete yet is held back (up to 64 KiB), so it may
        also be empty.
        """
        ...

    def close(self) -> bytes:
        """The stream is over, in order or not; returns a held back event that only lacked its blank line.

        Half an event is dropped. When `ended` is still False after this, `Dialect.stream_end` is due.
        """
        ...

    def whole(self, body: bytes) -> None:
        """Follow an answer that is one JSON body."""
        ...

    def produced_tokens(self) -> int:
        """Estimate of the output tokens that passed so far, for a stream that ends without usage."""
        ...


class Dialect(Protocol):
    """One wire format."""

    name: DialectName

    def read(self, body: bytes, *, operation: Operation, path_model: str | None) -> Request | Malformed: ...

    def answer(self, *, stream: bool, hide_usage_chunk: bool = False) -> Answer:
        """A fresh follower. `hide_usage_chunk`: cut out the usage event that the client did not ask for."""
        ...

    def refusal(self, problem: Problem) -> Refusal: ...

    def stream_end(self, problem: Problem, answer: Answer) -> bytes:
        """After 200: the dialect's own terminal error event(s), valid after whatever `answer` has returned."""
        ...

    def ping(self) -> bytes:
        """Bytes that keep an idle event stream alive and that every client of the dialect ignores."""
        ...

    def models(self, models: Iterable[Model], *, created_s: int) -> bytes:
        """The answer to a model list request, in the dialect's shape with context limits where it has a field."""
        ...
