"""OpenAI Chat Completions: requests read, answers written, streamed or whole. Shapes: openai-py 3.52.0, 2026-11.

Must not send anything. Next: `chat_check.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from ccproxy_contract.usage import Usage
from tests.fakes.provider import models, tokens
from tests.fakes.provider.answer import EVENT_STREAM, Answer, Frame, Incoming, data, whole
from tests.fakes.provider.asked import Asked, Refused, Tool
from tests.fakes.provider.chat_check import check, check_window, missing_model, texts_of
from tests.fakes.provider.prefix_cache import Hit, Part, PrefixCache
from tests.fakes.provider.script import Reply, reply
from tests.fakes.provider.steps import Step, steps

KINDS = {
    400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"), 404: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"), 500: ("server_error", None),
    503: ("server_error", "server_is_overloaded"),
}  # fmt: skip
FINISHES = {
    "stop": "stop", "length": "length", "tool": "tool_calls", "refusal": "content_filter", "stop_sequence": "stop",
}  # fmt: skip
COUNTS_WRITES = ("gpt-5.5", "gpt-6")
"""Models that report what they wrote to the cache (`cache_write_tokens`)."""


def answer(incoming: Incoming, cache: PrefixCache, seed: int) -> Answer:
    """`POST /v1/chat/completions`. Raises `Refused`."""
    check(incoming.json)
    asked = read(incoming.json)
    if not models.exists(asked.model):
        raise missing_model(asked.model)
    check_window(asked.prompt_tokens, asked.model)
    said = reply(asked, seed)
    usage = usage_of(asked, said, cache.by_itself(f"{incoming.key}|{asked.model}", asked.parts))
    head = _head(incoming, asked, seed)
    if not asked.stream:
        return whole(_completion(head, said, usage), usage, model=asked.model)
    counted = (incoming.json.get("stream_options") or {}).get("include_usage") is True
    frames = tuple(_stream(head, said, usage, counted=counted))
    return Answer(frames=frames, content_type=EVENT_STREAM, usage=usage, model=asked.model)


def error(refused: Refused) -> dict[str, Any]:
    kind, code = KINDS.get(refused.status, ("server_error" if refused.status >= 500 else "invalid_request_error", None))
    return {
        "error": {
            "message": refused.message,
            "type": refused.kind or kind,
            "param": refused.param,
            "code": refused.code or code,
        }
    }


def error_event(refused: Refused) -> Frame:
    """How a stream says that it broke: an error instead of a chunk, and no `[DONE]`."""
    return data(error(refused))


def read(body: dict[str, Any]) -> Asked:
    """A checked body as what it asks for."""
    newest = body["messages"][-1]
    form = body.get("response_format") or {}
    texts = texts_of(newest.get("content")) if newest["role"] != "tool" else []
    stop = body.get("stop") or ()
    return Asked(
        model=body["model"],
        stream=body.get("stream") is True,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        thinking=body.get("reasoning_effort") not in (None, "none"),
        tools=tuple(_tool(tool) for tool in body.get("tools") or [] if body.get("tool_choice") != "none"),
        must_call=must_call(body.get("tool_choice")),
        system="\n".join(
            text
            for message in body["messages"]
            if message["role"] in ("system", "developer")
            for text in texts_of(message.get("content"))
        ),
        last_text=texts[-1] if texts else "",
        after_tool=newest["role"] == "tool",
        schema=_schema(form),
        stops=(stop,) if isinstance(stop, str) else tuple(stop),
        parts=tuple(_parts(body)),
    )


def must_call(choice: Any) -> str:
    """`required`, a function's name, or free."""
    if isinstance(choice, dict):
        return str((choice.get("function") or choice).get("name", ""))
    return "any" if choice == "required" else ""


