"""Anthropic Messages: requests read, answers written, streamed or whole. Shapes: anthropic-py 2.11.0, 2026-11.

Must not send anything. Next: `messages_check.py`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from ccproxy_contract.usage import Usage
from tests.fakes.provider import models, tokens
from tests.fakes.provider.answer import EVENT_STREAM, Answer, Frame, Incoming, event, whole
from tests.fakes.provider.asked import Asked, Refused, Tool
from tests.fakes.provider.messages_check import blocks, check, refuse
from tests.fakes.provider.prefix_cache import FIVE_MINUTES_S, HOUR_S, Hit, Part, PrefixCache
from tests.fakes.provider.script import Reply, reply
from tests.fakes.provider.steps import Step, steps

KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
    504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
STOP_REASONS = {
    "stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "refusal": "refusal",
    "stop_sequence": "stop_sequence",
}  # fmt: skip


def answer(incoming: Incoming, cache: PrefixCache, seed: int) -> Answer:
    """`POST /v1/messages`. Raises `Refused`."""
    body = incoming.json
    check(body, needs_limit=True, signed=lambda text: signature(text, str(body.get("model"))))
    asked = read(body)
    if not models.exists(asked.model):
        raise Refused(404, f"model: {asked.model}", kind="not_found_error")
    room = models.window(asked.model)
    if room is not None and asked.prompt_tokens > room:
        raise refuse(f"prompt is too long: {asked.prompt_tokens} tokens > {room} maximum")
    said = reply(asked, seed)
    hit = cache.at_breakpoints(f"{incoming.key}|{asked.model}", asked.parts)
    usage = _usage(asked, said, hit)
    identity = _identity(incoming, asked, seed)
    if asked.stream:
        frames = tuple(_stream(asked, said, usage, identity=identity))
        return Answer(frames=frames, content_type=EVENT_STREAM, usage=usage, model=asked.model)
    return whole(_message(asked, said, usage, identity=identity), usage, model=asked.model)


def count(incoming: Incoming) -> Answer:
    """`POST /v1/messages/count_tokens`. Raises `Refused`."""
    body = incoming.json
    check(body, needs_limit=False, signed=lambda text: signature(text, str(body.get("model"))))
    asked = read(body)
    return whole({"input_tokens": asked.prompt_tokens}, model=asked.model)


def error(refused: Refused) -> dict[str, Any]:
    kind = refused.kind or KINDS.get(refused.status, "api_error" if refused.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": refused.message}, "request_id": "req_011CScripted"}


def error_event(refused: Refused) -> Frame:
    """How a stream says that it broke."""
    return event("error", error(refused), bill=False)


def signature(thinking: str, model: str) -> str:
    """Binds thinking to the model family that thought it; deterministic, checked when it comes back."""
    family = "-".join(model.split("-")[:2])
    return base64.b64encode(hashlib.blake2b(f"{family}|{thinking}".encode(), digest_size=48).digest()).decode()


def read(body: dict[str, Any]) -> Asked:
    """A checked body as what it asks for."""
    newest = [m for m in body["messages"] if m["role"] != "system"][-1]
    content = blocks(newest["content"])
    texts = [str(block["text"]) for block in content if block.get("type") == "text"]
    choice = body.get("tool_choice") or {}
    form = (body.get("output_config") or {}).get("format") or {}
    return Asked(
        model=body["model"],
        stream=body.get("stream") is True,
        max_tokens=body.get("max_tokens"),
        thinking=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
        tools=tuple(_tool(tool) for tool in body.get("tools") or [] if choice.get("type") != "none"),
        must_call={"any": "any", "tool": str(choice.get("name"))}.get(choice.get("type", ""), ""),
        system="\n".join(str(block.get("text", "")) for block in blocks(body.get("system") or [])),
        last_text=texts[-1] if texts else "",
        after_tool=any(block.get("type") == "tool_result" for block in content),
        schema=form.get("schema") if form.get("type") == "json_schema" else None,
        stops=tuple(body.get("stop_sequences") or ()),
        parts=tuple(_parts(body)),
    )


def _tool(tool: dict[str, Any]) -> Tool:
    return Tool(str(tool.get("name") or tool.get("type")), tool.get("input_schema") or {})


def _parts(body: dict[str, Any]) -> Iterator[Part]:
    """The prompt in Anthropic's order: tools, system, messages."""
    for tool in body.get("tools") or []:
        yield _part(tool, tokens.encoded(_bare(tool)))
    for block in blocks(body.get("system") or []):
        yield _part(block, str(block.get("text", "")).encode())
    for message in body["messages"]:
        wrapping = tokens.TURN_TOKENS
        for block in blocks(message["content"]):
            yield _block_part(message["role"], block, wrapping)
            wrapping = 0


def _block_part(role: str, block: dict[str, Any], wrapping: int) -> Part:
    match block.get("type"):
        case "text":
            text = str(block["text"]).encode()
            return _part(block, role.encode() + text, tokens.count(text) + wrapping)
        case "image":
            return _part(block, tokens.media_digest(block.get("source")), tokens.IMAGE_TOKENS + wrapping)
        case "document":
            return _part(block, tokens.media_digest(block.get("source")), tokens.DOCUMENT_TOKENS + wrapping)
    content = tokens.encoded(_bare(block))
    return _part(block, role.encode() + content, tokens.count(content) + wrapping)


