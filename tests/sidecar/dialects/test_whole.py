"""Answers in one body: usage in disjoint buckets that sum to the provider's total, finish, errors, spawns."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.events import MAX_RAW_USAGE_BYTES
from ccproxy_contract.snapshot import DialectName
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.dialect import Answer, Spawn
from ccproxy_sidecar.dialects.table import DIALECTS

counts = st.none() | st.integers(0, 1 << 36)
odd = counts | st.integers(-(10**30), 10**30) | st.floats(-1e15, 1e15)


def whole(name: DialectName, body: object) -> Answer:
    answer = DIALECTS[name].answer(stream=False)
    answer.whole(body if isinstance(body, bytes) else json.dumps(body).encode())
    return answer


def usage_of(name: DialectName, usage: dict[str, Any]) -> Usage:
    key = "usageMetadata" if name == "gemini-generate" else "usage"
    found = whole(name, {key: usage}).usage
    assert found is not None
    return found


def amount(*values: int | None) -> int:
    return sum(value or 0 for value in values)


@given(*[counts] * 6)
def test_messages_buckets_sum_to_the_total(
    fresh: int | None, read: int | None, written: int | None, five: int | None, hour: int | None, out: int | None
) -> None:
    split = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    raw = {"input_tokens": fresh, "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
           "cache_creation": split, "output_tokens": out}  # fmt: skip
    usage = usage_of("anthropic-messages", raw)
    assert usage.total == amount(fresh, read, out) + (amount(five, hour) if written is None else written)
    assert min(msgspec.structs.astuple(usage)) >= 0
    if written is not None and amount(five, hour) == written:
        assert (usage.cache_write_5m, usage.cache_write_1h) == (amount(five), amount(hour))


@given(*[counts] * 5)
def test_chat_buckets_sum_to_the_total_even_when_parts_exceed_it(
    prompt: int | None, completion: int | None, cached: int | None, written: int | None, reasoning: int | None
) -> None:
    raw = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": amount(prompt, completion),
           "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
           "completion_tokens_details": {"reasoning_tokens": reasoning}}  # fmt: skip
    usage = usage_of("openai-chat", raw)
    assert (usage.input, usage.output) == (amount(prompt), amount(completion))
    assert min(msgspec.structs.astuple(usage)) >= 0
    assert usage.reasoning <= usage.output


@given(*[counts] * 6)
def test_responses_buckets_sum_to_the_total(
    prompt: int | None, out: int | None, cached: int | None, written: int | None, half: int | None, twelve: int | None
) -> None:
    split = {"ttl_30m_tokens": half, "ttl_12h_tokens": twelve}
    details = {"cached_tokens": cached, "cache_write_tokens": written, "cache_write_tokens_details": split}
    usage = usage_of(
        "openai-responses", {"input_tokens": prompt, "output_tokens": out, "input_tokens_details": details}
    )
    assert (usage.input, usage.output) == (amount(prompt), amount(out))
    assert min(msgspec.structs.astuple(usage)) >= 0


@given(*[counts] * 5)
def test_gemini_buckets_sum_to_the_total(
    prompt: int | None, cached: int | None, candidates: int | None, thoughts: int | None, tools: int | None
) -> None:
    raw = {"promptTokenCount": prompt, "cachedContentTokenCount": cached, "candidatesTokenCount": candidates,
           "thoughtsTokenCount": thoughts, "toolUsePromptTokenCount": tools,
           "totalTokenCount": amount(prompt, candidates, thoughts, tools)}  # fmt: skip
    usage = usage_of("gemini-generate", raw)
    assert usage.total == amount(prompt, candidates, thoughts, tools)
    assert usage.output == amount(candidates, thoughts)
    assert min(msgspec.structs.astuple(usage)) >= 0


@given(st.sampled_from(sorted(DIALECTS)), st.lists(odd, min_size=9, max_size=9))
def test_odd_numbers_never_make_negative_buckets(name: DialectName, numbers: list[Any]) -> None:
    raw = {"input_tokens": numbers[0], "output_tokens": numbers[1], "prompt_tokens": numbers[2],
           "completion_tokens": numbers[3], "cache_read_input_tokens": numbers[4], "promptTokenCount": numbers[5],
           "total_tokens": numbers[6], "input_tokens_details": {"cached_tokens": numbers[7]},
           "prompt_tokens_details": {"cached_tokens": numbers[8]}, "cachedContentTokenCount": numbers[7]}  # fmt: skip
    answer = whole(name, {"usageMetadata" if name == "gemini-generate" else "usage": raw})
    assert answer.usage is None or min(msgspec.structs.astuple(answer.usage)) >= 0
    assert len(answer.raw_usage) <= MAX_RAW_USAGE_BYTES


def test_servers_that_leave_reasoning_out_of_completion_are_charged_for_it() -> None:
    raw = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40,
           "completion_tokens_details": {"reasoning_tokens": 25}}  # fmt: skip
    assert usage_of("openai-chat", raw) == Usage(uncached=10, output=30, reasoning=25)


def test_deepseek_names_its_cache_hits_in_its_own_way() -> None:
    raw = {"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 2}
    assert usage_of("openai-chat", raw) == Usage(uncached=2, cache_read=8, output=1)


@pytest.mark.parametrize("place", ["x_groq", "choices"])
def test_usage_in_other_places_is_found(place: str) -> None:
    usage = {"prompt_tokens": 4, "completion_tokens": 2}
    chunk = {"x_groq": {"usage": usage}} if place == "x_groq" else {"choices": [{"index": 0, "usage": usage}]}
    assert whole("openai-chat", chunk).usage == Usage(uncached=4, output=2)


def test_legacy_completions_read_like_chat() -> None:
    body = {"id": "cmpl-1", "model": "m", "choices": [{"index": 0, "text": "hi", "finish_reason": "length"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1}}  # fmt: skip
    answer = whole("openai-chat", body)
    assert (answer.finish, answer.usage) == ("length", Usage(uncached=3, output=1))
    stream = DIALECTS["openai-chat"].answer(stream=True)
    stream.feed(b'data: {"id":"cmpl-1","choices":[{"index":0,"text":"hi","finish_reason":null}]}\n\n')
    assert (stream.started, stream.produced_tokens()) == (True, 1)


def test_embeddings_usage_is_all_input() -> None:
    answer = whole("openai-embeddings", {"model": "e", "usage": {"prompt_tokens": 6, "total_tokens": 6}})
    assert (answer.usage, answer.model, answer.ended) == (Usage(uncached=6), "e", True)


def test_a_whole_message_tells_finish_and_spawns() -> None:
    given_input = {"subagent_type": "Explore", "prompt": "look around", "description": "d"}
    content = [{"type": "text", "text": "ok"}, {"type": "tool_use", "name": "Task", "input": given_input},
               {"type": "tool_use", "name": "Agent", "input": {"prompt": "no type"}}]  # fmt: skip
    usage = {"input_tokens": 3, "output_tokens": 1, "service_tier": "batch"}
    message = {"id": "msg_1", "model": "m", "content": content, "stop_reason": "tool_use", "usage": usage}
    answer = whole("anthropic-messages", message)
    assert (answer.id, answer.model, answer.finish, answer.service_tier) == ("msg_1", "m", "tool_use", "batch")
    assert answer.spawns == [Spawn("Explore", "look around")]


def test_responses_count_searches_and_not_page_views() -> None:
    output = [{"type": "web_search_call", "action": {"type": "search"}},
              {"type": "web_search_call", "action": {"type": "open_page"}}, {"type": "message"}]  # fmt: skip
    usage = {"input_tokens": 3, "output_tokens": 1}
    response = {"id": "r", "status": "completed", "output": output, "usage": usage, "service_tier": "flex"}
    answer = whole("openai-responses", response)
    assert answer.usage == Usage(uncached=3, output=1, web_searches=1)
    assert (answer.finish, answer.service_tier) == ("completed", "flex")


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("anthropic-messages", {"type": "error", "error": {"type": "api_error", "message": "x"}}, "api_error"),
        ("openai-chat", {"error": {"message": "x", "type": "t", "code": "c"}}, "c"),
        ("openai-chat", {"error": {"message": "x", "type": "t", "code": None}}, "t"),
        ("openai-responses", {"error": {"message": "x", "code": "c"}}, "c"),
        ("openai-embeddings", {"error": {"message": "x", "code": 429}}, "429"),
        ("gemini-generate", {"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}, "UNAVAILABLE"),
        ("gemini-generate", [{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}], "INVALID_ARGUMENT"),
    ],
)  # fmt: skip
def test_error_bodies_are_known_by_their_code(name: DialectName, body: object, code: str) -> None:
    answer = whole(name, body)
    assert answer.error is not None
    assert (answer.error.code, answer.usage) == (code, None)


def test_a_gemini_stream_without_sse_is_an_array() -> None:
    chunks = [{"candidates": [{"content": {"parts": [{"text": "a"}]}}]},
              {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 2}}]  # fmt: skip
    answer = whole("gemini-generate", chunks)
    assert (answer.finish, answer.usage) == ("STOP", Usage(uncached=2))


def test_a_blocked_gemini_prompt_has_a_finish() -> None:
    assert whole("gemini-generate", {"promptFeedback": {"blockReason": "SAFETY"}}).finish == "SAFETY"


@given(st.sampled_from(sorted(DIALECTS)), st.binary(max_size=60))
def test_garbage_is_counted_and_never_raises(name: DialectName, body: bytes) -> None:
    answer = whole(name, body)
    assert answer.ended
    assert answer.usage is None


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_body_that_is_no_json_is_unreadable(name: DialectName) -> None:
    assert whole(name, b"<html>bad gateway</html>").unreadable == 1
    assert whole(name, b"{}").unreadable == 0
