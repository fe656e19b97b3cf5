"""What Anthropic's Messages API refuses, in its words (docs.anthropic.com errors, and answers seen in apis.md §3).

Must not read what is acceptable (`messages.py` does). Next: `chat.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.provider.asked import Refused

ROLES = ("user", "assistant", "system")
MAX_BREAKPOINTS = 4
MIN_THINKING = 1_024

Signed = Callable[[str], str]
"""Thinking text to the signature that this model gives it."""


def refuse(message: str) -> Refused:
    return Refused(400, message, kind="invalid_request_error")


def check(body: dict[str, Any], *, needs_limit: bool, signed: Signed) -> None:
    """Raises `Refused` as the real API would."""
    for name, kind in (("model", str), ("messages", list)):
        if not isinstance(body.get(name), kind):
            raise refuse(f"{name}: Field required" if name not in body else f"{name}: Input should be a valid {name}")
    _limits(body, needs_limit)
    if not body["messages"]:
        raise refuse("messages: at least one message is required")
    for at, message in enumerate(body["messages"]):
        _message(at, message, signed)
    _pairs(body["messages"])
    _breakpoints(body)


def blocks(content: Any) -> list[dict[str, Any]]:
    """Content as blocks; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _limits(body: dict[str, Any], needs_limit: bool) -> None:
    limit = body.get("max_tokens")
    if limit is None:
        if needs_limit:
            raise refuse("max_tokens: Field required")
        return
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise refuse("max_tokens: Input should be a valid integer")
    if limit < 1:
        raise refuse("max_tokens: Input should be greater than or equal to 1")
    budget = (body.get("thinking") or {}).get("budget_tokens")
    if isinstance(budget, int) and budget < MIN_THINKING:
        raise refuse("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if isinstance(budget, int) and budget >= limit:
        raise refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _message(at: int, message: Any, signed: Signed) -> None:
    if not isinstance(message, dict):
        raise refuse(f"messages.{at}: Input should be a valid dictionary or object to extract fields from")
    role = message.get("role")
    if role not in ROLES:
        raise refuse(f"messages: Unexpected role {str(role)[:32]!r}. Allowed roles are 'user' or 'assistant'.")
    if at == 0 and role != "user":
        raise refuse('messages: first message must use the "user" role')
    if "content" not in message:
        raise refuse(f"messages.{at}.content: Field required")
    for index, block in enumerate(blocks(message["content"])):
        _block(f"messages.{at}.content.{index}", block, signed)


def _block(where: str, block: dict[str, Any], signed: Signed) -> None:
    if block.get("type") == "text" and not block.get("text"):
        raise refuse("messages: text content blocks must be non-empty")
    if block.get("type") == "thinking" and block.get("signature") != signed(str(block.get("thinking"))):
        raise refuse(f"{where}: Invalid `signature` in `thinking` block")


def _pairs(messages: list[dict[str, Any]]) -> None:
    """Every tool_use is answered by a tool_result in the next user message, and no result comes unasked."""
    asked: set[str] = set()
    for at, message in enumerate(messages):
        content = blocks(message.get("content"))
        results = {str(b.get("tool_use_id")) for b in content if b.get("type") == "tool_result"}
        if message["role"] == "system":
            continue
        if asked - results:
            ids = ", ".join(sorted(asked - results))
            raise refuse(
                f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. "
                "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
            )
        if results - asked:
            ids = ", ".join(sorted(results - asked))
            raise refuse(f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {ids}.")
        asked = {str(b.get("id")) for b in content if b.get("type") == "tool_use"}
    if asked:
        raise refuse(f"messages.{len(messages) - 1}: `tool_use` ids were found without `tool_result` blocks")


def _breakpoints(body: dict[str, Any]) -> None:
    everything = [*(body.get("tools") or []), *blocks(body.get("system") or [])]
    for message in body["messages"]:
        everything += blocks(message.get("content"))
    found = sum(1 for block in everything if isinstance(block, dict) and block.get("cache_control"))
    if found > MAX_BREAKPOINTS:
        raise refuse(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {found}.")
