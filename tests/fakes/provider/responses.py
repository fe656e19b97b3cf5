"""OpenAI Responses: requests read, answers written and kept. Shapes: openai-py 3.52.0, 2026-11.

Must not send anything. Next: `responses_check.py`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from ccproxy_contract.usage import Usage
from tests.fakes.provider import chat, models, responses_stream, tokens
from tests.fakes.provider.answer import EVENT_STREAM, Answer, Frame, Incoming, event, whole
from tests.fakes.provider.asked import Asked, Refused, Tool
from tests.fakes.provider.chat_check import check_window, missing_model, refuse, texts_of
from tests.fakes.provider.prefix_cache import Part, PrefixCache
from tests.fakes.provider.responses_check import check, not_kept
from tests.fakes.provider.responses_store import Store
from tests.fakes.provider.script import Reply, reply

Value = dict[str, Any]


def answer(incoming: Incoming, *, cache: PrefixCache, seed: int, store: Store) -> Answer:
    """`POST /v1/responses`. Raises `Refused`."""
    items = _conversation(incoming.json, store)
    check(incoming.json, items)
    asked = read(incoming.json, items)
    if not models.exists(asked.model):
        raise missing_model(asked.model)
    check_window(asked.prompt_tokens, asked.model)
    said = reply(asked, seed)
    usage = chat.usage_of(asked, said, cache.by_itself(f"{incoming.key}|{asked.model}", asked.parts))
    head = _head(incoming, asked, seed)
    final = {**head, **_ending(said), "output": list(_output(head["id"], said)), "usage": wire_usage(usage)}
    if incoming.json.get("store") is not False:
        store.keep(final, [*items, *final["output"]])
    if not asked.stream:
        return whole(final, usage, model=asked.model)
    frames = tuple(responses_stream.frames(head, final, said))
    return Answer(frames=frames, content_type=EVENT_STREAM, usage=usage, model=asked.model)


def compact(incoming: Incoming, *, cache: PrefixCache, seed: int, store: Store) -> Answer:
    """`POST /v1/responses/compact`: the users' messages and one opaque item. Raises `Refused`."""
    items = _conversation(incoming.json, store)
    check(incoming.json, items)
    asked = read(incoming.json, items)
    said = Reply(text=f"{len(items)} items, in short.")
    usage = chat.usage_of(asked, said, cache.by_itself(f"{incoming.key}|{asked.model}", asked.parts))
    digest = hashlib.blake2b(incoming.body + bytes([seed & 255]), digest_size=24).hexdigest()
    sealed = {"id": f"cmp_{digest}", "type": "compaction", "encrypted_content": _sealed(said.text)}
    kept = [_as_message(i, digest, item) for i, item in enumerate(items) if item.get("role") == "user"]
    body = {
        "id": f"resp_{digest}",
        "object": "response.compaction",
        "created_at": models.CREATED_S,
        "output": [*kept, sealed],
        "usage": wire_usage(usage),
    }
    return whole(body, usage, model=asked.model)


def kept(incoming: Incoming, store: Store) -> Answer:
    """`GET /v1/responses/{id}`. Raises `Refused`."""
    found = store.response(incoming.names["id"])
    if found is None:
        raise not_kept(incoming.names["id"])
    return whole(found)


def delete(incoming: Incoming, store: Store) -> Answer:
    """`DELETE /v1/responses/{id}`. Raises `Refused`."""
    identity = incoming.names["id"]
    if not store.drop(identity):
        raise not_kept(identity)
    return whole({"id": identity, "object": "response", "deleted": True})


def error_event(refused: Refused) -> Frame:
    """How a stream says that it broke."""
    failed = {"code": refused.code or "server_error", "message": refused.message}
    response = {"id": "resp_failed", "object": "response", "status": "failed", "error": failed, "output": []}
    return event("response.failed", {"type": "response.failed", "sequence_number": 99, "response": response})


def read(body: Value, items: list[Any]) -> Asked:
    """A checked body as what it asks for."""
    newest = items[-1]
    texts = texts_of(newest.get("content")) if newest.get("role") == "user" else []
    form = (body.get("text") or {}).get("format") or {}
    return Asked(
        model=body["model"],
        stream=body.get("stream") is True,
        max_tokens=body.get("max_output_tokens"),
        thinking=(body.get("reasoning") or {}).get("effort") not in (None, "none"),
        tools=tuple(_tools(body, items)),
        must_call=chat.must_call(body.get("tool_choice")),
        system=str(body.get("instructions") or ""),
        last_text=texts[-1] if texts else "",
        after_tool=newest.get("type") == "function_call_output",
        schema=form.get("schema") if form.get("type") == "json_schema" else None,
        parts=tuple(_parts(body, items)),
    )


