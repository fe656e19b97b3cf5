"""Anthropic Messages: how answers read, streamed or whole.

Usage is cumulative: the last value per field counts, nothing is added (billing.md pitfall 14). The split of cache
writes by lifetime comes in `message_start` only. Shapes: anthropic-py 2.11.0, 2026-11. Next: `openai_chat.py`.
"""

from __future__ import annotations

import msgspec

from ccproxy_contract.events import MAX_RAW_USAGE_BYTES
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.body import NOTHING
from ccproxy_sidecar.dialects.counts import Count, tokens, within
from ccproxy_sidecar.dialects.dialect import Spawn, StreamError
from ccproxy_sidecar.dialects.follow import NOTHING_SEEN, Follower, Seen
from ccproxy_sidecar.dialects.sse import Event

SPAWNING_TOOLS = ("Agent", "Task", "task")
"""The tool that starts a subagent: Claude Code's `Agent` in 2.1, `Task` in 2.0 and 1.0 (apis.md §1.3), OpenCode's."""
MAX_SPAWN_BYTES = 1 << 18
"""Of one streamed tool input; prompts of subagents stay under 64 kB."""

_DELTA = b"event: content_block_delta\n"


class _CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: Count = None
    ephemeral_1h_input_tokens: Count = None


class _ServerTools(msgspec.Struct, gc=False):
    web_search_requests: Count = None


class _OutputDetails(msgspec.Struct, gc=False):
    thinking_tokens: Count = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count = None
    output_tokens: Count = None
    cache_creation_input_tokens: Count = None
    cache_read_input_tokens: Count = None
    cache_creation: _CacheCreation | None = None
    server_tool_use: _ServerTools | None = None
    output_tokens_details: _OutputDetails | None = None
    service_tier: str | None = None


class _Input(msgspec.Struct, gc=False):
    prompt: str
    subagent_type: str


class _Block(msgspec.Struct, gc=False):
    type: str | None = None
    name: str | None = None
    text: str | None = None
    input: msgspec.Raw = NOTHING


class _Error(msgspec.Struct, gc=False):
    type: str | None = None


class _Message(msgspec.Struct, gc=False):
    """A whole answer, the `message` of `message_start`, or an error body."""

    type: str | None = None
    id: str | None = None
    model: str | None = None
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = NOTHING
    error: _Error | None = None


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: msgspec.Raw = NOTHING
    error: _Error | None = None


_event = msgspec.json.Decoder(_Event).decode
_message = msgspec.json.Decoder(_Message).decode
_usage = msgspec.json.Decoder(_Usage).decode
_input = msgspec.json.Decoder(_Input).decode


_MARKS = (b"message_", b'"tool_use"', b'"error"', b"event: error")
_EVERYTHING = (b"",)