def usage_of(asked: Asked, said: Reply, hit: Hit) -> Usage:
    """OpenAI's counts as disjoint buckets."""
    written = hit.written_automatic if asked.model.startswith(COUNTS_WRITES) else 0
    return Usage(
        uncached=asked.prompt_tokens - hit.read - written,
        cache_read=hit.read,
        cache_write_30m=written,
        output=said.output_tokens,
        reasoning=said.reasoning_tokens,
    )


def _schema(form: dict[str, Any]) -> dict[str, Any] | None:
    if form.get("type") == "json_schema":
        schema = (form.get("json_schema") or {}).get("schema")
        return schema if isinstance(schema, dict) else {}
    return {"type": "object"} if form.get("type") == "json_object" else None


def _tool(tool: dict[str, Any]) -> Tool:
    function = tool.get("function") or {}
    return Tool(str(function.get("name") or tool.get("type")), function.get("parameters") or {})


def _parts(body: dict[str, Any]) -> Iterator[Part]:
    for tool in body.get("tools") or []:
        yield _part(tokens.encoded(tool))
    for message in body["messages"]:
        images = [p for p in _content(message) if p.get("type") == "image_url"]
        words = [p for p in _content(message) if p.get("type") != "image_url"]
        rest = {name: value for name, value in message.items() if name != "content"}
        text = b"".join(str(p.get("text", "")).encode() for p in words)
        wrapping = tokens.encoded(rest)
        calls = tokens.count(tokens.encoded(message["tool_calls"])) if message.get("tool_calls") else 0
        yield Part(wrapping + text, tokens.count(text) + calls + tokens.TURN_TOKENS)
        for image in images:
            yield Part(tokens.media_digest(image), tokens.IMAGE_TOKENS)


def _content(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _part(content: bytes) -> Part:
    return Part(content, tokens.count(content))


def _wire_usage(usage: Usage) -> dict[str, Any]:
    details = {"cached_tokens": usage.cache_read, "audio_tokens": 0}
    if usage.cache_write:
        details["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _head(incoming: Incoming, asked: Asked, seed: int) -> dict[str, Any]:
    digest = hashlib.blake2b(incoming.body + bytes([seed & 255]), digest_size=14).hexdigest()
    return {
        "id": f"chatcmpl-{digest}",
        "object": "chat.completion",
        "created": models.CREATED_S,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _completion(head: dict[str, Any], said: Reply, usage: Usage) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None, "annotations": []}
    if said.calls:
        message["tool_calls"] = [
            {"id": f"call_{c.id}", "type": "function", "function": {"name": c.name, "arguments": c.arguments_json}}
            for c in said.calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISHES[said.finish]}
    return {**head, "choices": [choice], "usage": _wire_usage(usage)}


def _stream(head: dict[str, Any], said: Reply, usage: Usage, *, counted: bool) -> Iterator[Frame]:
    head = head | {"object": "chat.completion.chunk"}
    tail = {"usage": None} if counted else {}

    def chunk(delta: dict[str, Any], produced: int, finish: str | None = None) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data({**head, "choices": [choice], **tail}, produced)

    yield chunk({"role": "assistant", "content": "" if said.text else None, "refusal": None}, 0)
    for step in steps(said, interleave=True):
        delta = _delta(said, step)
        if delta is not None:
            yield chunk(delta, step.output_tokens)
    yield chunk({}, usage.output, FINISHES[said.finish])
    if counted:
        yield data({**head, "choices": [], "usage": _wire_usage(usage)}, usage.output)
    yield Frame(b"data: [DONE]\n\n", usage.output)


def _delta(said: Reply, step: Step) -> dict[str, Any] | None:
    """OpenAI's Chat never shows its reasoning."""
    if step.kind == "text":
        return {"content": step.text}
    if step.kind == "call":
        call = said.calls[step.call]
        opened = {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": ""}}
        return {"tool_calls": [{"index": step.call, **opened}]}
    if step.kind == "arguments":
        return {"tool_calls": [{"index": step.call, "function": {"arguments": step.text}}]}
    return None
