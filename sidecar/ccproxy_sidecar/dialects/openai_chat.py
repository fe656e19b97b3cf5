"""OpenAI Chat Completions, and the older completions: requests, refusals, pings and the model list.

Shapes: openai-py 3.52.0 and what DeepSeek, OpenRouter and Qwen servers add (2026-11). Must not know other dialects.
Next: `openai_chat_answers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from ccproxy_contract.snapshot import DialectName, Model
from ccproxy_sidecar.dialects.body import NOTHING, ModelName, StreamFlag, head_from_body, part, part_by, text_map
from ccproxy_sidecar.dialects.counts import Count, whole_or_none
from ccproxy_sidecar.dialects.dialect import Answer, Malformed, Operation, Problem, Refusal, Request
from ccproxy_sidecar.dialects.follow import Follower
from ccproxy_sidecar.dialects.foreign import foreign_request
from ccproxy_sidecar.dialects.openai_chat_answers import ChatGrammar
from ccproxy_sidecar.dialects.openai_errors import PING, error_object, openai_models, openai_refusal
from ccproxy_sidecar.dialects.request import ReadRequest, Role, Turn

_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
NO_EFFORT = (None, "none", "minimal")


class _Message(msgspec.Struct, gc=False):
    role: str
    content: msgspec.Raw = NOTHING
    tool_calls: msgspec.Raw = NOTHING


class _Options(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Head(msgspec.Struct, gc=False):
    model: ModelName
    messages: list[_Message] | None = None
    prompt: msgspec.Raw = NOTHING
    """Of a legacy completion: text, texts, or token numbers."""
    max_tokens: Count = None
    max_completion_tokens: Count = None
    stream: StreamFlag | None = None
    stream_options: _Options | None = None
    tools: msgspec.Raw = NOTHING
    functions: msgspec.Raw = NOTHING
    reasoning_effort: str | None = None
    reasoning: msgspec.Raw = NOTHING
    thinking: msgspec.Raw = NOTHING
    response_format: msgspec.Raw = NOTHING
    metadata: msgspec.Raw = NOTHING
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str = ""
    refusal: str = ""


_content: Callable[[msgspec.Raw | bytes], str | list[_Part | str]] = msgspec.json.Decoder(
    str | list[_Part | str]
).decode


class _Function(msgspec.Struct, gc=False):
    name: str = ""
    arguments: str = ""


class _Custom(msgspec.Struct, gc=False):
    name: str = ""
    input: str = ""


class _ToolCall(msgspec.Struct, gc=False):
    function: _Function | None = None
    custom: _Custom | None = None


class _Tool(msgspec.Struct, gc=False):
    type: str = ""
    function: _Function | None = None
    custom: _Custom | None = None


class Typed(msgspec.Struct, gc=False):
    type: str | None = None


class _Reasoning(msgspec.Struct, gc=False):
    """OpenRouter's form: an effort, a budget, or a switch."""

    effort: str | None = None
    max_tokens: Count = None
    enabled: bool | None = None


class _Anatomy:
    """Where a Chat body keeps its parts. System and developer messages are the system prompt and also turns."""

    def __init__(self, head: _Head) -> None:
        self._head = head
        self._messages = [_Message("user", head.prompt)] if head.messages is None else head.messages

    def turns(self) -> int:
        return len(self._messages)

    def role(self, index: int) -> Role:
        return _ROLES.get(self._messages[index].role, "other")

    def turn_bytes(self, index: int) -> int:
        return len(self._messages[index].content)

    def turn(self, index: int) -> Turn:
        role = self.role(index)
        if role == "system":
            return Turn(role)
        message = self._messages[index]
        texts = chat_texts(message.content)
        if role == "tool":
            return Turn(role, (), texts)
        return Turn(role, texts, tuple(_called(message.tool_calls)))

    def system(self) -> tuple[str, ...]:
        spoken = (m.content for m in self._messages if _ROLES.get(m.role) == "system")
        return tuple(text for content in spoken for text in chat_texts(content))

    def tool_names(self) -> tuple[str, ...]:
        offered = part(self._head.tools, list[_Tool]) or ()
        functions = part(self._head.functions, list[_Function]) or ()
        return tuple(_tool_name(tool) for tool in offered) + tuple(function.name for function in functions)

    def tool_texts(self) -> tuple[str, ...]:
        raws = (self._head.tools, self._head.functions)
        return tuple(bytes(tool).decode() for raw in raws for tool in part(raw, list[msgspec.Raw]) or ())

    def metadata(self) -> dict[str, str]:
        return text_map(self._head.metadata)

    def media(self) -> tuple[bytes, ...]:
        return (b'"url"', b'"data"', b'"file_data"')