def _part(block: dict[str, Any], content: bytes, size: int | None = None) -> Part:
    control = block.get("cache_control") or {}
    ttl_s = 0 if not control else HOUR_S if control.get("ttl") == "1h" else FIVE_MINUTES_S
    return Part(content, tokens.count(content) if size is None else size, ttl_s)


def _bare(block: dict[str, Any]) -> dict[str, Any]:
    """Breakpoints are no content: moving one does not change the prefix."""
    return {name: value for name, value in block.items() if name != "cache_control"}


def _usage(asked: Asked, said: Reply, hit: Hit) -> Usage:
    return Usage(
        uncached=asked.prompt_tokens - hit.read - hit.written_5m - hit.written_1h,
        cache_read=hit.read,
        cache_write_5m=hit.written_5m,
        cache_write_1h=hit.written_1h,
        output=said.output_tokens,
        reasoning=said.reasoning_tokens,
    )


def _wire_usage(usage: Usage, output: int) -> dict[str, Any]:
    return {
        "input_tokens": usage.uncached,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": output,
        "service_tier": "standard",
    }


def _delta_usage(usage: Usage) -> dict[str, Any]:
    """The last word on usage: cumulative, without the split of the writes."""
    wire = _wire_usage(usage, usage.output)
    del wire["cache_creation"], wire["service_tier"]
    return wire | _thought(usage)


def _thought(usage: Usage) -> dict[str, Any]:
    return {"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else {}


def _identity(incoming: Incoming, asked: Asked, seed: int) -> str:
    return "msg_01" + hashlib.blake2b(incoming.body + bytes([seed & 255]), digest_size=11).hexdigest()


def _message(asked: Asked, said: Reply, usage: Usage, *, identity: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if said.thinking:
        signed = signature(said.thinking, asked.model)
        content.append({"type": "thinking", "thinking": said.thinking, "signature": signed})
    if said.text:
        content.append({"type": "text", "text": said.text})
    for call in said.calls:
        content.append({"type": "tool_use", "id": f"toolu_01{call.id}", "name": call.name, "input": call.arguments})
    return {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": STOP_REASONS[said.finish],
        "stop_sequence": said.stop or None,
        "usage": _wire_usage(usage, usage.output) | _thought(usage),
    }


def _stream(asked: Asked, said: Reply, usage: Usage, *, identity: str) -> Iterator[Frame]:
    opening = _message(asked, Reply(), usage, identity=identity) | {"stop_reason": None}
    opening["usage"] = _wire_usage(usage, 1)
    yield event("message_start", {"type": "message_start", "message": opening}, 1)
    blocks_out = _Blocks(asked, said)
    for step in steps(said):
        yield from blocks_out.frames(step)
    delta = {"stop_reason": STOP_REASONS[said.finish], "stop_sequence": said.stop or None}
    last = {"type": "message_delta", "delta": delta, "usage": _delta_usage(usage)}
    yield event("message_delta", last, usage.output)
    yield event("message_stop", {"type": "message_stop"}, usage.output)


class _Blocks:
    """Opens and closes content blocks, one at a time, as steps come."""

    def __init__(self, asked: Asked, said: Reply) -> None:
        self._asked, self._said = asked, said
        self._open = ""
        self._index = -1
        self._pinged = False

    def frames(self, step: Step) -> Iterator[Frame]:
        name = f"{step.kind if step.call < 0 else 'call'} {step.call}"
        if name != self._open:
            yield from self._close(step)
            if step.kind == "end":
                return
            yield from self._start(step, name)
        if step.kind != "call":
            yield self._delta(step)

    def _close(self, step: Step) -> Iterator[Frame]:
        if not self._open:
            return
        if self._open.startswith("thinking"):
            signed = signature(self._said.thinking, self._asked.model)
            yield self._event("delta", {"delta": {"type": "signature_delta", "signature": signed}}, step)
        yield self._event("stop", {}, step)
        self._open = ""

    def _start(self, step: Step, name: str) -> Iterator[Frame]:
        self._open, self._index = name, self._index + 1
        yield self._event("start", {"content_block": self._empty(step)}, step)
        if not self._pinged:
            self._pinged = True
            yield event("ping", {"type": "ping"}, bill=False)

    def _empty(self, step: Step) -> dict[str, Any]:
        if step.kind == "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        if step.kind == "text":
            return {"type": "text", "text": ""}
        call = self._said.calls[step.call]
        return {"type": "tool_use", "id": f"toolu_01{call.id}", "name": call.name, "input": {}}

    def _delta(self, step: Step) -> Frame:
        kind, field = {
            "thinking": ("thinking_delta", "thinking"),
            "text": ("text_delta", "text"),
            "arguments": ("input_json_delta", "partial_json"),
        }[step.kind]
        return self._event("delta", {"delta": {"type": kind, field: step.text}}, step)

    def _event(self, what: str, rest: dict[str, Any], step: Step) -> Frame:
        kind = f"content_block_{what}"
        return event(kind, {"type": kind, "index": self._index, **rest}, max(step.output_tokens, 1))
