"""Anthropic Messages: requests, refusals, pings and the model list. Its answers read in `anthropic_answers.py`.

Shapes as sent by Claude Code 2.1.329 and anthropic-py 2.11.0 (apis.md §1, 2026-11). Must not know other dialects.
Next: `anthropic_answers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_sidecar.dialects.anthropic_answers import MessagesGrammar
from ccproxy_sidecar.dialects.body import NOTHING, ModelName, StreamFlag, head_from_body, part, part_by, text_map
from ccproxy_sidecar.dialects.counts import Count, whole_or_none
from ccproxy_sidecar.dialects.dialect import Answer, Malformed, Operation, Problem, ProblemKind, Refusal, Request
from ccproxy_sidecar.dialects.follow import Follower
from ccproxy_sidecar.dialects.foreign import foreign_request
from ccproxy_sidecar.dialects.refusals import refusal
from ccproxy_sidecar.dialects.request import ReadRequest, Role, Turn

_ERROR_TYPES: dict[ProblemKind, str] = {
    "invalid_request": "invalid_request_error",
    "authentication": "authentication_error",
    "billing": "billing_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "too_large": "request_too_large",
    "rate_limit": "rate_limit_error",
    "internal": "api_error",
    "timeout": "timeout_error",
    "overloaded": "overloaded_error",
    "unavailable": "api_error",
}
"""Error types of Anthropic's API (docs.anthropic.com, errors, 2026-11)."""
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


class _Message(msgspec.Struct, gc=False):
    role: str
    content: msgspec.Raw = NOTHING


class _Thinking(msgspec.Struct, gc=False):
    type: str = ""


class _OutputConfig(msgspec.Struct, gc=False):
    format: msgspec.Raw = NOTHING


class _Head(msgspec.Struct, gc=False):
    model: ModelName
    messages: list[_Message]
    max_tokens: Count = None
    stream: StreamFlag | None = None
    system: msgspec.Raw = NOTHING
    tools: msgspec.Raw = NOTHING
    thinking: _Thinking | None = None
    metadata: msgspec.Raw = NOTHING
    output_config: _OutputConfig | None = None
    output_format: msgspec.Raw = NOTHING


class _Block(msgspec.Struct, gc=False):
    """One content block; only the fields of its type are set."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    content: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING
    source: msgspec.Raw = NOTHING


_content: Callable[[msgspec.Raw | bytes], str | list[_Block]] = msgspec.json.Decoder(str | list[_Block]).decode


class _TextSource(msgspec.Struct, gc=False):
    type: str = ""
    data: str = ""


class _Tool(msgspec.Struct, gc=False):
    name: str = ""
    type: str = ""


class _UserId(msgspec.Struct, gc=False):
    user_id: str | None = None


class _Anatomy:
    """Where a Messages body keeps its parts."""

    def __init__(self, head: _Head) -> None:
        self._head = head

    def turns(self) -> int:
        return len(self._head.messages)

    def role(self, index: int) -> Role:
        return _ROLES.get(self._head.messages[index].role, "other")

    def turn_bytes(self, index: int) -> int:
        return len(self._head.messages[index].content)

    def turn(self, index: int) -> Turn:
        content = _blocks(self._head.messages[index].content)
        speaks = any(block.type != "tool_result" for block in content)
        texts = tuple(block.text for block in content if block.type == "text")
        attached = tuple(text for block in content if block.type != "text" for text in _attached(block))
        return Turn(self.role(index), texts, attached, speaks)

    def system(self) -> tuple[str, ...]:
        return tuple(block.text for block in _blocks(self._head.system))

    def tool_names(self) -> tuple[str, ...]:
        return tuple(tool.name or tool.type for tool in part(self._head.tools, list[_Tool]) or ())

    def tool_texts(self) -> tuple[str, ...]:
        return tuple(bytes(tool).decode() for tool in part(self._head.tools, list[msgspec.Raw]) or ())

    def metadata(self) -> dict[str, str]:
        own = text_map(self._head.metadata)
        return own | text_map(msgspec.Raw(own.get("user_id", "").encode()))

    def media(self) -> tuple[bytes, ...]:
        return (b'"data"', b'"signature"')


def _blocks(content: msgspec.Raw) -> list[_Block]:
    """A string counts as one text block; anything that is no list of blocks as none."""
    found = part_by(_content, content)
    return [_Block("text", found)] if isinstance(found, str) else found or []


def _attached(block: _Block) -> Iterator[str]:
    if block.thinking:
        yield block.thinking
    if block.input != NOTHING:
        yield bytes(block.input).decode()
    source = part(block.source, _TextSource)
    if source is not None and source.type == "text":
        yield source.data
    for inner in _blocks(block.content):
        if inner.text:
            yield inner.text
        yield from _attached(inner)


class AnthropicMessages:
    """Implements `dialect.Dialect`."""

    name: DialectName = "anthropic-messages"

    def read(self, body: bytes, *, operation: Operation, path_model: str | None) -> Request | Malformed:
        if operation not in ("generate", "count"):
            return foreign_request(body, path_model)
        head = head_from_body(body, _Head)
        if isinstance(head, Malformed):
            return head
        return ReadRequest(
            body,
            _Anatomy(head),
            model=head.model,
            stream=bool(head.stream),
            max_tokens=whole_or_none(head.max_tokens),
            thinking=head.thinking is not None and head.thinking.type in ("enabled", "adaptive"),
            user_id=_user_id(head.metadata),
            wants_json=any(raw != NOTHING for raw in _formats(head)),
        )

    def answer(self, *, stream: bool, hide_usage_chunk: bool = False) -> Answer:
        """`hide_usage_chunk` changes nothing here: usage is part of events that every client expects."""
        return Follower(MessagesGrammar())

    def refusal(self, problem: Problem) -> Refusal:
        status = 529 if problem.kind == "overloaded" else problem.status
        return refusal(status, problem, _error(problem))

    def stream_end(self, problem: Problem, answer: Answer) -> bytes:
        lead = b"\n\n" if answer.mid_event else b""
        return lead + b"event: error\ndata: " + msgspec.json.encode(_error(problem)) + b"\n\n"

    def ping(self) -> bytes:
        return b'event: ping\ndata: {"type": "ping"}\n\n'

    def models(self, models: Iterable[Model], *, created_s: int) -> bytes:
        created = datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entries = [_model_entry(model, created) for model in models]
        first, last = (entries[0]["id"], entries[-1]["id"]) if entries else (None, None)
        return msgspec.json.encode({"data": entries, "has_more": False, "first_id": first, "last_id": last})


def _error(problem: Problem) -> dict[str, object]:
    return {"type": "error", "error": {"type": _ERROR_TYPES[problem.kind], "message": problem.message}}


def _model_entry(model: Model, created: str) -> dict[str, object]:
    entry: dict[str, object] = {"type": "model", "id": model.name, "display_name": model.name, "created_at": created}
    entry["lifecycle"] = "active"
    if model.context_window is not None:
        entry["max_input_tokens"] = model.context_window
    if model.max_output_tokens is not None:
        entry["max_tokens"] = model.max_output_tokens
    return entry


def _user_id(metadata: msgspec.Raw) -> str | None:
    if metadata == NOTHING:
        return None
    found = part(metadata, _UserId)
    return found.user_id if found else None


def _formats(head: _Head) -> tuple[msgspec.Raw, ...]:
    config = head.output_config
    return (head.output_format, config.format) if config else (head.output_format,)
