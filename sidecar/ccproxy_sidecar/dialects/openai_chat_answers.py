"""OpenAI Chat Completions: how answers read, streamed or whole.

`prompt_tokens` includes what was read from and written to the cache, `completion_tokens` includes reasoning
(openai-py 3.52.0, 2026-11). Some servers leave reasoning out of it and say so in `total_tokens`: then the rest of the
total is output. Next: `openai_errors.py`.
"""

from __future__ import annotations

import msgspec

from ccproxy_contract.events import MAX_RAW_USAGE_BYTES
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.body import NOTHING
from ccproxy_sidecar.dialects.counts import Count, tokens, within
from ccproxy_sidecar.dialects.dialect import StreamError
from ccproxy_sidecar.dialects.follow import NOTHING_SEEN, Follower, Seen
from ccproxy_sidecar.dialects.sse import Event

HIDDEN = Seen(hide=True)


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: Count = None
    cache_write_tokens: Count = None


class _CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Count = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count = None
    completion_tokens: Count = None
    total_tokens: Count = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Count = None
    """DeepSeek's name for cached tokens (api-docs.deepseek.com, 2026-11)."""


class _Words(msgspec.Struct, gc=False):
    """A streamed delta or a whole message."""

    content: msgspec.Raw = NOTHING
    reasoning_content: str | None = None
    reasoning: msgspec.Raw = NOTHING
    refusal: str | None = None
    tool_calls: msgspec.Raw = NOTHING
    function_call: msgspec.Raw = NOTHING

    def pieces(self) -> tuple[bytes, ...]:
        """What was generated, as it stands on the wire."""
        raws = (self.content, self.reasoning, self.tool_calls, self.function_call)
        found = [bytes(raw) for raw in raws if raw not in _EMPTY]
        return (*found, *(text.encode() for text in (self.reasoning_content, self.refusal) if text))


class _Choice(msgspec.Struct, gc=False):
    delta: _Words | None = None
    text: str | None = None
    """In legacy completions."""
    finish_reason: str | None = None
    usage: msgspec.Raw = NOTHING
    """Moonshot's place for it in streams."""


class _Groq(msgspec.Struct, gc=False):
    usage: msgspec.Raw = NOTHING


class _Error(msgspec.Struct, gc=False):
    code: str | int | None = None
    type: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    """One chunk of a stream, a whole answer, or an error body."""

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = NOTHING
    x_groq: _Groq | None = None
    error: _Error | str | None = None


_EMPTY = (NOTHING, msgspec.Raw(b'""'), msgspec.Raw(b"[]"))
_chunk = msgspec.json.Decoder(_Chunk).decode
_usage = msgspec.json.Decoder(_Usage).decode


_MARKS = (b'_reason":"', b'_reason": "', b'"usage":{', b'"usage": {', b'"error"', b"[DONE]")
_EVERYTHING = (b"",)


