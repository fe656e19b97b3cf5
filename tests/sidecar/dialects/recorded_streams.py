"""Answer streams in the shapes of the providers, made up from a seed, with the facts that a follower must find.

Shapes: anthropic-py 2.11.0, openai-py 3.52.0, google-genai 3.4.0 and servers that imitate them (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ccproxy_contract.snapshot import DialectName
from ccproxy_contract.usage import Usage
from tests.sidecar.dialects.recorded import words


@dataclass(frozen=True)
class RecordedStream:
    """One event stream and what is true of it."""

    dialect: DialectName
    raw: bytes
    usage: Usage
    finish: str
    model: str
    spawns: list[tuple[str, str]] = field(default_factory=list)


class _Writer:
    """Writes events as one server would: its line ends, its spaces, its comments in between."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._end = rng.choice(["\n", "\n", "\r\n"])
        self._separators = rng.choice([(",", ":"), (", ", ": ")])
        self._ascii = rng.random() < 0.5
        self._parts: list[bytes] = []

    def event(self, name: str, value: Any) -> None:
        text = value if isinstance(value, str) else self._json(value)
        lines = [f"event: {name}"] if name else []
        lines += [f"data: {line}" for line in text.split("\n")]
        self._add(lines)
        if self._rng.random() < 0.05:
            self._add([": keep-alive"])

    def bytes(self) -> bytes:
        return b"".join(self._parts)

    def _json(self, value: Any) -> str:
        multi = self._rng.random() < 0.02
        indent = 1 if multi else None  # data over several lines is legal
        return json.dumps(value, ensure_ascii=self._ascii, separators=self._separators, indent=indent)

    def _add(self, lines: list[str]) -> None:
        self._parts.append((self._end.join(lines) + 2 * self._end).encode())


