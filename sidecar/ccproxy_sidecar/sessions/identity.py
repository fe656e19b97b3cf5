"""Which conversation a call belongs to, from what real clients send (apis.md §1.2, §1.3, §1.8; read 2026-11-21).

An id is a hint, never an authorisation: any client can send any. Must not touch session memory. Next: `threads.py`.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec

from ccproxy_contract.names import HEADER_SESSION
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Request
from ccproxy_sidecar.sessions.threads import HEADER_OPENCODE_PARENT, HEADER_OPENCODE_SESSION

HEADER_CLAUDE_SESSION = "x-claude-code-session-id"
HEADER_CODEX_SESSION = "session-id"
MAX_ID_CHARS = 128
"""Longer ids, and ids that are not plain words, go on as a hash: an id stands in events and reports."""

_plain = re.compile(r"[\w.:@/+=-]{1,128}", re.ASCII)
_old_user_id = re.compile(r"user_[0-9a-f]{64}_account_[^_]*_session_([\w-]{1,64})", re.ASCII)


class _UserId(msgspec.Struct):
    session_id: str = ""


_read_user_id = msgspec.json.Decoder(_UserId).decode


def session_id(call: Call, workload: str) -> str | None:
    """The session's id; `None` means that the call is its own session so far."""
    headers, request = call.headers, call.request
    given = (
        headers.get(HEADER_SESSION)
        or headers.get(HEADER_CLAUDE_SESSION)
        or (request is not None and session_in_user_id(request.user_id))
        or headers.get(HEADER_CODEX_SESSION)
        or headers.get(HEADER_OPENCODE_PARENT)  # a subagent belongs to the session that started it
        or headers.get(HEADER_OPENCODE_SESSION)
        or (request is not None and request.prompt_cache_key)
    )
    if given:
        return given if _plain.fullmatch(given) else _digest(given)
    if request is None or not request.has_assistant_turn:
        return None
    return _opening(request, call.dialect.name, workload)


def session_in_user_id(user_id: str | None) -> str | None:
    """The session inside Anthropic's `metadata.user_id`: JSON (Claude Code 2.1) or underscores (1.0, 2.0)."""
    if not user_id:
        return None
    if not user_id.startswith("{"):
        old = _old_user_id.fullmatch(user_id)
        return old.group(1) if old else None
    try:
        return _read_user_id(user_id).session_id or None
    except msgspec.MsgspecError:
        return None  # a client's own JSON that only looks alike: not a session, nothing lost


def _opening(request: Request, dialect: str, workload: str) -> str:
    """A conversation is recognised by how it began: that part comes again, unchanged, with every turn."""
    return _digest(workload, dialect, request.system_text, request.first_user_text, request.first_assistant_text)


def _digest(*parts: str) -> str:
    state = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "replace")
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.hexdigest()
