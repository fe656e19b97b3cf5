"""Which of a session's interleaved conversations a call continues: the main one, one per subagent, background calls.

A session's calls share an id but not a prompt, so counts are kept per thread. Next: `agents.py`.
"""

from __future__ import annotations

from ccproxy_sidecar.call import Call

HEADER_AGENT_ID = "x-claude-code-agent-id"
"""On every request of a subagent, absent on the main agent's (Claude Code 2.1, measured 2026-11-21, apis.md §1.2)."""
HEADER_CODEX_PARENT = "x-codex-parent-thread-id"
HEADER_CODEX_THREAD = "thread-id"
"""Codex 0.169: every call names its thread, a subagent's also its parent's (measured 2026-11-21)."""
HEADER_OPENCODE_PARENT = "x-parent-session-id"
HEADER_OPENCODE_SESSION = "x-session-affinity"
"""OpenCode 1.18: a subagent has a session of its own and names its parent's (measured 2026-11-21)."""

_IDS = (
    (HEADER_AGENT_ID, HEADER_AGENT_ID),
    (HEADER_CODEX_PARENT, HEADER_CODEX_THREAD),
    (HEADER_OPENCODE_PARENT, HEADER_OPENCODE_SESSION),
)


def agent_id_of(call: Call) -> str | None:
    """The id of the subagent that makes a call; `None` for the main agent and where the client gives none."""
    for mark, holder in _IDS:
        if mark in call.headers:
            return call.headers.get(holder)
    return None


def thread_of(call: Call) -> str:
    """A key within the session; the agent's type stands in for the id that older clients do not send."""
    if call.task == "Utility":
        return "utility"
    return agent_id_of(call) or call.agent
