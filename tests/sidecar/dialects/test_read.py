"""Requests: the facts of each dialect's bodies, and clear words about bodies that cannot be read."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.snapshot import DialectName
from ccproxy_sidecar.dialects.dialect import Malformed, Operation, Request
from ccproxy_sidecar.dialects.table import DIALECTS, locate
from tests.sidecar.dialects.recorded import blob, recorded_calls

GENERATE: dict[DialectName, dict[str, Any]] = {
    "anthropic-messages": {"model": "m", "messages": []},
    "openai-chat": {"model": "m", "messages": []},
    "openai-responses": {"model": "m", "input": []},
    "gemini-generate": {"contents": []},
}


def read(name: DialectName, body: object, operation: Operation = "generate", path_model: str | None = None) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = DIALECTS[name].read(raw, operation=operation, path_model=path_model)
    assert not isinstance(request, Malformed), request
    return request


def problem(name: DialectName, raw: bytes, operation: Operation = "generate") -> str:
    found = DIALECTS[name].read(raw, operation=operation, path_model=None)
    assert isinstance(found, Malformed)
    return found.message


MESSAGES: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 900,
    "stream": True,
    "system": [{"type": "text", "text": "billing"}, {"type": "text", "text": "be kind"}],
    "thinking": {"type": "adaptive"},
    "metadata": {"user_id": json.dumps({"session_id": "s-1", "team": "alpha", "n": 3}), "org": "o"},
    "output_config": {"effort": "medium", "format": {"type": "json_schema"}},
    "tools": [{"name": "Agent", "input_schema": {}}, {"type": "web_search_20250305"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "reminder"}, {"type": "text", "text": "do it"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"},
                                          {"type": "tool_use", "name": "Read", "input": {"path": "p"}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "file"}]}]},
        {"role": "user", "content": "and now?"},
        {"role": "user", "content": [{"type": "tool_result", "content": "more"}]},
    ],
}  # fmt: skip


def test_messages_facts() -> None:
    request = read("anthropic-messages", MESSAGES)
    assert (request.model, request.stream, request.max_tokens) == ("claude-opus-5-5", True, 900)
    assert (request.thinking, request.wants_json, request.wants_usage_chunk) == (True, True, True)
    assert (request.user_turns, request.has_assistant_turn) == (2, True)
    assert request.tool_names == ("Agent", "web_search_20250305")
    assert request.system_text == "billing\nbe kind"
    assert (request.first_user_text, request.first_user_last_text) == ("reminder\ndo it", "do it")
    assert (request.last_user_text, request.first_assistant_text) == ("", "yes")
    spoken = read("anthropic-messages", {**MESSAGES, "messages": MESSAGES["messages"][:-1]})
    assert spoken.last_user_text == "and now?"
    assert request.metadata["session_id"] == "s-1"
    assert (request.metadata["team"], request.metadata["n"], request.metadata["org"]) == ("alpha", "3", "o")
    assert request.user_id == MESSAGES["metadata"]["user_id"]
    texts = list(request.texts())
    assert texts[:2] == ["billing", "be kind"]
    assert texts[2:10] == ["reminder", "do it", "yes", "hm", '{"path": "p"}', "file", "and now?", "more"]
    assert texts[10:] == ['{"name": "Agent", "input_schema": {}}', '{"type": "web_search_20250305"}']


def test_chat_facts() -> None:
    request = read(
        "openai-chat",
        {
            "model": "gpt-5.5", "stream": True, "stream_options": {"include_usage": True}, "max_completion_tokens": 7,
            "max_tokens": 9, "reasoning_effort": "low", "response_format": {"type": "json_schema"}, "user": "u",
            "prompt_cache_key": "k", "metadata": {"team": "alpha"},
            "tools": [{"type": "function", "function": {"name": "read"}}, {"type": "custom", "custom": {"name": "c"}}],
            "messages": [
                {"role": "developer", "content": "be kind"},
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {}}]},
                {"role": "assistant", "tool_calls": [{"function": {"name": "read", "arguments": "{}"}}]},
                {"role": "tool", "content": "result"},
            ],
        },
    )  # fmt: skip
    assert (request.max_tokens, request.thinking, request.wants_json, request.wants_usage_chunk) == (
        7,
        True,
        True,
        True,
    )
    assert (request.user_id, request.prompt_cache_key, request.metadata) == ("u", "k", {"team": "alpha"})
    assert (request.tool_names, request.system_text) == (("read", "c"), "be kind")
    assert (request.user_turns, request.has_assistant_turn, request.last_user_text) == (1, True, "look")
    assert list(request.texts())[:4] == ["be kind", "look", "{}", "result"]


def test_legacy_completions_have_one_user_turn() -> None:
    request = read("openai-chat", {"model": "m", "prompt": ["once", "upon"], "max_tokens": 5.0})
    assert (list(request.texts()), request.user_turns, request.max_tokens) == (["once", "upon"], 1, 5)
    assert read("openai-chat", {"model": "m", "prompt": "once"}).last_user_text == "once"


def test_responses_facts() -> None:
    request = read(
        "openai-responses",
        {
            "model": "gpt-5.5-codex", "instructions": "be kind", "stream": True, "max_output_tokens": 5,
            "reasoning": {"effort": "high"}, "text": {"format": {"type": "json_object"}}, "prompt_cache_key": "k",
            "client_metadata": {"a": "b"}, "safety_identifier": "hash",
            "tools": [{"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn"}]},
                      {"type": "web_search"}],
            "input": [
                {"role": "developer", "content": "rules"},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}]},
                {"type": "reasoning", "summary": [], "encrypted_content": "x"},
                {"type": "function_call", "name": "shell", "arguments": '{"c":1}'},
                {"type": "function_call_output", "output": "done"},
            ],
        },
    )  # fmt: skip
    assert (request.max_tokens, request.thinking, request.wants_json) == (5, True, True)
    assert (request.system_text, request.tool_names) == ("be kind\nrules", ("agents", "spawn", "web_search"))
    assert (request.user_turns, request.has_assistant_turn, request.first_user_text) == (1, True, "look")
    assert (request.user_id, request.metadata) == ("hash", {"a": "b"})
    assert list(request.texts())[:5] == ["be kind", "rules", "look", '{"c":1}', "done"]
    assert read("openai-responses", {"model": "m", "input": "hello"}).last_user_text == "hello"


def test_tools_that_codex_sends_as_an_item_are_offered_tools() -> None:
    group = {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}
    given = {"type": "additional_tools", "role": "developer", "tools": [group]}
    request = read("openai-responses", {"model": "m", "tools": [{"type": "web_search"}], "input": [given]})
    assert request.tool_names == ("web_search", "functions", "exec")
    assert '"exec"' in list(request.texts())[-1]
    assert (request.system_text, request.user_turns) == ("", 0)


def test_gemini_facts() -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": -1},
                             "responseMimeType": "application/json"},
        "tools": [{"functionDeclarations": [{"name": "read"}]}, {"googleSearch": {}}],
        "labels": {"team": "alpha"},
        "contents": [
            {"parts": [{"text": "look"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "read", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "read", "response": {"r": 2}}}]},
        ],
    }  # fmt: skip
    request = read("gemini-generate", body, path_model="gemini-3-pro")
    assert (request.model, request.max_tokens, request.thinking, request.wants_json) == ("gemini-3-pro", 5, True, True)
    assert (request.system_text, request.tool_names) == ("be kind", ("read", "googleSearch"))
    assert (request.user_turns, request.has_assistant_turn, request.metadata) == (1, True, {"team": "alpha"})
    assert list(request.texts())[:4] == ["be kind", "look", '{"a": 1}', '{"r": 2}']
    counted = read("gemini-generate", {"generateContentRequest": body}, operation="count", path_model="g")
    assert counted.first_user_text == "look"
    assert read("gemini-generate", {"content": {"parts": [{"text": "e"}]}}, operation="embed").first_user_text == "e"


def test_embeddings_facts() -> None:
    request = read("openai-embeddings", {"model": "e", "input": ["a", "b"]}, operation="embed")
    assert (request.model, list(request.texts()), request.stream) == ("e", ["a", "b"], False)
    assert list(read("openai-embeddings", {"model": "e", "input": [[1, 2]]}, operation="embed").texts()) == []


@pytest.mark.parametrize(
    ("extra", "thinks"),
    [
        ({}, False),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "minimal"}, False),
        ({"reasoning_effort": "high"}, True),
        ({"thinking": {"type": "enabled"}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"reasoning": {"effort": "high"}}, True),
        ({"reasoning": {"max_tokens": 2000}}, True),
        ({"reasoning": {"enabled": False}}, False),
    ],
)
def test_chat_clients_ask_for_reasoning_in_several_ways(extra: dict[str, Any], thinks: bool) -> None:
    assert read("openai-chat", {**GENERATE["openai-chat"], **extra}).thinking is thinks


@pytest.mark.parametrize("name", sorted(GENERATE))
@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "the body is empty"),
        (b"[]", "the body: expected object, got array"),
        (b"{", "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid UTF-8"),
        (b'{"a": "\xc3"}', "not valid UTF-8"),
        (b"[" * 100_000, ""),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (b'\xff\xfe{\x00}\x00', "not valid UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_json_object_gets_a_clear_word(name: DialectName, raw: bytes, says: str) -> None:
    assert says in problem(name, raw)


@pytest.mark.parametrize(
    ("name", "members", "says"),
    [
        ("anthropic-messages", b'"messages":[]', "model: required"),
        ("anthropic-messages", b'"model":"a"', "messages: required"),
        ("anthropic-messages", b'"model":7,"messages":[]', "model: expected a string"),
        ("anthropic-messages", b'"model":"a","messages":{}', "messages: expected array, got object"),
        ("anthropic-messages", b'"model":"a","messages":[{"role":5}]', "messages[0].role: expected str, got int"),
        ("anthropic-messages", b'"model":"a","messages":[],"max_tokens":"SECRET"', "max_tokens: expected int"),
        ("anthropic-messages", b'"model":"a","messages":[],"stream":"SECRET"', "stream: expected true or false"),
        ("anthropic-messages", b'"model":"a","messages":[],"model":"b"', "model: given twice"),
        ("openai-chat", b'"model":"a","messages":[],"stream":true,"stream":false', "stream: given twice"),
        ("openai-chat", b'"model":"a","messages":[],"stream_options":[]', "stream_options: expected object"),
        ("openai-responses", b'"model":"a","input":7', "input: expected str | array | null, got int"),
        ("gemini-generate", b'"x":1', "contents: required"),
        ("gemini-generate", b'"contents":[],"generationConfig":{"maxOutputTokens":"SECRET"}',
         "generationConfig.maxOutputTokens: expected int"),
    ],
)  # fmt: skip
def test_wrong_types_are_named_by_their_path_and_not_shown(name: DialectName, members: bytes, says: str) -> None:
    message = problem(name, b"{" + members + b"}")
    assert message.startswith(says)
    assert "SECRET" not in message


def test_nested_duplicates_and_decoys_are_fine() -> None:
    body = b'{"messages":[{"role":"user","content":[{"type":"x","model":"a","model":"b"}]}],"model":"m","stream":true}'
    assert read("anthropic-messages", body).model == "m"


@pytest.mark.parametrize("operation", ["models", "other"])
@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_bodies_of_unknown_paths_are_never_refused(name: DialectName, operation: Operation) -> None:
    for raw in (b"", b"\xff\x00", b"[1]", b'{"model": 7}'):
        assert read(name, raw, operation).model == ""
    request = read(name, b'{"model":"m","stream":true}', operation)
    assert (request.model, request.stream, list(request.texts())) == ("m", True, [])


def test_base64_does_not_count_as_text_but_long_words_do() -> None:
    image = blob(Random(1), 30_000)
    source = {"type": "base64", "media_type": "image/png", "data": image}
    plain = {"type": "text", "media_type": "text/plain", "data": "long words " * 500}
    kanji = {"type": "text", "media_type": "text/plain", "data": "漢字" * 500}
    content = [
        {"type": "image", "source": source},
        {"type": "document", "source": plain},
        {"source": kanji, "type": "x"},
    ]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}, ensure_ascii=False).encode()
    assert read("anthropic-messages", body).text_bytes == len(body) - len(image)


def test_every_recorded_call_reads_and_its_texts_fit_its_bytes() -> None:
    for call in recorded_calls(500, seed=2):
        path, _, _ = call.path.partition("?")
        located = locate(call.method, path, call.headers)
        assert located is not None
        assert located.dialect.name == call.dialect
        request = located.dialect.read(call.body, operation=located.operation, path_model=located.path_model)
        assert not isinstance(request, Malformed), request
        assert request.stream == ("streamGenerate" in path or bool(json.loads(call.body).get("stream")))
        assert 0 < request.text_bytes <= len(call.body)
        assert request.last_user_text in list(request.texts()) or not request.last_user_text
        assert request.tool_names is request.tool_names


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["system", "tools", "thinking", "metadata", "output_config", "reasoning", "response_format", "functions",
          "content", "text", "instructions", "systemInstruction", "generationConfig", "labels", "user"]  # fmt: skip


@given(st.sampled_from(sorted(GENERATE)), st.dictionaries(st.sampled_from(FIELDS), json_values), json_values)
def test_odd_parts_are_refused_or_read_as_absent(name: DialectName, extra: dict[str, Any], odd: Any) -> None:
    key = next(key for key in GENERATE[name] if key != "model")
    items = [{"role": "user", "content": odd, "parts": odd, "tool_calls": odd}, {"role": "assistant", "content": odd}]
    body = json.dumps({**GENERATE[name], **extra, key: items}).encode()
    request = DIALECTS[name].read(body, operation="generate", path_model="m")
    if isinstance(request, Malformed):
        return
    assert all(isinstance(text, str) for text in request.texts())
    assert isinstance(request.last_user_text + request.first_assistant_text + request.system_text, str)
    assert all(isinstance(text, str) for text in (*request.tool_names, *request.metadata.values()))
    assert request.user_turns >= 0
