"""OpenAI Responses: requests, refusals, pings and the model list. Its answers read in `openai_responses_answers.py`.

Shapes as sent by Codex 0.169 and openai-py 3.52.0 (apis.md §1.8, 2026-11). Must not know other dialects.
Next: `openai_responses_answers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_sidecar.dialects.body import NOTHING, ModelName, StreamFlag, head_from_body, part, part_by, text_map
from ccproxy_sidecar.dialects.counts import Count, whole_or_none
from ccproxy_sidecar.dialects.dialect import Answer, Malformed, Operation, Problem, Refusal, Request
from ccproxy_sidecar.dialects.follow import Follower
from ccproxy_sidecar.dialects.foreign import foreign_request
from ccproxy_sidecar.dialects.openai_errors import PING, error_code, openai_models, openai_refusal
from ccproxy_sidecar.dialects.openai_responses_answers import ResponsesGrammar
from ccproxy_sidecar.dialects.request import ReadRequest, Role, Turn

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_SEQUENCE = re.compile(rb'"sequence_number"\s*:\s*(\d+)')


class _Item(msgspec.Struct, gc=False):
    """One input item: a message, or a step of the assistant, or the output of a tool."""

    type: str = "message"
    role: str | None = None
    content: msgspec.Raw = NOTHING
    arguments: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING
    output: msgspec.Raw = NOTHING
    summary: msgspec.Raw = NOTHING
    tools: msgspec.Raw = NOTHING
    """Of `additional_tools`: where Codex 0.169 puts all its tools for gpt-6 models (measured 2026-11-21)."""


class _Reasoning(msgspec.Struct, gc=False):
    effort: str | None = None


class _Format(msgspec.Struct, gc=False):
    type: str | None = None


class _Text(msgspec.Struct, gc=False):
    format: _Format | None = None


class _Head(msgspec.Struct, gc=False):
    model: ModelName
    input: str | list[_Item] | None = None
    instructions: str | None = None
    max_output_tokens: Count = None
    stream: StreamFlag | None = None
    tools: msgspec.Raw = NOTHING
    reasoning: _Reasoning | None = None
    text: _Text | None = None
    metadata: msgspec.Raw = NOTHING
    client_metadata: msgspec.Raw = NOTHING
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


class _Part(msgspec.Struct, gc=False):
    text: str = ""
    refusal: str = ""


_content: Callable[[msgspec.Raw | bytes], str | list[_Part]] = msgspec.json.Decoder(str | list[_Part]).decode


class _Tool(msgspec.Struct, gc=False):
    type: str = ""
    name: str = ""
    tools: list[_Tool] | None = None
    """Members of a `namespace` (Codex)."""

    def names(self) -> Iterator[str]:
        yield self.name or self.type
        for tool in self.tools or ():
            yield from tool.names()


class _Anatomy:
    """Where a Responses body keeps its parts. A plain string as input is one user message."""

    def __init__(self, head: _Head) -> None:
        self._head = head
        said = head.input
        self._items = [_Item(role="user", content=_quoted(said))] if isinstance(said, str) else said or []

    def turns(self) -> int:
        return len(self._items)

    def role(self, index: int) -> Role:
        item = self._items[index]
        if item.type == "message" or item.role is not None:
            return _ROLES.get(item.role or "", "other")
        if item.type.endswith("_output"):
            return "tool"
        return "assistant" if item.type.endswith("_call") or item.type == "reasoning" else "other"

    def turn_bytes(self, index: int) -> int:
        return len(self._items[index].content)

    def turn(self, index: int) -> Turn:
        role, item = self.role(index), self._items[index]
        if role == "system":
            return Turn(role)
        raws = (item.arguments, item.input, item.output, item.summary)
        attached = tuple(text for raw in raws for text in _texts(raw))
        return Turn(role, _texts(item.content), attached)

    def system(self) -> tuple[str, ...]:
        own = (self._head.instructions,) if self._head.instructions else ()
        spoken = (item for index, item in enumerate(self._items) if self.role(index) == "system")
        return own + tuple(text for item in spoken for text in _texts(item.content))

    def tool_names(self) -> tuple[str, ...]:
        lists = (part(raw, list[_Tool]) or () for raw in self._tool_lists())
        return tuple(name for tools in lists for tool in tools for name in tool.names())

    def tool_texts(self) -> tuple[str, ...]:
        lists = (part(raw, list[msgspec.Raw]) or () for raw in self._tool_lists())
        return tuple(bytes(tool).decode() for tools in lists for tool in tools)

    def _tool_lists(self) -> Iterator[msgspec.Raw]:
        yield self._head.tools
        yield from (item.tools for item in self._items if item.tools is not NOTHING)

    def metadata(self) -> dict[str, str]:
        return text_map(self._head.client_metadata) | text_map(self._head.metadata)

    def media(self) -> tuple[bytes, ...]:
        return (b'"image_url"', b'"encrypted_content"', b'"file_data"')


def _quoted(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(text))


def _texts(raw: msgspec.Raw) -> tuple[str, ...]:
    if raw == NOTHING:
        return ()
    found = part_by(_content, raw)
    if isinstance(found, str):
        return (found,)
    return tuple(text for p in found or () if (text := p.text or p.refusal))


class OpenAIResponses:
    """Implements `dialect.Dialect`."""

    name: DialectName = "openai-responses"

    def read(self, body: bytes, *, operation: Operation, path_model: str | None) -> Request | Malformed:
        if operation != "generate":
            return foreign_request(body, path_model)
        head = head_from_body(body, _Head)
        if isinstance(head, Malformed):
            return head
        return ReadRequest(
            body,
            _Anatomy(head),
            model=head.model,
            stream=bool(head.stream),
            max_tokens=whole_or_none(head.max_output_tokens),
            thinking=head.reasoning is not None and head.reasoning.effort not in (None, "none", "minimal"),
            user_id=head.user or head.safety_identifier,
            prompt_cache_key=head.prompt_cache_key,
            wants_json=_wants_json(head.text),
        )

    def answer(self, *, stream: bool, hide_usage_chunk: bool = False) -> Answer:
        """`hide_usage_chunk` changes nothing here: usage is part of the terminal event."""
        return Follower(ResponsesGrammar())

    def refusal(self, problem: Problem) -> Refusal:
        return openai_refusal(problem)

    def stream_end(self, problem: Problem, answer: Answer) -> bytes:
        """`response.failed`, numbered on; a client that saw nothing yet gets its `response.created` first."""
        numbers = _SEQUENCE.findall(answer.last_events)
        after = int(numbers[-1]) + 1 if numbers else 0
        lead = b"\n\n" if answer.mid_event else b""
        if not answer.id:
            lead += _event("response.created", after, _response(answer, status="in_progress", error=None))
            after += 1
        error = {"code": error_code(problem), "message": problem.message}
        return lead + _event("response.failed", after, _response(answer, status="failed", error=error))

    def ping(self) -> bytes:
        return PING

    def models(self, models: Iterable[Model], *, created_s: int) -> bytes:
        return openai_models(models, created_s=created_s)


def _event(name: str, number: int, response: dict[str, object]) -> bytes:
    named = {"type": name, "sequence_number": number, "response": response}
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(named) + b"\n\n"


def _response(answer: Answer, *, status: str, error: dict[str, str] | None) -> dict[str, object]:
    """The fields that openai-py 3.52.0 requires of a response."""
    return {
        "id": answer.id or "resp_ccproxy",
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": error,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _wants_json(text: _Text | None) -> bool:
    return text is not None and text.format is not None and text.format.type in ("json_schema", "json_object")
