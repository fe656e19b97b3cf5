"""The agent inside a client, by the strongest signal that is there."""

from __future__ import annotations

from typing import Any

import pytest

from ccproxy_contract.usage import Usage
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Spawn
from ccproxy_sidecar.sessions.agents import agent_of
from ccproxy_sidecar.sessions.calibration import Calibration
from ccproxy_sidecar.sessions.memory import SPAWN_TTL_S, Session, Sessions
from tests.sidecar.rules.made_calls import made_call

CLAUDE = {"x-claude-code-session-id": "s-1", "user-agent": "claude-cli/2.1.329 (external, cli)"}
CHILD = CLAUDE | {"x-claude-code-agent-id": "a-1"}
BILLING = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.abc; cc_entrypoint=cli;"}
BILLING_CHILD = {"type": "text", "text": BILLING["text"] + " cc_is_subagent=true;"}
IDENTITY = {"type": "text", "text": "An identity line of a coding agent."}
PROMPT = "Find every caller of the parser and list it."


def _system(words: str, first: dict[str, str] = BILLING) -> list[dict[str, str]]:
    return [first, IDENTITY, {"type": "text", "text": words}]


def _child(**body: Any) -> Call:
    reminder = {"type": "text", "text": "<system-reminder>Today is Tuesday.</system-reminder>"}
    first = {"role": "user", "content": [reminder, {"type": "text", "text": PROMPT}]}
    return made_call(headers=CHILD, messages=[first], **body)


@pytest.fixture
def session() -> Session:
    return Session(Calibration())


def test_a_call_that_shows_nothing_is_the_main_agents(session: Session) -> None:
    assert agent_of(made_call(), session, 0) == "main"
    assert agent_of(made_call(), None, 0) == "main"
    assert agent_of(made_call(headers=CLAUDE, system=_system("The real prompt.")), session, 0) == "main"
    assert agent_of(made_call(method="GET", path="/v1/models"), None, 0) == "main"


def test_the_clients_own_word_is_the_strongest(session: Session) -> None:
    session.note_agent("a-1", "Explore")
    call = made_call(headers=CHILD | {"x-ccproxy-agent": "release-notes", "x-claude-code-agent-type": "Plan"})
    assert agent_of(call, session, 0) == "release-notes"


@pytest.mark.parametrize("odd", ["", "x" * 65, "new\nline", "<b>"])
def test_a_word_that_is_no_name_is_passed_over(session: Session, odd: str) -> None:
    assert agent_of(made_call(headers={"x-ccproxy-agent": odd}), session, 0) == "main"
    assert agent_of(made_call(headers={"x-claude-code-agent-type": odd}), session, 0) == "main"


def test_the_type_header_names_built_in_agents(session: Session) -> None:
    assert agent_of(made_call(headers=CHILD | {"x-claude-code-agent-type": "Explore"}), session, 0) == "Explore"


def test_a_hidden_type_is_named_by_the_prompt_it_was_spawned_with(session: Session) -> None:
    session.note_spawn(Spawn("rust-specialist", PROMPT), now_s=0)
    call = _child()
    call.headers = {**call.headers, "x-claude-code-agent-type": "custom"}
    assert agent_of(call, session, 1) == "rust-specialist"


def test_a_hidden_type_that_nobody_spawned_stays_hidden(session: Session) -> None:
    assert agent_of(made_call(headers=CHILD | {"x-claude-code-agent-type": "custom"}), session, 0) == "custom"


def test_a_spawned_prompt_is_recognised_behind_reminders(session: Session) -> None:
    session.note_spawn(Spawn("rust-specialist", PROMPT), now_s=0)
    assert agent_of(_child(), session, SPAWN_TTL_S - 1) == "rust-specialist"


def test_an_old_client_without_ids_is_recognised_by_the_spawned_prompt_on_every_turn(session: Session) -> None:
    session.note_spawn(Spawn("Explore", PROMPT), now_s=0)
    first = {"role": "user", "content": PROMPT}
    turns = [first, {"role": "assistant", "content": "I look."}, {"role": "user", "content": "And now?"}]
    assert agent_of(made_call(messages=[first]), session, 1) == "Explore"
    assert agent_of(made_call(messages=turns), session, 2) == "Explore"