def wire_usage(usage: Usage) -> Value:
    """Disjoint buckets as OpenAI's counts, where input includes what was cached."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _conversation(body: Value, store: Store) -> list[Any]:
    before: list[Any] = []
    previous = body.get("previous_response_id")
    if previous is not None:
        known = store.conversation(str(previous))
        if known is None:
            text = f"Previous response with id '{previous}' not found."
            raise refuse(text, "previous_response_id", "previous_response_not_found")
        before = known
    given = body.get("input") or []
    return [*before, *([{"role": "user", "content": given}] if isinstance(given, str) else given)]


def _tools(body: Value, items: list[Any]) -> Iterator[Tool]:
    """Tools that take JSON, in groups or not, in the body's own list or in an item (Codex 0.169)."""
    if body.get("tool_choice") == "none":
        return
    added = [tool for item in items if item.get("type") == "additional_tools" for tool in item.get("tools") or []]
    for tool in [*(body.get("tools") or []), *added]:
        group = str(tool.get("name")) if tool.get("type") == "namespace" else ""
        for inner in tool.get("tools", [tool]):
            if inner.get("type") != "custom":
                yield Tool(str(inner.get("name") or inner.get("type")), inner.get("parameters") or {}, group)


def _parts(body: Value, items: list[Any]) -> Iterator[Part]:
    for tool in body.get("tools") or []:
        content = tokens.encoded(tool)
        yield Part(content, tokens.count(content))
    instructions = str(body.get("instructions") or "").encode()
    yield Part(instructions, tokens.count(instructions))
    for item in items:
        yield from _item_parts(item)


def _item_parts(item: Value) -> Iterator[Part]:
    """Words count as words, whichever way they are written; pictures at their fixed price."""
    if item.get("type", "message") != "message":
        content = tokens.encoded({name: value for name, value in item.items() if name != "id"})
        yield Part(content, tokens.count(content))
        return
    text = "".join(texts_of(item.get("content"))).encode()
    yield Part(str(item.get("role")).encode() + text, tokens.count(text) + tokens.TURN_TOKENS)
    for part in item["content"] if isinstance(item.get("content"), list) else []:
        if part.get("type") == "input_image":
            yield Part(tokens.media_digest(part), tokens.IMAGE_TOKENS)


def _head(incoming: Incoming, asked: Asked, seed: int) -> Value:
    digest = hashlib.blake2b(incoming.body + bytes([seed & 255]), digest_size=24).hexdigest()
    body = incoming.json
    return {
        "id": f"resp_{digest}",
        "object": "response",
        "created_at": models.CREATED_S,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": asked.max_tokens,
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": (body.get("reasoning") or {}).get("effort"), "summary": None},
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "metadata": body.get("metadata") or {},
    }


def _ending(said: Reply) -> Value:
    if said.finish == "length":
        return {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return {"status": "completed"}


def _output(identity: str, said: Reply) -> Iterator[Value]:
    tail = identity.removeprefix("resp_")[:40]
    status = {"status": "incomplete" if said.finish == "length" else "completed"}
    if said.thinking:
        summary = [{"type": "summary_text", "text": said.thinking}]
        sealed = _sealed(said.thinking)
        yield {"id": f"rs_{tail}", "type": "reasoning", "summary": summary, "encrypted_content": sealed}
    if said.text:
        content: Value = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        if said.finish == "refusal":
            content = {"type": "refusal", "refusal": said.text}
        yield {"id": f"msg_{tail}", "type": "message", "role": "assistant", "content": [content], **status}
    for call in said.calls:
        yield {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "call_id": f"call_{call.id}",
            "name": call.name,
            **({"namespace": call.namespace} if call.namespace else {}),
            "arguments": call.arguments_json,
            "status": "completed",
        }


def _as_message(at: int, digest: str, item: Value) -> Value:
    content = [{"type": "input_text", "text": text} for text in texts_of(item.get("content"))]
    return {
        "id": f"msg_{at}_{digest[:32]}",
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": content,
    }


def _sealed(text: str) -> str:
    return base64.b64encode(b"sealed:" + hashlib.blake2b(text.encode()).digest()).decode()
