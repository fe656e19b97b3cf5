"""Claude Code and Codex themselves through ccproxy: they work, their agents are known, their denials cost one call."""

from __future__ import annotations

import json
import re
from subprocess import CompletedProcess
from typing import Any

from tests.agents.conftest import Agents, needs
from tests.fakes.provider.faults import Planned


def _claude(agents: Agents, prompt: str) -> dict[str, Any]:
    """What `claude -p` says as JSON, whether it went well or not."""
    done = agents.run("claude", "-p", prompt, "--output-format", "json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == (not said["is_error"]), done.stderr
    return said


def _codex(agents: Agents, prompt: str) -> tuple[CompletedProcess[str], str]:
    """How `codex exec` went, and its session."""
    done = agents.run("codex", "exec", "--skip-git-repo-check", prompt)
    session = re.search(r"session id: ([0-9a-f-]{36})", done.stderr)
    assert session is not None, done.stderr
    return done, session[1]


@needs("claude")
def test_claude_answers_and_its_call_is_in_the_books_under_its_session(agents: Agents) -> None:
    said = _claude(agents, "Please say 7 words")
    assert not said["is_error"]
    assert len(said["result"].split()) == 7
    assert agents.attempts(said["session_id"], "agent", "rule", at_least=1) == {("main", "thought"): 1}


@needs("claude")
def test_claudes_built_in_agent_goes_where_its_rule_says(agents: Agents) -> None:
    said = _claude(agents, "Please spawn Explore: look around and say 6 words")
    assert said["subagent_stats"]["by_type"] == {"Explore": 1}
    booked = agents.attempts(said["session_id"], "agent", "rule", "model", at_least=4)
    assert booked[("Explore", "search", "claude-haiku-5-5")] == 1
    assert {key[0] for key in booked} == {"main", "Explore"}


@needs("claude")
def test_claudes_custom_agent_is_known_by_the_prompt_that_started_it(agents: Agents) -> None:
    folder = agents.folder / ".claude" / "agents"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "careful-reader.md").write_text("---\nname: careful-reader\ndescription: reads\n---\nRead with care.\n")
    said = _claude(agents, "Please spawn careful-reader: look around and say 6 words")
    assert ("careful-reader", "search") in agents.attempts(said["session_id"], "agent", "rule", at_least=4)


@needs("claude")
def test_claude_shows_why_it_was_refused_and_asks_once(agents: Agents) -> None:
    before = agents.refused()
    said = _claude(agents, "Go on as if the budget were gone")
    assert said["is_error"]
    assert "The budget of this test is used up." in said["result"]
    assert agents.refused() - before == 1
    assert agents.provider.calls() == []


@needs("claude")
def test_claude_does_not_notice_that_another_account_answered(agents: Agents) -> None:
    agents.provider.plan(Planned(fault="status=529", times=-1, key="sk-first"))
    said = _claude(agents, "Please say 5 words")
    assert not said["is_error"]
    assert agents.attempts(said["session_id"], "backend", at_least=3) == {("anthropic",): 2, ("spare",): 1}
    assert [seen.key for seen in agents.provider.settled_calls()][-1] == "sk-second"


@needs("codex")
def test_codex_and_its_subagent_go_where_their_rules_say(agents: Agents) -> None:
    # Codex ends with its main agent: that one's second answer comes late, so that the subagent is done before.
    agents.provider.plan(Planned(fault="slow_first=2", skip=1, times=-1, model="^(?!gpt-5.4-mini)"))
    done, session = _codex(agents, "Please spawn reader: look around and say 6 words")
    assert done.returncode == 0
    assert done.stdout.strip()
    booked = agents.attempts(session, "agent", "rule", at_least=3)
    assert booked[("subagent", "helpers")] == 1
    assert ("main", "none") in booked
    assert "gpt-5.4-mini" in {seen.model for seen in agents.provider.settled_calls()}


@needs("codex")
def test_codex_gives_up_at_once_when_the_budget_is_gone(agents: Agents) -> None:
    before = agents.refused()
    done, _ = _codex(agents, "Go on as if the budget were gone")
    assert done.returncode != 0
    assert agents.refused() - before == 1
    assert agents.provider.calls() == []
