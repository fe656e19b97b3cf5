"""Request bodies in the shapes that real clients send, made up from a seed: in our words, with every oddity we know.

Shapes: Claude Code, Codex, the official SDKs (apis.md §1, 2026-11). No capture is stored here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ccproxy_contract.snapshot import DialectName


@dataclass(frozen=True)
class RecordedCall:
    """One request as a client would send it. Header names are lower-case."""

    dialect: DialectName
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


_PHRASES = (
    "Rename the parser and keep its tests green.",
    'A key that looks real: "model": "not-this-one", inside a string.',
    "Zeilen mit Umlauten: Größe, Maß, Übergang.",
    "行の幅は百二十文字までです。",
    "Emoji 🚲 and a zero‑width\u200bjoiner.",
    'Tabs\tand\nnewlines\r\nand a backslash \\ and a quote " and </script>.',
    "event: message_stop\ndata: [DONE]\n\n",
    "usage error [DONE] finish_reason",
    "x" * 300,
    "",
)


def words(rng: Random) -> str:
    return " ".join(rng.choice(_PHRASES) for _ in range(rng.randint(1, 3)))


def blob(rng: Random, size: int = 400) -> str:
    """Base64, as images, signatures and encrypted reasoning are sent."""
    return base64.b64encode(rng.randbytes(size)).decode()


def written(rng: Random, value: Any) -> bytes:
    """JSON as one of many writers would put it: compact, spaced, indented, escaped or not, with odd white space."""
    style = rng.randrange(5)
    ascii_only = rng.random() < 0.5
    if style == 0:
        text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    elif style == 1:
        text = json.dumps(value, ensure_ascii=ascii_only)
    elif style == 2:
        text = json.dumps(value, ensure_ascii=ascii_only, indent=2)
    elif style == 3:
        text = json.dumps(value, ensure_ascii=ascii_only, separators=(" ,\t", " :\n "))
    else:
        text = " \r\n" + json.dumps(value, ensure_ascii=ascii_only).replace("/", "\\/") + "\n"
    return text.encode()


def shuffled(rng: Random, members: dict[str, Any]) -> dict[str, Any]:
    """The same members in another order, as often as not."""
    if rng.random() < 0.5:
        return members
    items = list(members.items())
    rng.shuffle(items)
    return dict(items)


def some(rng: Random, chance: float, members: dict[str, Any]) -> dict[str, Any]:
    return members if rng.random() < chance else {}


def schema(rng: Random) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"model": {"type": "string", "enum": ["small", "large"]}, "path": {"description": words(rng)}},
        "required": ["path"],
    }


def session_id(rng: Random) -> str:
    digits = rng.randbytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def user_id(rng: Random, session: str) -> str:
    device = rng.randbytes(32).hex()
    if rng.random() < 0.3:
        return f"user_{device}_account__session_{session}"
    return json.dumps({"device_id": device, "account_uuid": "", "session_id": session, "team": "alpha"})


def _tool_pair(rng: Random, number: int) -> list[dict[str, Any]]:
    call_id = f"toolu_{number:08d}"
    arguments = {"path": words(rng), "model": "haiku", "stream": True, "n": rng.choice([1, 1.5, -2e3, None])}
    thinking = {"type": "thinking", "thinking": words(rng), "signature": blob(rng)}
    redacted = {"type": "redacted_thinking", "data": blob(rng)}
    called: list[dict[str, Any]] = [
        thinking,
        *([redacted] if rng.random() < 0.2 else []),
        {"type": "text", "text": words(rng)},
    ]
    called.append({"type": "tool_use", "id": call_id, "name": rng.choice(["Read", "Agent"]), "input": arguments})
    inner: Any = words(rng) if rng.random() < 0.5 else [{"type": "text", "text": words(rng)}]
    result = {"type": "tool_result", "tool_use_id": call_id, "content": inner, "is_error": rng.random() < 0.1}
    marker = some(rng, 0.3, {"cache_control": {"type": "ephemeral", "ttl": "1h"}})
    return [{"role": "assistant", "content": called}, {"role": "user", "content": [result | marker]}]


def messages_body(rng: Random) -> dict[str, Any]:
    """What a coding agent sends to `/v1/messages`."""
    reminder = {"type": "text", "text": f"<system-reminder>{words(rng)}</system-reminder>"}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": blob(rng)}}
    first: list[Any] = [reminder, {"type": "text", "text": words(rng)}, *([image] if rng.random() < 0.3 else [])]
    turns: list[Any] = [{"role": "user", "content": first if rng.random() < 0.7 else words(rng)}]
    if rng.random() < 0.3:
        turns.append({"role": "system", "content": words(rng)})
    for number in range(rng.randrange(4)):
        turns += _tool_pair(rng, number)
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.abc; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": words(rng), "cache_control": {"type": "ephemeral"}},
    ]
    tools = [{"name": name, "description": words(rng), "input_schema": schema(rng)} for name in ("Agent", "Read")]
    members = {
        "model": rng.choice(["claude-opus-5-5", "claude-haiku-5-5", "org/model:free", "模型"]),
        "messages": turns,
        "max_tokens": rng.choice([1, 512, 32000]),
        **some(rng, 0.8, {"system": system}),
        **some(rng, 0.7, {"tools": [*tools, {"type": "web_search_20250305", "name": "web_search"}]}),
        **some(rng, 0.7, {"metadata": {"user_id": user_id(rng, session_id(rng))}}),
        **some(rng, 0.5, {"thinking": {"type": "adaptive", "display": "omitted"}}),
        **some(rng, 0.4, {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}),
        **some(rng, 0.4, {"output_config": {"effort": "medium"}}),
        **some(rng, 0.3, {"field_of_tomorrow": {"model": "nested", "deep": [[[{}]]], "big": 12345678901234567890}}),
        **some(rng, 0.7, {"stream": rng.random() < 0.7}),
    }
    return shuffled(rng, members)


def chat_body(rng: Random) -> dict[str, Any]:
    """What an OpenAI client sends to `/v1/chat/completions`."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + blob(rng)}}
    parts: list[Any] = [{"type": "text", "text": words(rng)}, *([picture] * rng.randrange(2))]
    turns: list[Any] = [{"role": rng.choice(["system", "developer"]), "content": words(rng)}]
    turns.append({"role": "user", "content": parts if rng.random() < 0.5 else words(rng)})
    for number in range(rng.randrange(3)):
        call: Any = {"name": "read", "arguments": json.dumps({"path": words(rng), "model": "x"})}
        calls = [{"id": f"call_{number}", "type": "function", "function": call}]
        turns.append({"role": "assistant", "content": None, "tool_calls": calls, "reasoning_content": words(rng)})
        turns.append({"role": "tool", "tool_call_id": f"call_{number}", "content": words(rng)})
    function = {"name": "read", "description": words(rng), "parameters": schema(rng), "strict": True}
    members = {
        "messages": turns,
        "model": rng.choice(["gpt-5.5", "deepseek-chat", "qwen3-coder:30b"]),
        **some(rng, 0.5, {"tools": [{"type": "function", "function": function}], "tool_choice": "auto"}),
        **some(rng, 0.5, {"max_completion_tokens": 900}),
        **some(rng, 0.3, {"reasoning_effort": rng.choice(["none", "low", "high"])}),
        **some(rng, 0.3, {"response_format": {"type": "json_object"}}),
        **some(rng, 0.4, {"temperature": 0.7, "logit_bias": {"50256": -100}, "seed": 7, "user": "u-1"}),
        **some(rng, 0.3, {"stream_options": {"include_usage": rng.random() < 0.5, "include_obfuscation": False}}),
        **some(rng, 0.7, {"stream": rng.random() < 0.7}),
    }
    return shuffled(rng, members)


