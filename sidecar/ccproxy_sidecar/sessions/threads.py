"""Which of a session's interleaved conversations a call continues: the main one, one per subagent, background calls.

A session's calls share an id but not a prompt, so counts are kept per thread. Next: `agents.py`.
"""

from __future__ import annotations

from ccproxy_sidecar.call import Call

HEADER_AGENT_ID = "x-claude-code-agent-id"
"""On every request of a subagent, absent on the main agent's (Claude Code 2.1, measured 2026-11-21, apis.md §1.2)."""


def thread_of(call: Call) -> str:
    """A key within the session; the agent's type stands in for the id that older clients do not send."""
    if call.task == "Utility":
        return "utility"
    return call.headers.get(HEADER_AGENT_ID) or call.agent