def _pieces(rng: Random, text: str) -> list[str]:
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randint(1, 6)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def messages_stream(rng: Random) -> RecordedStream:
    """Thinking, text and interleaved-looking tool blocks, one of which may start a subagent."""
    out, spawns = _Writer(rng), []
    five, hour, read, fresh = (rng.randrange(5000) for _ in range(4))
    start_usage = {
        "input_tokens": fresh,
        "cache_creation_input_tokens": five + hour,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": 1,
        "service_tier": "standard",
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": []}
    out.event("message_start", {"type": "message_start", "message": {**message, "usage": start_usage}})
    for index in range(rng.randint(1, 4)):
        spawns += _messages_block(rng, out, index)
        if rng.random() < 0.3:
            out.event("ping", {"type": "ping"})
    output = rng.randrange(1, 9000)
    thinking = rng.randrange(output)
    usage = {"output_tokens": output, "input_tokens": None, "output_tokens_details": {"thinking_tokens": thinking}}
    usage["server_tool_use"] = {"web_search_requests": 2}
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    out.event("message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
    out.event("message_stop", {"type": "message_stop"})
    counts = Usage(
        uncached=fresh, cache_read=read, cache_write_5m=five, cache_write_1h=hour, output=output, reasoning=thinking,
        web_searches=2,
    )  # fmt: skip
    return RecordedStream("anthropic-messages", out.bytes(), counts, "tool_use", "claude-opus-5-5", spawns)


def _messages_block(rng: Random, out: _Writer, index: int) -> list[tuple[str, str]]:
    kind = rng.choice(["thinking", "text", "tool_use", "agent"])
    spawned: list[tuple[str, str]] = []
    if kind == "thinking":
        block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(rng, words(rng))]
        deltas.append({"type": "signature_delta", "signature": "c2ln"})
    elif kind == "text":
        block = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(rng, words(rng))]
    else:
        name = rng.choice(["Agent", "Task"]) if kind == "agent" else "Read"
        block = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
        given = {"description": "look", "prompt": words(rng), "subagent_type": "Explore"}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(rng, json.dumps(given))]
        spawned = [("Explore", given["prompt"])] if kind == "agent" else []
    out.event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    for delta in deltas:
        out.event("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    out.event("content_block_stop", {"type": "content_block_stop", "index": index})
    return spawned


def chat_stream(rng: Random) -> RecordedStream:
    """Reasoning, text and interleaved fragments of two tool calls; usage in a chunk without choices."""
    out = _Writer(rng)
    null_usage = rng.random() < 0.5

    def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> None:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5.5"}
        out.event("", {**frame, "choices": choices, **({"usage": None} if null_usage else {}), **more})

    chunk({"role": "assistant", "content": ""})
    for piece in _pieces(rng, words(rng)):
        chunk({rng.choice(["content", "reasoning_content"]): piece})
    opened = [
        {"index": i, "id": f"call_{i}", "type": "function", "function": {"name": "f", "arguments": ""}} for i in (0, 1)
    ]
    if rng.random() < 0.5:
        chunk({"tool_calls": opened})
        for piece in _pieces(rng, json.dumps({"path": words(rng)})):
            chunk({"tool_calls": [{"index": rng.randrange(2), "function": {"arguments": piece}}]})
    chunk({}, "stop")
    prompt, completion = rng.randrange(1, 9000), rng.randrange(1, 9000)
    cached = rng.randrange(prompt)
    written, reasoning = rng.randrange(prompt - cached), rng.randrange(completion)
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    chunk(None, usage=usage)
    out.event("", "[DONE]")
    counts = Usage(
        uncached=prompt - cached - written, cache_read=cached, cache_write_30m=written, output=completion,
        reasoning=reasoning,
    )  # fmt: skip
    return RecordedStream("openai-chat", out.bytes(), counts, "stop", "gpt-5.5")


def responses_stream(rng: Random) -> RecordedStream:
    """A reasoning item, a message and a function call; ends completed or incomplete."""
    out = _Writer(rng)
    numbers = iter(range(10_000))

    def event(name: str, **members: Any) -> None:
        out.event(name, {"type": name, "sequence_number": next(numbers), **members})

    response: dict[str, Any] = {"id": "resp_1", "object": "response", "model": "gpt-5.5", "status": "in_progress"}
    event("response.created", response={**response, "usage": None, "error": None})
    event("response.in_progress", response={**response, "usage": None})
    for index in range(rng.randint(1, 3)):
        kind, delta = rng.choice(
            [("message", "response.output_text.delta"), ("function_call", "response.function_call_arguments.delta")]
        )
        event("response.output_item.added", output_index=index, item={"type": kind, "id": f"item_{index}"})
        for piece in _pieces(rng, words(rng)):
            event(delta, output_index=index, item_id=f"item_{index}", delta=piece)
        event("response.output_item.done", output_index=index, item={"type": kind, "id": f"item_{index}"})
    prompt, completion = rng.randrange(1, 9000), rng.randrange(1, 9000)
    cached = rng.randrange(prompt)
    long = rng.randrange(prompt - cached)
    details = {
        "cached_tokens": cached,
        "cache_write_tokens": long,
        "cache_write_tokens_details": {"ttl_12h_tokens": long},
    }
    usage = {"input_tokens": prompt, "input_tokens_details": details, "output_tokens": completion}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": prompt + completion}
    status = rng.choice(["completed", "incomplete"])
    cause = {"reason": "max_output_tokens"} if status == "incomplete" else None
    output = [{"type": "message", "content": [{"type": "output_text", "text": words(rng)}]}]
    final = {**response, "status": status, "incomplete_details": cause, "output": output, "usage": usage}
    event(f"response.{status}", response=final)
    counts = Usage(uncached=prompt - cached - long, cache_read=cached, cache_write_12h=long, output=completion)
    finish = cause["reason"] if cause else status
    return RecordedStream("openai-responses", out.bytes(), counts, finish, "gpt-5.5")


def gemini_stream(rng: Random) -> RecordedStream:
    """Thoughts, text and a function call; every chunk carries usage, the last one counts."""
    out = _Writer(rng)
    prompt, candidates, thoughts, tool_use = (rng.randrange(1, 9000) for _ in range(4))
    cached = rng.randrange(prompt)
    texts = _pieces(rng, words(rng))
    for number, piece in enumerate(texts):
        last = number == len(texts) - 1
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": candidates if last else 1,
            "totalTokenCount": prompt,
        }
        if last:
            total = prompt + candidates + thoughts + tool_use
            usage |= {"thoughtsTokenCount": thoughts, "toolUsePromptTokenCount": tool_use, "totalTokenCount": total}
            usage |= {"cachedContentTokenCount": cached}
        part = {"text": piece, "thought": True} if rng.random() < 0.2 else {"text": piece}
        candidate = {
            "content": {"parts": [part], "role": "model"},
            "index": 0,
            **({"finishReason": "STOP"} if last else {}),
        }
        out.event("", {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3-flash"})
    counts = Usage(
        uncached=prompt - cached + tool_use, cache_read=cached, output=candidates + thoughts, reasoning=thoughts
    )
    return RecordedStream("gemini-generate", out.bytes(), counts, "STOP", "gemini-3-flash")


STREAMS: dict[DialectName, Callable[[Random], RecordedStream]] = {
    "anthropic-messages": messages_stream,
    "openai-chat": chat_stream,
    "openai-responses": responses_stream,
    "gemini-generate": gemini_stream,
}


def recorded_streams(n: int, seed: int) -> list[RecordedStream]:
    """`n` streams over the four streaming dialects in turn; the same for the same seed."""
    rng = Random(seed)
    makers = list(STREAMS.values())
    return [makers[number % len(makers)](rng) for number in range(n)]
