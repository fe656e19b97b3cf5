"""Which agent inside a client makes a call: the strongest signal that is there wins (apis.md §2, read 2026-11-21).

An agent keeps the type under which it was first seen, so that its turns stay on one model. A model alias in an agent's
front matter needs nothing here: it arrives as the model's name, and `models` matches it. Must not trust any of this for
limits: clients can send what they like. Next: `tasks.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ccproxy_contract.names import HEADER_AGENT, MAIN_AGENT
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.sessions.identity import HEADER_CLAUDE_SESSION
from ccproxy_sidecar.sessions.memory import Session
from ccproxy_sidecar.sessions.threads import HEADER_AGENT_ID, agent_id_of

HEADER_AGENT_TYPE = "x-claude-code-agent-type"
HEADER_REQUEST_CLASS = "x-claude-code-request-class"
HEADER_CODEX_SUBAGENT = "x-openai-subagent"

SOME_SUBAGENT = "subagent"
HIDDEN_TYPES = frozenset({"custom", "teammate", "fork"})
"""What the type header says instead of a name that its user chose; the spawned prompt may know the name."""
CODEX_SPAWN = "collab_spawn"
BILLING_SUBAGENT = "cc_is_subagent=true"

FINGERPRINTS: Mapping[str, str] = {
    "You are a file search specialist": "Explore",
    "You are a software architect": "Plan",
    "You are an agent for Claude Code": "general-purpose",
}
"""How a block of the system prompt starts, and whose it is. Source: Claude Code 2.1.329, 2026-11-21."""

_name = re.compile(r"[\w.:@/ -]{1,64}")
_tag = re.compile(r"<ccproxy-agent>([\w.:@/ -]{1,64})</ccproxy-agent>")


def agent_of(
    call: Call, session: Session | None, now_s: float, *, fingerprints: Mapping[str, str] = FINGERPRINTS
) -> str:
    """The agent's type, `main` when nothing speaks for a subagent. `now_s` is a monotonic clock."""
    given = call.headers.get(HEADER_AGENT)
    if given is not None and _name.fullmatch(given):
        return given
    agent_id = agent_id_of(call)
    if agent_id is None or session is None:
        return _first_seen(call, session, now_s, fingerprints=fingerprints)
    known = session.agent(agent_id)
    if known is None:
        known = _first_seen(call, session, now_s, fingerprints=fingerprints)
        session.note_agent(agent_id, known)
    return known


def _first_seen(call: Call, session: Session | None, now_s: float, *, fingerprints: Mapping[str, str]) -> str:
    hint = _hinted(call)
    if hint is not None and hint not in HIDDEN_TYPES:
        return hint
    return (
        _spawned(call, session, now_s) or hint or _from_system(call, fingerprints) or _some_subagent(call) or MAIN_AGENT
    )


def _hinted(call: Call) -> str | None:
    kind = call.headers.get(HEADER_AGENT_TYPE)
    if kind is not None and _name.fullmatch(kind):
        return kind
    return None


def _spawned(call: Call, session: Session | None, now_s: float) -> str | None:
    """The first words of a subagent are the prompt that its parent's answer held."""
    if session is None or call.request is None or not session.has_spawns or _is_claude_main(call):
        return None
    return session.spawned(call.request.first_user_last_text, now_s)


def _is_claude_main(call: Call) -> bool:
    """A client that names its session and gives every subagent an id: without an id it is the main agent."""
    return HEADER_CLAUDE_SESSION in call.headers and HEADER_AGENT_ID not in call.headers


def _from_system(call: Call, fingerprints: Mapping[str, str]) -> str | None:
    """A tag or a known opening, in the system prompt only: user and tool text must not choose an agent."""
    if call.request is None:
        return None
    system = call.request.system_text
    if not system:
        return None
    if "<ccproxy-agent>" in system:
        tagged = _tag.search(system)
        if tagged is not None:
            return tagged.group(1)
    if _is_claude_main(call):
        return None
    for opening, agent in fingerprints.items():
        if system.startswith(opening) or f"\n{opening}" in system:
            return agent
    return SOME_SUBAGENT if BILLING_SUBAGENT in system.partition("\n")[0] else None


def _some_subagent(call: Call) -> str | None:
    kind = call.headers.get(HEADER_CODEX_SUBAGENT)
    if kind is None:
        return SOME_SUBAGENT if agent_id_of(call) is not None else None
    return kind if kind != CODEX_SPAWN and _name.fullmatch(kind) else SOME_SUBAGENT
