"""What a call is for: background work (Utility), a conversation's summary (Compaction), a subagent, or the main work.

The client's own word decides where it gives one; else the shapes of calls that real agents make in the background
(apis.md §1.4, read 2026-11-21). A wrong Utility sends real work to a small model, so text alone never makes one of a
call that offers tools. Must not remember anything. Next: `../rules/matcher.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ccproxy_contract.names import MAIN_AGENT
from ccproxy_contract.snapshot import Task
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Request
from ccproxy_sidecar.sessions.agents import HEADER_CODEX_SUBAGENT, HEADER_REQUEST_CLASS

TASK_OF_CLASS: Mapping[str, Task] = {
    "main": "Main",
    "subagent": "Subagent",
    "workflow": "Subagent",
    "compaction": "Compaction",
    "auxiliary": "Utility",
    "side_reply": "Utility",
}
"""`x-claude-code-request-class`, sent with CLAUDE_CODE_GATEWAY_HINT_HEADERS=1 (Claude Code 2.1.273 and later)."""

HEADER_COMPACTION = "x-claude-code-compaction"
MAX_PROBE_TOKENS = 10
MAX_WORDS = 2
MAX_SHORT_CHARS = 60
ESCAPED_BYTES = 6
"""A character takes at most so many bytes in JSON (`\\u00e9`)."""
MAX_BACKGROUND_BYTES = 65_536
TOOLS = b'"tools"'
MAX_BARE_BYTES = 8_192
"""A long text from which JSON is to be made is somebody's real work."""
MEDIA = (b'"image', b'image_url"', b'"input_', b'"document"', b'"file', b'inlineData"', b'inline_data"', b'fileData"')
"""Two words next to a picture are a question, not a probe."""

ROUTING = "routing"
"""The only sign that a call with several turns may show."""

COMPACTION_ORDER = "CRITICAL: Respond with TEXT ONLY"
COMPACTION_SYSTEM = "tasked with summarizing conversations"

_bare_answer = re.compile(
    r"""
      \b(only|just|solely|nothing\ but) \s (with\s|return\s|output\s|as\s|in\s){0,2} (the\s|an?\s)?
        (valid\s|raw\s|single\s)?
        (json | (command\s)?prefix | (list\sof\s)?(file\s)?paths )\b
    | \bjson\s(object\s|array\s)?(only|and\snothing\selse)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def task_of(call: Call, agent: str) -> Task:
    """The task of a call that `agent` makes."""
    # Claude Code says "auxiliary" of counting its main prompt, which another model's tokenizer would count otherwise.
    if call.operation == "count":
        return "Main" if agent == MAIN_AGENT else "Subagent"
    said = TASK_OF_CLASS.get(call.headers.get(HEADER_REQUEST_CLASS, ""))
    if said is not None:
        return said
    if is_compaction(call):
        return "Compaction"
    if background_sign(call) is not None:
        return "Utility"
    return "Main" if agent == MAIN_AGENT else "Subagent"


def is_compaction(call: Call) -> bool:
    """Whether the client has its conversation summarised: it says so, or it orders so in its last words."""
    if HEADER_COMPACTION in call.headers or call.headers.get(HEADER_CODEX_SUBAGENT) == "compact":
        return True
    if call.path.endswith("/responses/compact"):
        return True
    request = call.request
    if request is None or call.operation != "generate" or not request.has_assistant_turn:
        return False
    if request.last_user_text.startswith(COMPACTION_ORDER):
        return True
    return COMPACTION_SYSTEM in request.system_text and not request.tool_names


def background_sign(call: Call) -> str | None:
    """The name of the first sign of a background call, `None` when there is none."""
    request = call.request
    if request is None or call.operation != "generate":
        return None
    if request.max_tokens is not None and request.max_tokens <= MAX_PROBE_TOKENS:
        return "probe"
    if len(call.body) > MAX_BACKGROUND_BYTES or (TOOLS in call.body and request.tool_names):
        return None
    spoken = any(mark in call.body for mark in MARKS)
    sign = (_sign_in_words(request) if spoken else None) or _older_sign(call, request)
    # Last, because it reads every message: nearly all calls have shown no sign by now.
    return sign if sign == ROUTING or (sign is not None and request.user_turns == 1) else None


def _sign_in_words(request: Request) -> str | None:
    for name, shows in SIGNS:
        if shows(request):
            return name
    return None


def _older_sign(call: Call, request: Request) -> str | None:
    """Signs of any client's background calls; a prefilled or continued conversation has none."""
    if request.has_assistant_turn:
        return None
    if len(call.body) <= MAX_BARE_BYTES and _bare_answer.search(request.system_text):
        return "bare answer"
    return "few words" if _few_words(call, request) else None


def _few_words(call: Call, request: Request) -> bool:
    if request.first_user_bytes > MAX_SHORT_CHARS * ESCAPED_BYTES:
        return False
    text = request.first_user_text
    if len(text) > MAX_SHORT_CHARS or not 0 < len(text.split()) <= MAX_WORDS:
        return False
    return not any(mark in call.body for mark in MEDIA)


def _titles(request: Request) -> bool:
    system, words = request.system_text, request.first_user_last_text
    if words.startswith("Summarize this coding conversation"):
        return True
    return any(opening in system for opening in TITLE_OPENINGS)


def _asks_prefix(request: Request) -> bool:
    return "ONLY return the prefix" in request.system_text or "ONLY return the prefix" in request.first_user_text


def _asks_paths(request: Request) -> bool:
    asked = "Extract any file paths that this command reads or modifies"
    return asked in request.system_text or asked in request.first_user_text


TITLE_OPENINGS = (
    "You are naming a coding session", "You are a title generator", "Summarize this coding conversation",
)  # fmt: skip

MARKS = (
    b"quota", b"naming a coding session", b"Summarize this coding conversation", b"indicates a new conversation topic",
    b"expert at analyzing git history", b"Warmup", b"ONLY return the prefix", b"Extract any file paths",
    b"You are a title generator", b"specialized Task Routing AI",
)  # fmt: skip
"""One of them is in every body that shows a sign: ten searches over bytes cost less than decoding one text."""

SIGNS: tuple[tuple[str, Callable[[Request], bool]], ...] = (
    # Claude Code's sign-in probe, with a subscription only (all versions).
    ("quota", lambda request: request.first_user_text.strip() == "quota"),
    # Names for the session list: Claude Code 2.1 and OpenCode 1.18 by system prompt, Claude Code 1.0 by either.
    ("title", _titles),
    # "Is this a new topic?" (1.0, 2.0).
    ("topic", lambda request: "indicates a new conversation topic" in request.system_text),
    # Example prompts for the start screen (1.0, 2.0).
    ("examples", lambda request: "expert at analyzing git history" in request.system_text),
    # Warms a subagent's cache (2.0.76).
    ("warm-up", lambda request: request.first_user_last_text.strip() == "Warmup"),
    # What a shell command is, and which files it touches (1.0, 2.0).
    ("command prefix", _asks_prefix),
    ("file paths", _asks_paths),
    # Gemini CLI 0.61 has a small model choose between its models before each prompt, and shows it the last turns.
    (ROUTING, lambda request: "specialized Task Routing AI" in request.system_text),
)
"""Signs of a background call without tools, in the order in which they are tried."""
