"""What the three OpenAI dialects share: the shape of an error, the model list, the comment that keeps a stream alive.

Must not know requests or answers. Next: `openai_responses.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ccproxy_contract.snapshot import Model
from ccproxy_sidecar.dialects.dialect import Problem, ProblemKind, Refusal
from ccproxy_sidecar.dialects.refusals import refusal

PING = b": ping\n\n"
"""A comment: every event-stream parser drops it (WHATWG HTML §9.2)."""

_TYPES: dict[ProblemKind, tuple[str, str | None]] = {
    "invalid_request": ("invalid_request_error", None),
    "authentication": ("authentication_error", "invalid_api_key"),
    "billing": ("insufficient_quota", "insufficient_quota"),
    "permission": ("permission_error", None),
    "not_found": ("invalid_request_error", "not_found"),
    "too_large": ("invalid_request_error", "request_too_large"),
    "rate_limit": ("rate_limit_error", "rate_limit_exceeded"),
    "internal": ("server_error", "server_error"),
    "timeout": ("server_error", "timeout"),
    "overloaded": ("server_error", "server_is_overloaded"),
    "unavailable": ("server_error", "service_unavailable"),
}
"""Type and code per problem: what openai-py and Codex 0.169 act on (apis.md §1.6, 2026-11)."""


def error_code(problem: Problem) -> str:
    error_type, code = _TYPES[problem.kind]
    return code or error_type


def error_object(problem: Problem) -> dict[str, object]:
    error_type, code = _TYPES[problem.kind]
    return {"message": problem.message, "type": error_type, "param": None, "code": code}


def openai_refusal(problem: Problem) -> Refusal:
    """OpenAI has no 529: its clients know an overloaded server by 503."""
    status = 503 if problem.status == 529 else problem.status
    return refusal(status, problem, {"error": error_object(problem)})


def openai_models(models: Iterable[Model], *, created_s: int) -> bytes:
    """OpenAI's list has no limits; ours come under the names that OpenRouter and Groq made usual."""
    return msgspec.json.encode({"object": "list", "data": [_entry(model, created_s) for model in models]})


def _entry(model: Model, created_s: int) -> dict[str, object]:
    entry: dict[str, object] = {"id": model.name, "object": "model", "created": created_s, "owned_by": "ccproxy"}
    if model.context_window is not None:
        entry["context_window"] = model.context_window
    if model.max_output_tokens is not None:
        entry["max_output_tokens"] = model.max_output_tokens
    return entry