class MessagesGrammar:
    """Implements `follow.Grammar`. Keeps the usage fields seen so far and the tool inputs that are still open."""

    finish_ends = False

    def __init__(self) -> None:
        self._fields: _Usage | None = None
        self._raw: list[bytes] = []
        self._inputs: dict[int, bytearray] = {}

    def plain(self, chunk: bytes) -> bool:
        if self._inputs:
            return False
        if chunk.startswith(_DELTA) and chunk.find(b"\n\n") == len(chunk) - 2:
            return True
        return not any(mark in chunk for mark in _MARKS)

    def marks(self) -> tuple[bytes, ...]:
        return _EVERYTHING if self._inputs else _MARKS

    def event(self, answer: Follower, event: Event) -> Seen:
        """Read one event; unknown ones are none of our business."""
        read = _event(event.data)
        match read.type or event.event.decode("ascii", "replace"):
            case "message_start":
                self._message_start(answer, read)
            case "content_block_start":
                return self._block_start(answer, read)
            case "content_block_delta":
                return self._block_delta(answer, read)
            case "content_block_stop":
                self._block_stop(answer, read.index)
            case "message_delta":
                self._message_delta(answer, read)
            case "message_stop":
                answer.ended = True
            case "error":
                answer.error = StreamError((read.error.type if read.error else None) or "error")
                answer.ended = True
        return NOTHING_SEEN

    def cut_event(self, answer: Follower, head: bytes, tail: bytes) -> None:
        """No event with usage is ever that long."""
        answer.started = True

    def whole(self, answer: Follower, body: bytes) -> None:
        """A message, an error, or the answer of `count_tokens` (which is no usage)."""
        message = _message(body)
        if message.error is not None:
            answer.error = StreamError(message.error.type or "error")
            return
        answer.id, answer.model, answer.finish = message.id or "", message.model or "", message.stop_reason or ""
        self._take_usage(answer, message.usage)
        for block in message.content or ():
            if block.type == "tool_use" and block.name in SPAWNING_TOOLS:
                _add_spawn(answer, bytes(block.input))

    def _message_start(self, answer: Follower, read: _Event) -> None:
        if read.message is not None:
            answer.id, answer.model = read.message.id or "", read.message.model or ""
            self._take_usage(answer, read.message.usage)

    def _message_delta(self, answer: Follower, read: _Event) -> None:
        if read.delta is not None and read.delta.stop_reason is not None:
            answer.finish = read.delta.stop_reason
        self._take_usage(answer, read.usage)

    def _block_start(self, answer: Follower, read: _Event) -> Seen:
        answer.started = True
        block = read.content_block
        if block is None:
            return NOTHING_SEEN
        if block.type == "tool_use" and block.name in SPAWNING_TOOLS:
            self._inputs[read.index] = bytearray(b"" if bytes(block.input) in (b"{}", b"null") else block.input)
        return Seen(len((block.text or "").encode()))

    def _block_delta(self, answer: Follower, read: _Event) -> Seen:
        answer.started = True
        delta = read.delta
        if delta is None:
            return NOTHING_SEEN
        piece = (delta.partial_json or "").encode()
        if read.index in self._inputs and len(self._inputs[read.index]) + len(piece) <= MAX_SPAWN_BYTES:
            self._inputs[read.index] += piece
        return Seen(len(piece or (delta.text or delta.thinking or "").encode()))

    def _block_stop(self, answer: Follower, index: int) -> None:
        given = self._inputs.pop(index, None)
        if given is not None:
            _add_spawn(answer, bytes(given))

    def _take_usage(self, answer: Follower, raw: msgspec.Raw) -> None:
        if raw == NOTHING:
            return
        self._fields = _merged(self._fields, _usage(raw))
        self._raw.append(bytes(raw))
        answer.raw_usage = b"\n".join((self._raw[0], *self._raw[1:][-1:]))[:MAX_RAW_USAGE_BYTES]
        answer.usage = _buckets(self._fields)
        answer.service_tier = self._fields.service_tier or ""


def _merged(fields: _Usage | None, later: _Usage) -> _Usage:
    """The last value that is not null counts, field by field."""
    if fields is None:
        return later
    for name in fields.__struct_fields__:
        value = getattr(later, name)
        if value is not None:
            setattr(fields, name, value)
    return fields


def _buckets(fields: _Usage) -> Usage:
    """Anthropic's input fields are disjoint; cache writes are split by lifetime when the split is known."""
    split = fields.cache_creation or _CacheCreation()
    hour, minutes = tokens(split.ephemeral_1h_input_tokens), tokens(split.ephemeral_5m_input_tokens)
    written = hour + minutes
    if fields.cache_creation_input_tokens is not None:
        written = tokens(fields.cache_creation_input_tokens)
    hour = min(hour, written)
    output = tokens(fields.output_tokens)
    details, tools = fields.output_tokens_details, fields.server_tool_use
    return Usage(
        uncached=tokens(fields.input_tokens),
        cache_read=tokens(fields.cache_read_input_tokens),
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        output=output,
        reasoning=within(details.thinking_tokens if details else None, output),
        web_searches=tokens(tools.web_search_requests if tools else None),
    )


def _add_spawn(answer: Follower, given: bytes) -> None:
    """Inputs without the two fields, or cut by `max_tokens`, start no subagent that we could recognise."""
    try:
        spawn = _input(given)
    except (msgspec.DecodeError, RecursionError):
        return
    answer.spawns.append(Spawn(spawn.subagent_type, spawn.prompt))
