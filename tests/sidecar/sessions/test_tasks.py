"""What a call is for: the client's word, then shapes; and real work is never taken for background work."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from ccproxy_sidecar.sessions.tasks import background_sign, task_of
from tests.sidecar.rules.made_calls import made_call


def _said(words: str, **body: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": words}], **body}


PREFILLED = [{"role": "user", "content": "Where were we yesterday?"}, {"role": "assistant", "content": "{"}]
BASH = [{"name": "Bash", "description": "runs it", "input_schema": {"type": "object"}}]

BACKGROUND: dict[str, tuple[str, dict[str, Any]]] = {
    "quota probe": ("probe", _said("quota", max_tokens=1)),
    "model validation": ("probe", _said("hello", max_tokens=1)),
    "quota with a larger cap": ("quota", _said("quota", max_tokens=512)),
    "title 2.1": ("title", _said("Port the parser to Rust now", system="You are naming a coding session. Be brief.")),
    "title of OpenCode": ("title", _said("Port the parser to Rust now", system="You are a title generator. Be brief.")),
    "title of 1.0.128": (
        "title",
        _said("Please write a title.", system="Summarize this coding conversation in few characters."),
    ),
    "title 1.0": ("title", _said("Summarize this coding conversation in under 50 characters.\nUser: hi")),
    "topic 1.0": (
        "topic",
        _said("Fix the tests now", system="Analyze if this message indicates a new conversation topic."),
    ),
    "topic 2.0 with prefill": (
        "topic",
        {"messages": PREFILLED, "system": "Analyze if this message indicates a new conversation topic. JSON."},
    ),
    "examples": ("examples", _said("Here are the commits of it", system="You are an expert at analyzing git history.")),
    "warm-up": ("warm-up", _said("Warmup", system="You are a file search specialist.")),
    "command prefix": ("command prefix", _said("Command: git status", system="Say what. ONLY return the prefix.")),
    "file paths": ("file paths", _said("Extract any file paths that this command reads or modifies: ls -l")),
    "bare json": ("bare answer", _said("The sky was grey all day", system="Respond with only valid JSON.")),
    "json only": ("bare answer", _said("The sky was grey all day", system="Classify. Answer with a JSON object only")),
    "nothing but": ("bare answer", _said("cat a.txt b.txt | wc", system="Return nothing but the list of file paths")),
    "one word": ("few words", _said("ping")),
    "two words": ("few words", _said(" Hello there ")),
}

REAL_WORK: dict[str, dict[str, Any]] = {
    "plain question": _said("Please read the parser and explain it."),
    "three words": _said("Fix the tests"),
    "two words with tools": _said("Fix tests", tools=BASH),
    "Warmup with tools": _said("Warmup", tools=BASH),
    "bare JSON with tools": _said("Read all of it please", system="Respond with only JSON.", tools=BASH),
    "title words with tools": _said("Summarize this coding conversation in short", tools=BASH),
    "two words at a picture": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "describe this"},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                ],
            }
        ]
    },
    "short answer within a conversation": {
        "messages": [
            {"role": "user", "content": "Shall we port it?"},
            {"role": "assistant", "content": "Yes. Now?"},
            {"role": "user", "content": "go on"},
        ]
    },
    "a sign in the system prompt of a conversation that goes on": {
        "messages": [
            {"role": "user", "content": "Where were we yesterday?"},
            {"role": "assistant", "content": "At the parser."},
            {"role": "user", "content": "Then go on with it."},
        ],
        "system": "Say if this indicates a new conversation topic.",
    },
    "two words with the answer begun": {
        "messages": [{"role": "user", "content": "go on"}, {"role": "assistant", "content": "The parser"}]
    },
    "extraction from a long text": _said("word " * 5_000, system="Respond with only valid JSON."),
    "a system prompt that mentions JSON": _said(
        "Say what the file holds", system="The API returns JSON to the caller."
    ),
    "one long word": _said("a" * 4_000),
    "nothing said": {"messages": []},
}


@pytest.mark.parametrize("name", BACKGROUND)
def test_background_calls_of_real_agents_are_recognised(name: str) -> None:
    sign, body = BACKGROUND[name]
    call = made_call(**body)
    assert background_sign(call) == sign
    assert task_of(call, "main") == "Utility"
    assert task_of(call, "Explore") == "Utility"


@pytest.mark.parametrize("name", REAL_WORK)
def test_real_work_is_never_background(name: str) -> None:
    call = made_call(**REAL_WORK[name])
    assert background_sign(call) is None
    assert task_of(call, "main") == "Main"
    assert task_of(call, "Explore") == "Subagent"


@pytest.mark.parametrize(
    ("said", "task"),
    [
        ("main", "Main"), ("subagent", "Subagent"), ("workflow", "Subagent"), ("compaction", "Compaction"),
        ("auxiliary", "Utility"), ("side_reply", "Utility"),
    ],
)  # fmt: skip
def test_the_clients_own_word_decides(said: str, task: str) -> None:
    assert task_of(made_call(headers={"x-claude-code-request-class": said}, max_tokens=1), "main") == task


def test_choosing_a_model_for_gemini_cli_is_background_work_on_every_turn() -> None:
    said = [{"role": "user", "parts": [{"text": words}]} for words in ("Some context.", "Port the parser please.")]
    system = {"parts": [{"text": "You are a specialized Task Routing AI. Be brief."}]}
    call = made_call(path="/v1beta/models/gemini-3.5-flash:generateContent", contents=said, systemInstruction=system)
    assert background_sign(call) == "routing"


def test_an_unknown_word_leaves_it_to_the_shape() -> None:
    headers = {"x-claude-code-request-class": "new-thing"}
    assert task_of(made_call(headers=headers), "main") == "Main"
    assert task_of(made_call(headers=headers, max_tokens=1), "main") == "Utility"


TURNS = [
    {"role": "user", "content": "Port the parser please."},
    {"role": "assistant", "content": "Done."},
    {"role": "user", "content": [{"type": "text", "text": "CRITICAL: Respond with TEXT ONLY. Do not call tools."}]},
]


def test_compaction_is_recognised_in_every_version() -> None:
    assert task_of(made_call(messages=TURNS, tools=BASH), "main") == "Compaction"
    old = "You are a helpful assistant tasked with summarizing conversations."
    assert task_of(made_call(messages=TURNS[:2] + TURNS[:1], system=old), "main") == "Compaction"
    assert task_of(made_call(headers={"x-claude-code-compaction": "auto"}), "main") == "Compaction"
    assert task_of(made_call(headers={"x-openai-subagent": "compact"}), "compact") == "Compaction"
    compact = made_call(path="/v1/responses/compact", model="gpt-5.1", input="hello there everybody")
    assert task_of(compact, "main") == "Compaction"


def test_words_of_a_compaction_in_real_work_are_only_words() -> None:
    assert task_of(made_call(messages=TURNS[2:], tools=BASH), "main") == "Main"
    old = "You are tasked with summarizing conversations."
    assert task_of(made_call(messages=TURNS[:2] + TURNS[:1], system=old, tools=BASH), "main") == "Main"


def test_counting_and_listing_are_no_background_work() -> None:
    count = made_call(path="/v1/messages/count_tokens", model="m", messages=[{"role": "user", "content": "foo"}])
    assert task_of(count, "main") == "Main"
    # Claude Code counts each part of its prompt in the background, for the model of its main work.
    count.headers = CIMultiDict({"x-claude-code-request-class": "auxiliary"})
    assert (task_of(count, "main"), task_of(count, "Explore")) == ("Main", "Subagent")
    assert task_of(made_call(method="GET", path="/v1/models"), "main") == "Main"
