"""What OpenAI's Responses API refuses, in its words (platform.openai.com, 2026-11).

Must not read what is acceptable (`responses.py` does). Next: `responses_stream.py`.
"""

from __future__ import annotations

from typing import Any

from tests.fakes.provider.asked import Refused
from tests.fakes.provider.chat_check import refuse

ROLES = ("assistant", "system", "developer", "user")
MIN_OUTPUT_TOKENS = 16


def check(body: dict[str, Any], items: list[Any]) -> None:
    """`items`: the whole conversation. Raises `Refused` as the real API would."""
    if not isinstance(body.get("model"), str):
        raise refuse("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    limit = body.get("max_output_tokens")
    if isinstance(limit, int) and limit < MIN_OUTPUT_TOKENS:
        text = f"integer below minimum value. Expected a value >= {MIN_OUTPUT_TOKENS}, but got {limit} instead."
        raise refuse(f"Invalid 'max_output_tokens': {text}", "max_output_tokens", "integer_below_min_value")
    if not items:
        raise refuse("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    for at, item in enumerate(items):
        _item(at, item)
    _pairs(items)


def _item(at: int, item: Any) -> None:
    where = f"input[{at}]"
    if not isinstance(item, dict):
        raise refuse(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    if item.get("type", "message") == "message" and item.get("role") not in ROLES:
        supported = ", ".join(f"'{name}'" for name in ROLES)
        text = f"Invalid value: '{str(item.get('role'))[:32]}'. Supported values are: {supported}."
        raise refuse(text, where, "invalid_value")


def _pairs(items: list[dict[str, Any]]) -> None:
    called = {str(item.get("call_id")) for item in items if item.get("type") == "function_call"}
    answered = {str(item.get("call_id")) for item in items if item.get("type") == "function_call_output"}
    for call in sorted(answered - called):
        raise refuse(f"No tool call found for function call output with call_id {call}.", "input")
    for call in sorted(called - answered):
        raise refuse(f"No tool output found for function call {call}.", "input")


def not_kept(identity: str) -> Refused:
    """For an id that the API does not keep."""
    return Refused(404, f"Response with id '{identity}' not found.", kind="invalid_request_error")