def chat_texts(content: msgspec.Raw) -> tuple[str, ...]:
    """The text parts of a message's content; images and audio have none."""
    found = part_by(_content, content)
    if isinstance(found, str):
        return (found,)
    said = (p if isinstance(p, str) else p.text or p.refusal for p in found or ())
    return tuple(text for text in said if text)


def _called(raw: msgspec.Raw) -> Iterator[str]:
    for call in part(raw, list[_ToolCall]) or ():
        if call.function is not None:
            yield call.function.arguments
        if call.custom is not None:
            yield call.custom.input


def _tool_name(tool: _Tool) -> str:
    named = tool.function or tool.custom
    return named.name if named else tool.type


class OpenAIChat:
    """Implements `dialect.Dialect`."""

    name: DialectName = "openai-chat"

    def read(self, body: bytes, *, operation: Operation, path_model: str | None) -> Request | Malformed:
        if operation != "generate":
            return foreign_request(body, path_model)
        head = head_from_body(body, _Head)
        if isinstance(head, Malformed):
            return head
        if head.messages is None and head.prompt == NOTHING:
            return Malformed("messages: required")
        return ReadRequest(
            body,
            _Anatomy(head),
            model=head.model,
            stream=bool(head.stream),
            max_tokens=whole_or_none(
                head.max_tokens if head.max_completion_tokens is None else head.max_completion_tokens
            ),
            thinking=_thinks(head),
            user_id=head.user or head.safety_identifier,
            prompt_cache_key=head.prompt_cache_key,
            wants_usage_chunk=head.stream_options is not None and bool(head.stream_options.include_usage),
            wants_json=wants_json(head.response_format),
        )

    def answer(self, *, stream: bool, hide_usage_chunk: bool = False) -> Answer:
        return Follower(ChatGrammar(hide_usage_chunk=hide_usage_chunk))

    def refusal(self, problem: Problem) -> Refusal:
        return openai_refusal(problem)

    def stream_end(self, problem: Problem, answer: Answer) -> bytes:
        """No `[DONE]` follows: that would say the answer is complete (apis.md §3.4)."""
        lead = b"\n\n" if answer.mid_event else b""
        return lead + b"data: " + msgspec.json.encode({"error": error_object(problem)}) + b"\n\n"

    def ping(self) -> bytes:
        return PING

    def models(self, models: Iterable[Model], *, created_s: int) -> bytes:
        return openai_models(models, created_s=created_s)


def wants_json(response_format: msgspec.Raw) -> bool:
    if response_format == NOTHING:
        return False
    found = part(response_format, Typed)
    return found is not None and found.type in ("json_schema", "json_object")


def _thinks(head: _Head) -> bool:
    """OpenAI's effort, OpenRouter's `reasoning`, or the `thinking` of DeepSeek and Z.AI."""
    if head.reasoning_effort not in NO_EFFORT:
        return True
    if head.thinking != NOTHING:
        kind = part(head.thinking, Typed)
        return kind is not None and kind.type in ("enabled", "adaptive")
    if head.reasoning == NOTHING:
        return False
    asked = part(head.reasoning, _Reasoning) or _Reasoning()
    return asked.effort not in NO_EFFORT or bool(asked.max_tokens) or bool(asked.enabled)
