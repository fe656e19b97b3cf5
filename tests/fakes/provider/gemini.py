"""Google Gemini: generateContent and its stream, countTokens, embeddings. Shapes: google-genai 3.4.0, 2026-11.

Must not send anything. Next: `gemini_check.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ccproxy_contract.usage import NO_USAGE, Usage
from tests.fakes.provider import embeddings, models, tokens
from tests.fakes.provider.answer import EVENT_STREAM, JSON, Answer, Frame, Incoming
from tests.fakes.provider.asked import Asked, Refused, Tool
from tests.fakes.provider.gemini_check import check, either
from tests.fakes.provider.prefix_cache import Part, PrefixCache
from tests.fakes.provider.script import Reply, reply
from tests.fakes.provider.steps import Step, steps

Value = dict[str, Any]
STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
SIGNING = ("gemini-3", "gemini-4")
"""Models that refuse a function call which comes back without its signature."""
FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP", "refusal": "SAFETY", "stop_sequence": "STOP"}


def answer(incoming: Incoming, cache: PrefixCache, seed: int, *, stream: bool) -> Answer:
    """`POST /v1beta/models/{m}:generateContent` and `:streamGenerateContent`. Raises `Refused`."""
    asked = _asked(incoming, stream=stream)
    said = reply(asked, seed)
    hit = cache.by_itself(f"{incoming.key}|{asked.model}", asked.parts)
    usage = Usage(
        uncached=asked.prompt_tokens - hit.read,
        cache_read=hit.read,
        output=said.output_tokens,
        reasoning=said.reasoning_tokens,
    )
    tail = {"modelVersion": asked.model, "responseId": hashlib.blake2b(incoming.body, digest_size=12).hexdigest()}
    if not stream:
        return _pretty(_chunk(list(_parts_said(asked, said)), usage, said) | tail, usage, asked.model)
    chunks = [(chunk | tail, produced) for chunk, produced in _chunks(asked, said, usage)]
    if incoming.wants_sse:
        frames = tuple(Frame(b"data: " + tokens.encoded(c) + b"\r\n\r\n", produced) for c, produced in chunks)
        return Answer(frames=frames, content_type=EVENT_STREAM, usage=usage, model=asked.model)
    return Answer(frames=tuple(_array(chunks)), content_type=JSON, usage=usage, model=asked.model)


def count(incoming: Incoming) -> Answer:
    """`:countTokens`. Raises `Refused`."""
    inner = either(incoming.json, "generateContentRequest", "generate_content_request")
    body = inner if isinstance(inner, dict) else incoming.json
    asked = _asked(msgspec.structs.replace(incoming, json=body), stream=False)
    details = [{"modality": "TEXT", "tokenCount": asked.prompt_tokens}]
    value = {"totalTokens": asked.prompt_tokens, "promptTokensDetails": details}
    return _pretty(value, NO_USAGE, asked.model)


def embed(incoming: Incoming) -> Answer:
    """`:embedContent`. Raises `Refused`."""
    return _pretty({"embedding": _embedding(incoming.json)}, NO_USAGE, incoming.names["model"])


def embed_all(incoming: Incoming) -> Answer:
    """`:batchEmbedContents`. Raises `Refused`."""
    listed = [_embedding(one) for one in incoming.json.get("requests") or []]
    return _pretty({"embeddings": listed}, NO_USAGE, incoming.names["model"])


def error(refused: Refused) -> Value:
    status = refused.kind if refused.kind.isupper() else STATUSES.get(refused.status, "UNKNOWN")
    told: Value = {"code": refused.status, "message": refused.message, "status": status}
    if refused.status == 429:
        told["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}]
    return {"error": told}


def error_event(refused: Refused) -> Frame:
    """How a stream says that it broke: an error object in place of a chunk."""
    return Frame(b"data: " + tokens.encoded(error(refused)) + b"\r\n\r\n")


def read(body: Value, model: str, *, stream: bool) -> Asked:
    """A checked body as what it asks for."""
    newest = body["contents"][-1]["parts"]
    texts = [str(part["text"]) for part in newest if "text" in part]
    wishes = either(body, "generationConfig", "generation_config") or {}
    thought = either(wishes, "thinkingConfig", "thinking_config") or {}
    system = either(body, "systemInstruction", "system_instruction") or {}
    return Asked(
        model=model,
        stream=stream,
        max_tokens=either(wishes, "maxOutputTokens", "max_output_tokens"),
        thinking=bool(either(thought, "includeThoughts", "include_thoughts")),
        tools=tuple(_tools(body)),
        must_call=_must_call(body),
        system="\n".join(str(part.get("text", "")) for part in system.get("parts") or []),
        last_text=texts[-1] if texts else "",
        after_tool=any(either(part, "functionResponse", "function_response") for part in newest),
        schema=either(wishes, "responseJsonSchema", "responseSchema", "response_json_schema", "response_schema"),
        stops=tuple(either(wishes, "stopSequences", "stop_sequences") or ()),
        parts=tuple(_parts(body, system)),
    )


def _asked(incoming: Incoming, *, stream: bool) -> Asked:
    model = incoming.names["model"]
    check(incoming.json, needs_signatures=model.startswith(SIGNING))
    if not models.exists(model):
        raise Refused(404, f"models/{model} is not found for API version v1beta.", kind="NOT_FOUND")
    return read(incoming.json, model, stream=stream)


def _must_call(body: Value) -> str:
    configured = either(body, "toolConfig", "tool_config") or {}
    choice = either(configured, "functionCallingConfig", "function_calling_config") or {}
    if choice.get("mode") != "ANY":
        return ""
    return str((either(choice, "allowedFunctionNames", "allowed_function_names") or ["any"])[0])


def _tools(body: Value) -> Iterator[Tool]:
    for group in body.get("tools") or []:
        for tool in either(group, "functionDeclarations", "function_declarations") or []:
            schema = either(tool, "parametersJsonSchema", "parameters_json_schema", "parameters") or {}
            yield Tool(str(tool.get("name")), schema)


def _parts(body: Value, system: Value) -> Iterator[Part]:
    for tool in body.get("tools") or []:
        content = tokens.encoded(tool)
        yield Part(content, tokens.count(content))
    for part in system.get("parts") or []:
        yield _part("system", part)
    for content in body["contents"]:
        for part in content["parts"]:
            yield _part(str(content.get("role")), part)


def _part(role: str, part: Value) -> Part:
    if either(part, "inlineData", "inline_data", "fileData", "file_data"):
        return Part(tokens.media_digest(part), tokens.IMAGE_TOKENS)
    content = str(part["text"]).encode() if "text" in part else tokens.encoded(part)
    return Part(role.encode() + content, tokens.count(content))


def _parts_said(asked: Asked, said: Reply) -> Iterator[Value]:
    if said.thinking:
        yield {"text": said.thinking, "thought": True}
    if said.text:
        yield {"text": said.text}
    for index in range(len(said.calls)):
        yield _call(asked, said, index)


def _call(asked: Asked, said: Reply, index: int) -> Value:
    """Only the first of parallel calls is signed."""
    call = said.calls[index]
    part: Value = {"functionCall": {"name": call.name, "args": call.arguments, "id": call.id}}
    if index == 0:
        digest = hashlib.blake2b(f"{asked.model}|{call.arguments_json}".encode()).digest()
        part["thoughtSignature"] = base64.b64encode(digest).decode()
    return part


def _chunks(asked: Asked, said: Reply, usage: Usage) -> Iterator[tuple[Value, int]]:
    """Every chunk carries the usage so far; the last one says how it ended."""
    for step in steps(said):
        part = _step_part(asked, said, step)
        if part is not None:
            so_far = msgspec.structs.replace(usage, output=step.output_tokens)
            yield _chunk([part], so_far, None), step.output_tokens
    yield _chunk([{"text": ""}], usage, said), usage.output


def _step_part(asked: Asked, said: Reply, step: Step) -> Value | None:
    """Calls come whole, with their last piece of arguments."""
    if step.kind == "thinking":
        return {"text": step.text, "thought": True}
    if step.kind == "text":
        return {"text": step.text}
    return _call(asked, said, step.call) if step.last else None


def _chunk(parts: list[Value], usage: Usage, ended: Reply | None) -> Value:
    candidate: Value = {"content": {"role": "model", "parts": parts}, "index": 0}
    if ended is not None:
        candidate["finishReason"] = FINISHES[ended.finish]
    return {"candidates": [candidate], "usageMetadata": wire_usage(usage)}


def wire_usage(usage: Usage) -> Value:
    """Disjoint buckets as Gemini's counts: prompt includes cached, candidates exclude thoughts."""
    thoughts = min(usage.reasoning, usage.output)
    counted: Value = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - thoughts,
        "totalTokenCount": usage.total,
    }
    if thoughts:
        counted["thoughtsTokenCount"] = thoughts
    if usage.cache_read:
        counted["cachedContentTokenCount"] = usage.cache_read
    return counted


def _array(chunks: list[tuple[Value, int]]) -> Iterator[Frame]:
    """Without `alt=sse` the stream is one JSON array that grows."""
    for at, (chunk, produced) in enumerate(chunks):
        text = json.dumps(chunk, indent=2, ensure_ascii=False).encode()
        yield Frame((b"[" if at == 0 else b",\r\n") + text, produced)
    yield Frame(b"\n]\n", chunks[-1][1])


def _embedding(body: Value) -> Value:
    texts = [str(part.get("text", "")) for part in (body.get("content") or {}).get("parts") or []]
    if not texts:
        raise Refused(400, "* EmbedContentRequest.content: contents is not specified", kind="INVALID_ARGUMENT")
    return {"values": embeddings.vector(" ".join(texts))}


def _pretty(value: Value, usage: Usage, model: str) -> Answer:
    """Google writes its JSON over many lines."""
    body = json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
    return Answer(frames=(Frame(body, usage.output),), usage=usage, model=model)