class ChatGrammar:
    """Implements `follow.Grammar`."""

    finish_ends = True

    def __init__(self, *, hide_usage_chunk: bool) -> None:
        self._hide_usage_chunk = hide_usage_chunk
        self._finish_mark = self._usage_mark = b'"'
        """In every chunk, so every chunk is read until its writer's way with spaces is known."""

    def plain(self, chunk: bytes) -> bool:
        return not (
            self._finish_mark in chunk or self._usage_mark in chunk or b'"error"' in chunk or b"[DONE]" in chunk
        )

    def marks(self) -> tuple[bytes, ...]:
        return _MARKS if len(self._finish_mark) > 1 else _EVERYTHING

    def event(self, answer: Follower, event: Event) -> Seen:
        """Read one chunk; says to hide it when it holds usage only and the client did not ask for that."""
        if event.data.strip() == b"[DONE]":
            answer.ended = True
            return NOTHING_SEEN
        if not answer.started:
            self._learn_spaces(event.data)
        chunk = _chunk(event.data)
        _take_names(answer, chunk)
        if chunk.error is not None:
            _take_error(answer, chunk.error)
            answer.ended = True
        text_bytes = sum(_take_choice(answer, choice) for choice in chunk.choices or ())
        has_usage = _take_usage(answer, chunk)
        return HIDDEN if self._hide_usage_chunk and has_usage and not chunk.choices else Seen(text_bytes)

    def cut_event(self, answer: Follower, head: bytes, tail: bytes) -> None:
        """Only content is ever that long."""
        answer.started = True

    def whole(self, answer: Follower, body: bytes) -> None:
        """A completion or an error body."""
        chunk = _chunk(body)
        if chunk.error is not None:
            _take_error(answer, chunk.error)
        _take_names(answer, chunk)
        for choice in chunk.choices or ():
            answer.finish = choice.finish_reason or answer.finish
        _take_usage(answer, chunk)

    def _learn_spaces(self, text: bytes) -> None:
        """What ends a stream is searched for as this server writes it: `"a":"b"` or `"a": "b"`."""
        learned = len(self._finish_mark) > 1
        if learned and (self._finish_mark == b'_reason":"') != (b'": ' not in text):
            self._finish_mark = self._usage_mark = b'"'  # it writes both ways: read everything
        elif b'": ' not in text:
            self._finish_mark, self._usage_mark = b'_reason":"', b'"usage":{'
        elif b'":"' not in text and b'":  ' not in text:
            self._finish_mark, self._usage_mark = b'_reason": "', b'"usage": {'


def _take_names(answer: Follower, chunk: _Chunk) -> None:
    answer.id = answer.id or chunk.id or ""
    answer.model = chunk.model or answer.model
    answer.service_tier = chunk.service_tier or answer.service_tier


def _take_error(answer: Follower, error: _Error | str) -> None:
    """Some servers send the error as a bare string; its text is never kept."""
    code = (error.code or error.type) if isinstance(error, _Error) else None
    answer.error = StreamError(str(code or "error"))


def _take_choice(answer: Follower, choice: _Choice) -> int:
    """Returns the bytes of generated text in the choice."""
    pieces = choice.delta.pieces() if choice.delta is not None else ((choice.text or "").encode(),)
    if choice.finish_reason is not None:
        answer.finish = choice.finish_reason
    answer.started = answer.started or any(pieces) or choice.finish_reason is not None
    return sum(map(len, pieces))


def _take_usage(answer: Follower, chunk: _Chunk) -> bool:
    """False when the chunk has none."""
    raw = chunk.usage if chunk.usage != NOTHING else _usage_elsewhere(chunk)
    if raw == NOTHING:
        return False
    answer.usage = chat_buckets(_usage(raw))
    answer.raw_usage = bytes(raw)[:MAX_RAW_USAGE_BYTES]
    return True


def _usage_elsewhere(chunk: _Chunk) -> msgspec.Raw:
    """Where Moonshot and Groq put it."""
    for choice in chunk.choices or ():
        if choice.usage != NOTHING:
            return choice.usage
    return chunk.x_groq.usage if chunk.x_groq is not None else NOTHING


def chat_buckets(usage: _Usage) -> Usage:
    """Disjoint buckets that sum to the provider's total."""
    prompt = tokens(usage.prompt_tokens)
    output = max(tokens(usage.completion_tokens), tokens(usage.total_tokens) - prompt)
    details = usage.prompt_tokens_details or _PromptDetails()
    read = within(usage.prompt_cache_hit_tokens if details.cached_tokens is None else details.cached_tokens, prompt)
    written = within(details.cache_write_tokens, prompt - read)
    reasoning = usage.completion_tokens_details
    return Usage(
        uncached=prompt - read - written,
        cache_read=read,
        cache_write_30m=written,
        output=output,
        reasoning=within(reasoning.reasoning_tokens if reasoning else None, output),
    )