def test_an_answer_that_spawns_makes_its_subagent_known() -> None:
    sessions = Sessions()
    session = sessions.get("s-1")
    spawns = [Spawn("rust-specialist", PROMPT)]
    sessions.settle(session, usage=Usage(), body_bytes=100, spawns=spawns, model="m", now_s=5)
    assert agent_of(_child(), sessions.get("s-1"), 6) == "rust-specialist"


def test_a_subagent_of_opencode_is_named_by_its_prompt(session: Session) -> None:
    session.note_spawn(Spawn("general", PROMPT), now_s=0)
    headers = {"x-session-affinity": "ses_2", "x-parent-session-id": "ses_1"}
    first = {"role": "user", "content": PROMPT}
    assert agent_of(made_call(headers=headers, messages=[first]), session, 1) == "general"
    other = made_call(headers=headers | {"x-session-affinity": "ses_3"})
    assert agent_of(other, session, 1) == "subagent"


def test_a_user_who_says_the_same_as_a_spawned_prompt_stays_the_main_agent(session: Session) -> None:
    session.note_spawn(Spawn("Explore", PROMPT), now_s=0)
    call = made_call(headers=CLAUDE, messages=[{"role": "user", "content": PROMPT}])
    assert agent_of(call, session, 1) == "main"


def test_an_agent_keeps_the_type_it_was_first_seen_with(session: Session) -> None:
    session.note_spawn(Spawn("rust-specialist", PROMPT), now_s=0)
    assert agent_of(_child(), session, 0) == "rust-specialist"
    assert agent_of(made_call(headers=CHILD), session, 100 * SPAWN_TTL_S) == "rust-specialist"
    other = CHILD | {"x-claude-code-agent-id": "a-2"}
    assert agent_of(made_call(headers=other), session, 1) == "subagent"


@pytest.mark.parametrize(
    ("opening", "agent"),
    [
        ("You are a file search specialist for a tool", "Explore"),
        ("You are a software architect and planner", "Plan"),
        ("You are an agent for Claude Code, the CLI", "general-purpose"),
    ],
)
def test_a_system_prompt_is_known_by_how_a_block_of_it_starts(session: Session, opening: str, agent: str) -> None:
    assert agent_of(made_call(headers=CHILD, system=_system(opening, BILLING_CHILD)), session, 0) == agent


def test_the_main_agent_of_a_client_with_ids_is_not_looked_for_by_its_prompt(session: Session) -> None:
    call = made_call(headers=CLAUDE, system=_system("You are a software architect and planner"))
    assert agent_of(call, session, 0) == "main"


def test_fingerprints_are_a_table_of_ones_own(session: Session) -> None:
    call = made_call(system="You polish release notes. Be brief.")
    assert agent_of(call, session, 0, fingerprints={"You polish release notes": "notes"}) == "notes"


def test_a_tag_counts_in_the_system_prompt_and_nowhere_else(session: Session) -> None:
    tag = "<ccproxy-agent>db-expert</ccproxy-agent>"
    assert agent_of(made_call(system=_system(f"Words. {tag} You are a software architect")), session, 0) == "db-expert"
    said = [{"role": "user", "content": f"Please do this now {tag}"}]
    assert agent_of(made_call(messages=said), session, 0) == "main"
    assert agent_of(made_call(system="<ccproxy-agent>\n</ccproxy-agent>"), session, 0) == "main"


def test_without_a_name_a_subagent_is_at_least_a_subagent(session: Session) -> None:
    assert agent_of(made_call(headers=CHILD), session, 0) == "subagent"
    assert agent_of(made_call(system=_system("A custom prompt.", BILLING_CHILD)), session, 0) == "subagent"
    quoted = _system("It sends cc_is_subagent=true; in its first block.")
    assert agent_of(made_call(system=quoted), session, 0) == "main"


@pytest.mark.parametrize(("kind", "agent"), [("collab_spawn", "subagent"), ("review", "review"), ("?" * 9, "subagent")])
def test_codex_says_that_and_sometimes_what(session: Session, kind: str, agent: str) -> None:
    assert agent_of(made_call(headers={"x-openai-subagent": kind}), session, 0) == agent