def responses_body(rng: Random) -> dict[str, Any]:
    """What Codex and openai-py send to `/v1/responses`."""
    session = session_id(rng)
    items: list[Any] = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": words(rng)}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words(rng)}]},
    ]
    for number in range(rng.randrange(3)):
        thought = {"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": blob(rng)}
        call = {"type": "function_call", "call_id": f"c{number}", "name": "shell", "arguments": '{"model":"x"}'}
        items += [thought, call, {"type": "function_call_output", "call_id": f"c{number}", "output": words(rng)}]
    namespace = {"type": "namespace", "name": "multi_agent_v1", "tools": [{"type": "function", "name": "spawn_agent"}]}
    if rng.random() < 0.3:
        items.insert(0, {"type": "additional_tools", "id": "at_0", "role": "developer", "tools": [namespace]})
    members = {
        "model": rng.choice(["gpt-5.5-codex", "gpt-5.1-mini"]),
        "instructions": words(rng),
        "input": items if rng.random() < 0.8 else words(rng),
        "tools": [{"type": "function", "name": "shell", "parameters": schema(rng)}, namespace, {"type": "web_search"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": session,
        "stream": rng.random() < 0.8,
        **some(rng, 0.5, {"reasoning": {"effort": "medium", "summary": "auto"}}),
        **some(rng, 0.3, {"text": {"format": {"type": "json_schema", "name": "n", "schema": schema(rng)}}}),
        **some(rng, 0.5, {"client_metadata": {"x-codex-installation-id": session}}),
    }
    return shuffled(rng, members)


def gemini_body(rng: Random) -> dict[str, Any]:
    """What google-genai sends to `:generateContent`."""
    parts: list[Any] = [{"text": words(rng)}]
    if rng.random() < 0.3:
        parts.append({"inlineData": {"mimeType": "image/png", "data": blob(rng)}})
    turns: list[Any] = [{"role": "user", "parts": parts}]
    if rng.random() < 0.5:
        call = {"functionCall": {"name": "read", "args": {"model": words(rng)}}, "thoughtSignature": blob(rng)}
        answer = {"functionResponse": {"name": "read", "response": {"result": words(rng)}}}
        turns += [{"role": "model", "parts": [call]}, {"role": "user", "parts": [answer]}]
    declared = {"functionDeclarations": [{"name": "read", "parametersJsonSchema": schema(rng)}]}
    config = {"maxOutputTokens": 800, "thinkingConfig": {"thinkingBudget": rng.choice([-1, 0, 512])}}
    members = {
        "contents": turns,
        **some(rng, 0.6, {"systemInstruction": {"role": "user", "parts": [{"text": words(rng)}]}}),
        **some(rng, 0.5, {"tools": [declared, {"googleSearch": {}}]}),
        **some(rng, 0.6, {"generationConfig": config}),
        **some(rng, 0.3, {"labels": {"team": "alpha"}}),
    }
    return shuffled(rng, members)


def embeddings_body(rng: Random) -> dict[str, Any]:
    """What an OpenAI client sends to `/v1/embeddings`."""
    given = rng.choice([words(rng), [words(rng), words(rng)], [1, 2, 3], [[1, 2], [3]]])
    return shuffled(rng, {"input": given, "model": "text-embedding-4-small", "encoding_format": "base64"})


def _anthropic_headers(rng: Random) -> dict[str, str]:
    key = {"authorization": "Bearer k"} if rng.random() < 0.5 else {"x-api-key": "k"}
    betas = "claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24"
    return {**key, "anthropic-version": "2023-06-01", "anthropic-beta": betas, "user-agent": "claude-cli/2.1.329"}


def _call(dialect: DialectName, path: str, headers: dict[str, str], body: bytes) -> RecordedCall:
    return RecordedCall(dialect, "POST", path, {"content-type": "application/json", **headers}, body)


def _messages_call(rng: Random) -> RecordedCall:
    counting = rng.random() < 0.1
    path = "/v1/messages/count_tokens" if counting else "/v1/messages"
    body = messages_body(rng)
    if counting:
        body = {key: value for key, value in body.items() if key not in ("max_tokens", "stream")}
    return _call("anthropic-messages", path + "?beta=true", _anthropic_headers(rng), written(rng, body))


def _gemini_call(rng: Random) -> RecordedCall:
    verb = rng.choice(["generateContent", "streamGenerateContent?alt=sse"])
    path = f"/v1beta/models/gemini-3-flash:{verb}"
    return _call("gemini-generate", path, {"x-goog-api-key": "k"}, written(rng, gemini_body(rng)))


def _openai(
    dialect: DialectName, path: str, body: Callable[[Random], dict[str, Any]]
) -> Callable[[Random], RecordedCall]:
    return lambda rng: _call(dialect, path, {"authorization": "Bearer k"}, written(rng, body(rng)))


_MAKERS = (
    _messages_call,
    _openai("openai-chat", "/v1/chat/completions", chat_body),
    _openai("openai-responses", "/v1/responses", responses_body),
    _gemini_call,
    _openai("openai-embeddings", "/v1/embeddings", embeddings_body),
)


def recorded_calls(n: int, seed: int) -> list[RecordedCall]:
    """`n` calls over all dialects in turn; the same for the same seed. Paths may carry a query."""
    rng = Random(seed)
    return [_MAKERS[number % len(_MAKERS)](rng) for number in range(n)]
