"""OpenAI Responses: how answers read, streamed or whole.

Usage comes once, in `response.completed`, `.incomplete` or `.failed` (billing.md pitfall 15). `input_tokens` includes
what was read from and written to the cache, `output_tokens` includes reasoning (openai-py 3.52.0, 2026-11).
Next: `tails.py`.
"""

from __future__ import annotations

import re

import msgspec

from ccproxy_contract.events import MAX_RAW_USAGE_BYTES
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.body import NOTHING
from ccproxy_sidecar.dialects.counts import Count, tokens, within
from ccproxy_sidecar.dialects.dialect import StreamError
from ccproxy_sidecar.dialects.follow import NOTHING_SEEN, Follower, Seen
from ccproxy_sidecar.dialects.sse import Event
from ccproxy_sidecar.dialects.tails import object_behind

_TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class _WriteDetails(msgspec.Struct, gc=False):
    ttl_30m_tokens: Count = None
    ttl_12h_tokens: Count = None


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: Count = None
    cache_write_tokens: Count = None
    cache_write_tokens_details: _WriteDetails | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Count = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count = None
    output_tokens: Count = None
    total_tokens: Count = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Reason(msgspec.Struct, gc=False):
    reason: str | None = None


class _Error(msgspec.Struct, gc=False):
    code: str | int | None = None
    type: str | None = None


class _Action(msgspec.Struct, gc=False):
    type: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    action: _Action | None = None


class _Response(msgspec.Struct, gc=False):
    """A response, whole or inside an event, or an error body."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    service_tier: str | None = None
    incomplete_details: _Reason | None = None
    error: _Error | None = None
    output: list[_Item] | None = None
    usage: msgspec.Raw = NOTHING


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    response: _Response | None = None
    delta: msgspec.Raw = NOTHING
    code: str | None = None
    error: _Error | None = None


_event = msgspec.json.Decoder(_Event).decode
_response = msgspec.json.Decoder(_Response).decode
_usage = msgspec.json.Decoder(_Usage).decode
_NAME = re.compile(rb"response\.(?:completed|incomplete|failed)")


_MARKS = (b'"response"', b'"error"', b"event: error")


class ResponsesGrammar:
    """Implements `follow.Grammar`."""

    finish_ends = False

    def plain(self, chunk: bytes) -> bool:
        return not any(mark in chunk for mark in _MARKS)

    def marks(self) -> tuple[bytes, ...]:
        return _MARKS

    def event(self, answer: Follower, event: Event) -> Seen:
        """Read one event; only those with a whole response, deltas and errors matter."""
        if event.data.strip() == b"[DONE]":
            return NOTHING_SEEN
        read = _event(event.data)
        name = read.type or event.event.decode("ascii", "replace")
        if name == "error":
            code = (read.error.code or read.error.type) if read.error else read.code
            answer.error, answer.ended = StreamError(str(code or "error")), True
        elif read.response is not None:
            _take_response(answer, read.response)
            answer.ended = answer.ended or name in _TERMINAL
        elif name == "response.output_item.added" or name.endswith(".delta"):
            answer.started = True
            return Seen(len(bytes(read.delta)) - 2 if read.delta != NOTHING else 0)
        return NOTHING_SEEN

    def cut_event(self, answer: Follower, head: bytes, tail: bytes) -> None:
        """A terminal event repeats all output, images too: its usage stands behind them."""
        answer.started = True
        name = _NAME.search(head)
        if name is None:
            return
        answer.ended = True
        answer.finish = answer.finish or name[0].decode().removeprefix("response.")
        raw = object_behind(tail, b'"usage"')
        if raw:
            _take_usage(answer, raw)

    def whole(self, answer: Follower, body: bytes) -> None:
        """A response, a compaction, or an error body."""
        _take_response(answer, _response(body))


def _take_response(answer: Follower, response: _Response) -> None:
    answer.id = response.id or answer.id
    answer.model = response.model or answer.model
    answer.service_tier = response.service_tier or answer.service_tier
    if response.error is not None:
        answer.error = StreamError(str(response.error.code or response.error.type or "error"))
    if response.status not in (None, "in_progress", "queued"):
        details = response.incomplete_details
        answer.finish = (details.reason if details else None) or response.status or ""
    if response.usage != NOTHING:
        _take_usage(answer, bytes(response.usage))
        searches = sum(_is_search(item) for item in response.output or ())
        if searches and answer.usage is not None:
            answer.usage = msgspec.structs.replace(answer.usage, web_searches=searches)


def _is_search(item: _Item) -> bool:
    """Opening a found page is free; searching is billed (platform.openai.com/docs/pricing, 2026-11)."""
    return item.type == "web_search_call" and (item.action is None or item.action.type in (None, "search"))


def _take_usage(answer: Follower, raw: bytes) -> None:
    answer.usage = _buckets(_usage(raw))
    answer.raw_usage = raw[:MAX_RAW_USAGE_BYTES]


def _buckets(usage: _Usage) -> Usage:
    """Disjoint buckets that sum to the provider's total; cache writes without a lifetime count as 30 minutes."""
    prompt = tokens(usage.input_tokens)
    details = usage.input_tokens_details or _InputDetails()
    split = details.cache_write_tokens_details or _WriteDetails()
    read = within(details.cached_tokens, prompt)
    given = tokens(split.ttl_30m_tokens) + tokens(split.ttl_12h_tokens)
    written = within(given if details.cache_write_tokens is None else details.cache_write_tokens, prompt - read)
    long = within(split.ttl_12h_tokens, written)
    output = max(tokens(usage.output_tokens), tokens(usage.total_tokens) - prompt)
    reasoning = usage.output_tokens_details
    return Usage(
        uncached=prompt - read - written,
        cache_read=read,
        cache_write_30m=written - long,
        cache_write_12h=long,
        output=output,
        reasoning=within(reasoning.reasoning_tokens if reasoning else None, output),
    )
