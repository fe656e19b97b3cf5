"""The id of a conversation, from what real clients send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.sessions.identity import session_id, session_in_user_id
from tests.sidecar.rules.made_calls import made_call

UUID = "3f0c1b9e-5c1d-4a51-9a10-0a1b2c3d4e5f"
NEW_USER_ID = json.dumps({"device_id": "a" * 64, "account_uuid": "", "session_id": UUID})
OLD_USER_ID = f"user_{'b' * 64}_account__session_{UUID}"
OLD_USER_ID_WITH_ACCOUNT = f"user_{'b' * 64}_account_5e0f-11_session_{UUID}"

TURNS: list[dict[str, Any]] = [
    {"role": "user", "content": "Port the parser to Rust, please."},
    {"role": "assistant", "content": "I begin with the lexer."},
    {"role": "user", "content": "Go on."},
]


def _responses(**body: Any) -> Call:
    return made_call(path="/v1/responses", **{"model": "gpt-5.1", "input": "hello there everybody"} | body)


@pytest.mark.parametrize("user_id", [NEW_USER_ID, OLD_USER_ID, OLD_USER_ID_WITH_ACCOUNT])
def test_the_session_inside_user_id_is_found_in_both_forms(user_id: str) -> None:
    assert session_in_user_id(user_id) == UUID
    assert session_id(made_call(metadata={"user_id": user_id}), "laptop") == UUID


@pytest.mark.parametrize(
    "user_id", [None, "", "alice", "{", '{"session_id": 7}', '{"device_id": "x"}', "user_x_session_y"]
)
def test_a_user_id_without_a_session_names_none(user_id: str | None) -> None:
    assert session_in_user_id(user_id) is None


def test_the_strongest_sign_wins() -> None:
    headers = {"x-ccproxy-session": "one", "x-claude-code-session-id": "two", "session-id": "four"}
    body: dict[str, Any] = {"metadata": {"user_id": NEW_USER_ID}}
    found = []
    for name in list(headers):
        found.append(session_id(made_call(headers=headers, **body), "laptop"))
        del headers[name]
    assert found == ["one", "two", UUID]
    assert session_id(made_call(**body), "laptop") == UUID


def test_codex_names_its_session_in_a_header_and_as_cache_key() -> None:
    assert session_id(made_call(headers={"session-id": "codex-1"}), "laptop") == "codex-1"
    assert session_id(_responses(prompt_cache_key="key-1"), "laptop") == "key-1"


def test_a_subagent_of_opencode_belongs_to_the_session_that_started_it() -> None:
    headers = {"x-session-affinity": "ses_1"}
    assert session_id(made_call(headers=headers), "laptop") == "ses_1"
    child = {"x-session-affinity": "ses_2", "x-parent-session-id": "ses_1"}
    assert session_id(made_call(headers=child), "laptop") == "ses_1"


def test_an_id_that_is_no_plain_word_goes_on_as_a_hash() -> None:
    for odd in ("x" * 129, "two words", "ümlaut"):
        found = session_id(made_call(headers={"x-ccproxy-session": odd}), "laptop")
        assert found is not None
        assert len(found) == 32
        assert odd not in found


def test_a_first_call_is_its_own_session() -> None:
    assert session_id(made_call(messages=TURNS[:1]), "laptop") is None


def test_a_conversation_is_recognised_by_how_it_began() -> None:
    begun = session_id(made_call(system="Be brief.", messages=TURNS), "laptop")
    assert begun is not None
    assert len(begun) == 32
    later = [*TURNS, {"role": "assistant", "content": "Done."}, {"role": "user", "content": "Thanks a lot."}]
    assert session_id(made_call(system="Be brief.", messages=later, max_tokens=7), "laptop") == begun


def test_another_beginning_is_another_conversation() -> None:
    other_answer = [TURNS[0], {"role": "assistant", "content": "No."}, TURNS[2]]
    ids = [
        session_id(made_call(system="Be brief.", messages=TURNS), "laptop"),
        session_id(made_call(system="Be brief.", messages=TURNS), "Deployment/coder"),
        session_id(made_call(system="Be long.", messages=TURNS), "laptop"),
        session_id(made_call(system="Be brief.", messages=other_answer), "laptop"),
        session_id(made_call(messages=TURNS), "laptop"),
        session_id(made_call(path="/v1/chat/completions", model="m", messages=TURNS), "laptop"),
    ]
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_parts_cannot_flow_into_each_other() -> None:
    one = [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "c"}]
    two = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "bc"}]
    assert session_id(made_call(messages=one), "w") != session_id(made_call(messages=two), "w")


def test_a_call_without_a_body_has_no_session() -> None:
    assert session_id(made_call(method="GET", path="/v1/models"), "laptop") is None
