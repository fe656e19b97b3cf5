"""What OpenAI's Chat API refuses, in its words (platform.openai.com error codes, 2026-11).

Must not read what is acceptable (`chat.py` does). Next: `responses.py`.
"""

from __future__ import annotations

from typing import Any

from tests.fakes.provider import models
from tests.fakes.provider.asked import Refused

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
REASONING = ("gpt-5", "gpt-6", "o1", "o3", "o4")
MAX_STOPS = 4


def refuse(message: str, param: str | None = None, code: str | None = None) -> Refused:
    return Refused(400, message, kind="invalid_request_error", param=param, code=code)


def missing_model(model: str) -> Refused:
    return Refused(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        kind="invalid_request_error",
        code="model_not_found",
    )


def check_window(tokens: int, model: str) -> None:
    """Raises `Refused` when the prompt does not fit."""
    room = models.window(model)
    if room is not None and tokens > room:
        text = (
            f"This model's maximum context length is {room} tokens. However, your messages resulted in {tokens} tokens."
        )
        raise refuse(f"{text} Please reduce the length of the messages.", "messages", "context_length_exceeded")


def texts_of(content: Any) -> list[str]:
    """The texts of a message, whichever way they are written."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [str(p.get("text", "")) for p in content if isinstance(p, dict) and "text" in p]


def check(body: dict[str, Any]) -> None:
    """Raises `Refused` as the real API would."""
    if not isinstance(body.get("model"), str):
        raise refuse("you must provide a model parameter")
    messages = body.get("messages")
    if messages is None:
        raise refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(messages, list):
        raise refuse("Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type")
    if not messages:
        raise refuse(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages", "empty_array"
        )
    for at, message in enumerate(messages):
        _message(at, message)
    _pairs(messages)
    _parameters(body)


def _message(at: int, message: Any) -> None:
    where = f"messages[{at}]"
    if not isinstance(message, dict):
        raise refuse(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    role = message.get("role")
    if role not in ROLES:
        supported = ", ".join(f"'{name}'" for name in ROLES)
        text = f"Invalid value: '{str(role)[:32]}'. Supported values are: {supported}."
        raise refuse(text, f"{where}.role", "invalid_value")
    if role == "user" and message.get("content") is None:
        raise refuse("Invalid value for 'content': expected a string, got null.", f"{where}.content")


def _pairs(messages: list[dict[str, Any]]) -> None:
    """Each tool call is answered by a `tool` message before anything else, and none comes unasked."""
    asked: set[str] = set()
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in asked:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise refuse(f"Invalid parameter: {text}", f"messages[{at}].role")
            asked.discard(message["tool_call_id"])
            continue
        _all_answered(asked)
        asked = {str(call.get("id")) for call in message.get("tool_calls") or []}
    _all_answered(asked)


def _all_answered(asked: set[str]) -> None:
    if asked:
        ids = ", ".join(sorted(asked))
        raise refuse(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {ids}",
            "messages",
        )


def _parameters(body: dict[str, Any]) -> None:
    if "max_tokens" in body and body["model"].startswith(REASONING):
        text = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        raise refuse(f"Unsupported parameter: {text}", "max_tokens", "unsupported_parameter")
    stop = body.get("stop")
    if isinstance(stop, list) and len(stop) > MAX_STOPS:
        raise refuse("Invalid 'stop': array too long.", "stop", "array_above_max_length")
    if body.get("stream_options") and not body.get("stream"):
        raise refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
