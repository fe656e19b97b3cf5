"""Each of a session's interleaved conversations has a key of its own."""

from __future__ import annotations

from ccproxy_sidecar.sessions.threads import thread_of
from tests.sidecar.rules.made_calls import made_call


def test_a_background_call_is_no_turn_of_the_main_conversation() -> None:
    main, background = made_call(), made_call(max_tokens=1)
    background.task = "Utility"
    assert thread_of(main) == "main"
    assert thread_of(background) == "utility"


def test_each_subagent_has_its_own_thread() -> None:
    first = made_call(headers={"x-claude-code-agent-id": "a-1"})
    second = made_call(headers={"x-claude-code-agent-id": "a-2"})
    first.agent = second.agent = "Explore"
    assert (thread_of(first), thread_of(second)) == ("a-1", "a-2")


def test_subagents_of_codex_and_opencode_have_ids_in_headers_of_their_own() -> None:
    codex = made_call(headers={"thread-id": "t-2", "x-codex-parent-thread-id": "t-1"})
    opencode = made_call(headers={"x-session-affinity": "ses_2", "x-parent-session-id": "ses_1"})
    assert (thread_of(codex), thread_of(opencode)) == ("t-2", "ses_2")
    assert thread_of(made_call(headers={"thread-id": "t-1", "x-session-affinity": "ses_1"})) == "main"


def test_without_ids_the_type_keeps_agents_apart() -> None:
    call = made_call()
    call.agent = "Explore"
    assert thread_of(call) == "Explore"
