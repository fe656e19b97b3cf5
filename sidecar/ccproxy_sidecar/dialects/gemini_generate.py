"""Gemini generateContent: requests, refusals, pings and the model list. Its answers read in `gemini_answers.py`.

The path names the model and says whether to stream, so there is one instance for each. Shapes: google-genai 3.4.0,
2026-11. Must not know other dialects. Next: `gemini_answers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_sidecar.dialects.body import NOTHING, head_from_body, part, text_map
from ccproxy_sidecar.dialects.counts import Count, whole_or_none
from ccproxy_sidecar.dialects.dialect import Answer, Malformed, Operation, Problem, ProblemKind, Refusal, Request
from ccproxy_sidecar.dialects.follow import Follower
from ccproxy_sidecar.dialects.foreign import foreign_request
from ccproxy_sidecar.dialects.gemini_answers import GeminiGrammar
from ccproxy_sidecar.dialects.openai_errors import PING
from ccproxy_sidecar.dialects.refusals import refusal
from ccproxy_sidecar.dialects.request import ReadRequest, Role, Turn

_STATUSES: dict[ProblemKind, str] = {
    "invalid_request": "INVALID_ARGUMENT",
    "authentication": "UNAUTHENTICATED",
    "billing": "RESOURCE_EXHAUSTED",
    "permission": "PERMISSION_DENIED",
    "not_found": "NOT_FOUND",
    "too_large": "INVALID_ARGUMENT",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "internal": "INTERNAL",
    "timeout": "DEADLINE_EXCEEDED",
    "overloaded": "UNAVAILABLE",
    "unavailable": "UNAVAILABLE",
}
"""google.rpc.Code names as the Gemini API uses them (ai.google.dev, troubleshooting, 2026-11)."""


class _Content(msgspec.Struct, gc=False):
    role: str | None = None
    parts: msgspec.Raw = NOTHING


class _ThinkingConfig(msgspec.Struct, gc=False, rename="camel"):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Config(msgspec.Struct, gc=False, rename="camel"):
    max_output_tokens: Count = None
    response_mime_type: str | None = None
    thinking_config: _ThinkingConfig | None = None


class _EmbedRequest(msgspec.Struct, gc=False):
    content: _Content | None = None


class _Head(msgspec.Struct, gc=False, rename="camel"):
    """A body of generateContent, countTokens, embedContent or batchEmbedContents."""

    contents: list[_Content] | None = None
    system_instruction: _Content | None = None
    snake_instruction: _Content | None = msgspec.field(default=None, name="system_instruction")
    tools: msgspec.Raw = NOTHING
    generation_config: _Config | None = None
    labels: msgspec.Raw = NOTHING
    generate_content_request: _Head | None = None
    content: _Content | None = None
    requests: list[_EmbedRequest] | None = None


class _FunctionCall(msgspec.Struct, gc=False):
    args: msgspec.Raw = NOTHING


class _FunctionResponse(msgspec.Struct, gc=False):
    response: msgspec.Raw = NOTHING


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: str = ""
    function_call: _FunctionCall | None = None
    function_response: _FunctionResponse | None = None


class _Named(msgspec.Struct, gc=False):
    name: str = ""


class _Anatomy:
    """Where a Gemini body keeps its parts."""

    def __init__(self, head: _Head) -> None:
        self._head = head.generate_content_request or head
        embedded = [request.content for request in head.requests or () if request.content is not None]
        self._contents = self._head.contents or embedded or ([head.content] if head.content else [])

    def turns(self) -> int:
        return len(self._contents)

    def role(self, index: int) -> Role:
        match self._contents[index].role:
            case None | "user":
                return "user"
            case "model":
                return "assistant"
            case "function" | "tool":
                return "tool"
        return "other"

    def turn_bytes(self, index: int) -> int:
        return len(self._contents[index].parts)

    def turn(self, index: int) -> Turn:
        parts = _parts(self._contents[index])
        texts = tuple(p.text for p in parts if p.text)
        speaks = any(p.function_response is None for p in parts)
        return Turn(self.role(index), texts, tuple(_attached(parts)), speaks)

    def system(self) -> tuple[str, ...]:
        said = self._head.system_instruction or self._head.snake_instruction
        return tuple(p.text for p in _parts(said) if p.text) if said else ()

    def tool_names(self) -> tuple[str, ...]:
        return tuple(
            name for tool in part(self._head.tools, list[dict[str, msgspec.Raw]]) or () for name in _names(tool)
        )

    def tool_texts(self) -> tuple[str, ...]:
        return tuple(bytes(tool).decode() for tool in part(self._head.tools, list[msgspec.Raw]) or ())

    def metadata(self) -> dict[str, str]:
        return text_map(self._head.labels)

    def media(self) -> tuple[bytes, ...]:
        return (b'"data"', b'"thoughtSignature"')


def _parts(content: _Content) -> list[_Part]:
    return part(content.parts, list[_Part]) or []


def _attached(parts: list[_Part]) -> Iterator[str]:
    for p in parts:
        if p.function_call is not None:
            yield bytes(p.function_call.args).decode()
        if p.function_response is not None:
            yield bytes(p.function_response.response).decode()


def _names(tool: dict[str, msgspec.Raw]) -> Iterator[str]:
    """Declared functions by name; what Google runs (`googleSearch`) by its field."""
    for key, value in tool.items():
        if key in ("functionDeclarations", "function_declarations"):
            yield from (named.name for named in part(value, list[_Named]) or ())
        else:
            yield key


class GeminiGenerate:
    """Implements `dialect.Dialect`; `streams` is what the path said."""

    name: DialectName = "gemini-generate"

    def __init__(self, *, streams: bool = False) -> None:
        self._streams = streams

    def read(self, body: bytes, *, operation: Operation, path_model: str | None) -> Request | Malformed:
        if operation not in ("generate", "count", "embed"):
            return foreign_request(body, path_model)
        head = head_from_body(body, _Head)
        if isinstance(head, Malformed):
            return head
        if operation == "generate" and head.contents is None:
            return Malformed("contents: required")
        config = head.generation_config or _Config()
        return ReadRequest(
            body,
            _Anatomy(head),
            model=path_model or "",
            stream=self._streams,
            max_tokens=whole_or_none(config.max_output_tokens),
            thinking=_thinks(config.thinking_config),
            wants_json=config.response_mime_type == "application/json",
        )

    def answer(self, *, stream: bool, hide_usage_chunk: bool = False) -> Answer:
        """`hide_usage_chunk` changes nothing here: every chunk carries usage."""
        return Follower(GeminiGrammar())

    def refusal(self, problem: Problem) -> Refusal:
        """Google has no 529: its clients know an overloaded server by 503."""
        status = 503 if problem.status == 529 else problem.status
        return refusal(status, problem, _error(problem))

    def stream_end(self, problem: Problem, answer: Answer) -> bytes:
        lead = b"\n\n" if answer.mid_event else b""
        return lead + b"data: " + msgspec.json.encode(_error(problem)) + b"\n\n"

    def ping(self) -> bytes:
        return PING

    def models(self, models: Iterable[Model], *, created_s: int) -> bytes:
        return msgspec.json.encode({"models": [_model_entry(model) for model in models]})


def _thinks(config: _ThinkingConfig | None) -> bool:
    if config is None:
        return False
    if config.thinking_level is not None:
        return config.thinking_level.lower() not in ("none", "minimal")
    if config.thinking_budget is not None:
        return config.thinking_budget != 0  # -1: as much as the model likes
    return bool(config.include_thoughts)


def _error(problem: Problem) -> dict[str, object]:
    code = 503 if problem.status == 529 else problem.status
    error: dict[str, object] = {"code": code, "message": problem.message, "status": _STATUSES[problem.kind]}
    if problem.retry_after_s is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{problem.retry_after_s}s"}
        error["details"] = [retry]
    return {"error": error}


def _model_entry(model: Model) -> dict[str, object]:
    entry: dict[str, object] = {"name": f"models/{model.name}", "displayName": model.name}
    if model.context_window is not None:
        entry["inputTokenLimit"] = model.context_window
    if model.max_output_tokens is not None:
        entry["outputTokenLimit"] = model.max_output_tokens
    entry["supportedGenerationMethods"] = ["generateContent", "streamGenerateContent", "countTokens"]
    return entry
