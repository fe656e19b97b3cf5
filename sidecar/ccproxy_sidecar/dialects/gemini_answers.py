"""Gemini generateContent: how answers read, streamed or whole.

Every chunk carries `usageMetadata`, the last one counts. Cached tokens are inside the prompt, thoughts are not inside
the candidates (google-genai 3.4.0, 2026-11; billing.md §4). Next: `../providers/profile.py`.
"""

from __future__ import annotations

import re

import msgspec

from ccproxy_contract.events import MAX_RAW_USAGE_BYTES
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.body import NOTHING
from ccproxy_sidecar.dialects.counts import Count, tokens, within
from ccproxy_sidecar.dialects.dialect import StreamError
from ccproxy_sidecar.dialects.follow import Follower, Seen
from ccproxy_sidecar.dialects.sse import Event
from ccproxy_sidecar.dialects.tails import object_behind


class _Usage(msgspec.Struct, gc=False, rename="camel"):
    prompt_token_count: Count = None
    cached_content_token_count: Count = None
    candidates_token_count: Count = None
    thoughts_token_count: Count = None
    tool_use_prompt_token_count: Count = None
    total_token_count: Count = None
    traffic_type: str | None = None


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    function_call: msgspec.Raw = NOTHING


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: str | None = None


class _Error(msgspec.Struct, gc=False):
    status: str | None = None
    code: int | str | None = None


class _Chunk(msgspec.Struct, gc=False, rename="camel"):
    """One chunk of a stream, a whole answer, or an error body."""

    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: msgspec.Raw = NOTHING
    model_version: str | None = None
    response_id: str | None = None
    error: _Error | None = None


_chunk = msgspec.json.Decoder(_Chunk).decode
_chunks = msgspec.json.Decoder(list[_Chunk]).decode
_usage = msgspec.json.Decoder(_Usage).decode
_FINISH = re.compile(rb'"finishReason"\s*:\s*"(\w+)"')


class GeminiGrammar:
    """Implements `follow.Grammar`."""

    finish_ends = True

    def plain(self, chunk: bytes) -> bool:
        """Never: usage is in every chunk, and there are few of them."""
        return False

    def marks(self) -> tuple[bytes, ...]:
        return (b"",)

    def event(self, answer: Follower, event: Event) -> Seen:
        chunk = _chunk(event.data)
        text_bytes = _take(answer, chunk)
        answer.ended = answer.ended or bool(answer.finish) or chunk.error is not None
        return Seen(text_bytes)

    def cut_event(self, answer: Follower, head: bytes, tail: bytes) -> None:
        """An image in one piece: finish and usage stand behind it."""
        answer.started = True
        finish = _FINISH.search(tail)
        if finish is not None:
            answer.finish, answer.ended = finish[1].decode(), True
        raw = object_behind(tail, b'"usageMetadata"')
        if raw:
            _take_usage(answer, raw)

    def whole(self, answer: Follower, body: bytes) -> None:
        """One answer, or the array of chunks that a stream without `alt=sse` is."""
        chunks = _chunks(body) if body.lstrip().startswith(b"[") else [_chunk(body)]
        for chunk in chunks:
            _take(answer, chunk)


def _take(answer: Follower, chunk: _Chunk) -> int:
    """Returns the bytes of generated text in the chunk."""
    answer.id = chunk.response_id or answer.id
    answer.model = chunk.model_version or answer.model
    if chunk.error is not None:
        answer.error = StreamError(str(chunk.error.status or chunk.error.code or "error"))
    if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None:
        answer.finish = chunk.prompt_feedback.block_reason
    if chunk.usage_metadata != NOTHING:
        _take_usage(answer, bytes(chunk.usage_metadata))
    return sum(_take_candidate(answer, candidate) for candidate in chunk.candidates or ())


def _take_candidate(answer: Follower, candidate: _Candidate) -> int:
    answer.finish = candidate.finish_reason or answer.finish
    parts = (candidate.content.parts if candidate.content else None) or []
    answer.started = answer.started or bool(parts)
    calls = sum(len(bytes(p.function_call)) for p in parts if p.function_call != NOTHING)
    return calls + sum(len((p.text or "").encode()) for p in parts)


def _take_usage(answer: Follower, raw: bytes) -> None:
    usage = _usage(raw)
    answer.usage = _buckets(usage)
    answer.raw_usage = raw[:MAX_RAW_USAGE_BYTES]
    answer.service_tier = usage.traffic_type or answer.service_tier


def _buckets(usage: _Usage) -> Usage:
    """Disjoint buckets that sum to the provider's total: what it reads for tools is input."""
    prompt = tokens(usage.prompt_token_count)
    read = within(usage.cached_content_token_count, prompt)
    tool_use, thoughts = tokens(usage.tool_use_prompt_token_count), tokens(usage.thoughts_token_count)
    output = max(tokens(usage.candidates_token_count) + thoughts, tokens(usage.total_token_count) - prompt - tool_use)
    return Usage(
        uncached=prompt - read + tool_use,
        cache_read=read,
        output=output,
        reasoning=min(thoughts, output),
    )
