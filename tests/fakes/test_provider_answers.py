"""The scripted provider's answers: the exact grammar, the same figures streamed or not, the same words every time."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.messages_grammar import Broken, check, events_of
from tests.fakes.provider import chat, messages
from tests.fakes.provider.asked import Asked, Tool
from tests.fakes.provider.fixtures import provider
from tests.fakes.provider.script import reply
from tests.fakes.provider.server import Provider
from tests.fakes.provider.steps import steps

__all__ = ["provider"]

KEY = {"x-api-key": "k", "authorization": "Bearer k", "x-goog-api-key": "k", "anthropic-version": "2023-06-01"}
READ = Tool("read", {"type": "object", "properties": {"path": {"type": "string"}}})
ASKED = st.builds(
    Asked,
    model=st.sampled_from(["claude-opus-5-5", "gpt-5.5"]),
    thinking=st.booleans(),
    tools=st.sampled_from([(), (READ,), (READ, Tool("find", {"type": "object"}))]),
    last_text=st.sampled_from(["use the tool", "use two tools", "say 9 words", "refuse", "", "repeat: é€"]),
    max_tokens=st.one_of(st.none(), st.integers(1, 60)),
)


async def _post(server: Provider, path: str, body: dict[str, Any], **headers: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as client,
        client.post(server.url + path, json=body, headers={**KEY, **headers}) as answer,
    ):
        return answer.status, await answer.read()


@given(ASKED, st.integers(0, 3))
def test_steps_add_up_to_the_reply(asked: Asked, seed: int) -> None:
    said = reply(asked, seed)
    told = list(steps(said, interleave=True))

    assert "".join(step.text for step in told if step.kind == "text") == said.text
    for index, call in enumerate(said.calls):
        given_json = "".join(step.text for step in told if step.kind == "arguments" and step.call == index)
        assert json.loads(given_json) == call.arguments
    counts = [step.output_tokens for step in told]
    assert counts == sorted(counts)
    assert counts[-1] == said.output_tokens


@given(ASKED)
def test_a_reply_keeps_to_its_limit_unless_it_calls_a_tool(asked: Asked) -> None:
    said = reply(asked, 0)

    if asked.max_tokens is not None and said.finish not in ("tool", "refusal"):
        assert said.output_tokens <= asked.max_tokens


@pytest.mark.parametrize("text", ["use the tool", "use two tools", "say 50 words", "refuse", "spawn Explore: find it"])
async def test_a_messages_stream_keeps_the_grammar_and_says_what_the_whole_answer_says(
    provider: Provider, text: str
) -> None:
    tools = [{"name": name, "input_schema": READ.schema} for name in ("read", "find", "Agent")]
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 9000,
        "thinking": {"type": "adaptive"},
        "tools": tools,
        "messages": [{"role": "user", "content": text}],
    }
    _, raw = await _post(provider, "/v1/messages", {**body, "stream": True})
    _, whole_raw = await _post(provider, "/v1/messages", body)
    events, whole = events_of(raw), json.loads(whole_raw)

    check(events)
    assert events[-2]["delta"]["stop_reason"] == whole["stop_reason"]
    assert events[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]
    assert events[0]["message"]["usage"]["input_tokens"] == whole["usage"]["input_tokens"]


def test_the_strict_reader_finds_a_delta_after_its_stop() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    late = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
    ending = [{"type": "message_delta"}, {"type": "message_stop"}]

    with pytest.raises(Broken, match="out of place"):
        check([{"type": "message_start"}, start, {"type": "content_block_stop", "index": 0}, late, *ending])


async def test_chat_chunks_carry_usage_only_when_asked(provider: Provider) -> None:
    body = {"model": "gpt-5.5", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    _, silent = await _post(provider, "/v1/chat/completions", body)
    _, counted = await _post(provider, "/v1/chat/completions", {**body, "stream_options": {"include_usage": True}})

    assert b'"usage"' not in silent
    assert counted.count(b'"usage":{') == 1
    assert silent.endswith(b"data: [DONE]\n\n")


async def test_a_response_numbers_its_events_without_gaps(provider: Provider) -> None:
    body = {"model": "gpt-5.5", "stream": True, "input": "use the tool", "reasoning": {"effort": "low"}}
    tools = [{"type": "function", "name": "read", "parameters": READ.schema}]
    _, raw = await _post(provider, "/v1/responses", {**body, "tools": tools})
    numbers = [json.loads(frame.partition(b"data: ")[2])["sequence_number"] for frame in raw.split(b"\n\n") if frame]

    assert numbers == list(range(len(numbers)))


async def test_a_response_calls_a_tool_of_a_group_that_came_as_an_item(provider: Provider) -> None:
    group = {"type": "namespace", "name": "agents", "tools": [{"type": "custom", "name": "x"}, {"name": "spawn_agent"}]}
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [group]},
        {"role": "user", "content": "spawn Explore: look around"},
    ]
    _, body = await _post(provider, "/v1/responses", {"model": "gpt-5.5", "input": items})
    call = json.loads(body)["output"][-1]
    assert (call["name"], call["namespace"]) == ("spawn_agent", "agents")
    assert json.loads(call["arguments"]) == {"task_name": "explore", "message": "look around", "fork_turns": "none"}


async def test_gemini_streams_as_events_or_as_one_array(provider: Provider) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "say 30 words"}]}]}
    path = "/v1beta/models/gemini-3.8-flash:streamGenerateContent"
    _, events = await _post(provider, f"{path}?alt=sse", body)
    _, array = await _post(provider, path, body)
    chunks = [json.loads(frame.removeprefix(b"data: ")) for frame in events.split(b"\r\n\r\n") if frame]

    assert json.loads(array) == chunks
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] == provider.calls[0].charged.total


async def test_thinking_of_another_model_is_refused(provider: Provider) -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": messages.signature("hm", "claude-opus-5-5")}
    body = {
        "max_tokens": 100,
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": [block]},
            {"role": "user", "content": "two"},
        ],
    }
    same, _ = await _post(provider, "/v1/messages", {**body, "model": "claude-opus-4-8"})
    other, said = await _post(provider, "/v1/messages", {**body, "model": "claude-haiku-5-5"})

    assert (same, other) == (200, 400)
    assert b"Invalid `signature` in `thinking` block" in said


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "x"}]}, 400, "max_tokens"),
    ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": []}, 400, "at least one message"),
    ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "tool", "content": "x"}]}, 400, "role"),
    ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": ""}]}, 400, "non-empty"),
    ("/v1/chat/completions", {"model": "m"}, 400, "messages"),
    ("/v1/chat/completions", {"model": "m", "messages": [{"role": "tool", "content": "x"}]}, 400, "tool_calls"),
    ("/v1/chat/completions", {"model": "gpt-5.5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}, 400,
     "max_completion_tokens"),
    ("/v1/responses", {"model": "m", "input": "x", "max_output_tokens": 1}, 400, "below minimum"),
    ("/v1/responses", {"model": "m", "input": "x", "previous_response_id": "resp_0"}, 400, "not found"),
    ("/v1beta/models/m:generateContent", {"contents": []}, 400, "contents"),
    ("/v1/embeddings", {"model": "m", "input": []}, 400, "input"),
    ("/v1/no-such-path", {}, 404, "Not found"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "words"), REFUSED)
async def test_what_the_real_api_refuses_is_refused(
    provider: Provider, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    got, said = await _post(provider, path, body)

    assert got == status
    assert words in json.loads(said)["error"]["message"]


async def test_a_wrong_key_is_refused_in_each_apis_own_shape(provider: Provider) -> None:
    wrong = {"x-api-key": "wrong", "authorization": "", "x-goog-api-key": ""}
    asked = [{"role": "user", "content": "x"}]
    _, claude = await _post(provider, "/v1/messages", {"model": "m", "max_tokens": 9, "messages": asked}, **wrong)
    _, gpt = await _post(provider, "/v1/chat/completions", {"model": "m", "messages": asked}, **wrong)
    _, gemini = await _post(provider, "/v1beta/models/m:generateContent", {}, **wrong)

    assert json.loads(claude)["error"]["type"] == "authentication_error"
    assert json.loads(gpt)["error"]["code"] == "invalid_api_key"
    assert json.loads(gemini)["error"]["status"] == "INVALID_ARGUMENT"


def test_interleaved_arguments_take_turns() -> None:
    long = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string"}}}
    said = reply(Asked(model="m", tools=(Tool("one", long), Tool("two", long)), last_text="use two tools"), 0)
    calls = [step.call for step in steps(said, interleave=True) if step.kind == "arguments"]

    assert calls[:4] == [0, 1, 0, 1]
    assert chat.FINISHES[said.finish] == "tool_calls"


async def test_a_prompt_beyond_the_models_window_is_refused_in_the_words_that_clients_know(provider: Provider) -> None:
    asked = [{"role": "user", "content": "words " * 140_000}]
    _, claude = await _post(provider, "/v1/messages", {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": asked})
    _, gpt = await _post(provider, "/v1/chat/completions", {"model": "gpt-4o", "messages": asked})

    assert json.loads(claude)["error"]["message"] == "prompt is too long: 210003 tokens > 200000 maximum"
    assert json.loads(gpt)["error"]["code"] == "context_length_exceeded"
