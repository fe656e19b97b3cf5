"""A provider that fails: retried, failed over, or told to the client in its own shape; every try is one row."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.fakes.provider.faults import Planned
from tests.sidecar.serving.calls import chat, messages, post, sending
from tests.sidecar.serving.conftest import Stand


@pytest.mark.parametrize("fault", ["status=529", "status=500", "reset", "status=503;retry_after=1"])
async def test_a_passing_failure_is_retried_and_both_tries_are_rows(stand: Stand, fault: str) -> None:
    stand.provider.plan(Planned(fault=fault))
    got = await post(f"{stand.url}/v1/messages", messages())
    assert got.status == 200
    assert [(e.attempt, e.status) for e in stand.events_of(got.call)] == [(1, "error"), (2, "ok")]
    assert stand.events_of(got.call)[0].cost_pusd == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["status=529", "reset", "garbage;after=0", "cut;after=0", "error_event;events=0"])
async def test_a_lasting_failure_goes_to_the_next_target(stand: Stand, fault: str, stream: bool) -> None:
    stand.provider.plan(Planned(fault=fault, times=-1, model="first-choice"))
    for path, body in (("/v1/messages", messages(model="over-x")), ("/v1/chat/completions", chat(model="over-x"))):
        got = await post(stand.url + path, {**body, "stream": stream})
        assert got.status == 200, got.body
        assert got.headers["x-ccproxy-target"].endswith("/second-choice")
        tried = [e.model for e in stand.events_of(got.call)]
        assert tried[:3] == ["first-choice", "first-choice", "second-choice"]
        assert len(tried) <= 4  # a kept-alive connection that the provider just closed costs one more try


async def test_a_rate_limit_goes_straight_to_the_next_target(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="status=429;retry_after=60", times=-1, model="first-choice"))
    got = await post(f"{stand.url}/v1/messages", messages(model="over-x"))
    assert [e.model for e in stand.events_of(got.call)] == ["first-choice", "second-choice"]


async def test_the_providers_own_refusal_reaches_the_client_unchanged(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="status=429;retry_after=7;message=slow down please", times=-1))
    got = await post(f"{stand.url}/v1/messages", messages())
    assert (got.status, got.headers["retry-after"]) == (429, "7")
    assert got.json["error"]["message"] == "slow down please"


async def test_no_answer_at_all_is_a_bad_gateway_in_the_clients_shape(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="reset", times=-1))
    got = await post(f"{stand.url}/v1/messages", messages())
    assert got.status == 502
    assert got.json["type"] == "error"
    got = await post(f"{stand.url}/v1/chat/completions", chat())
    assert got.json["error"]["message"].startswith("no answer from openai (reset)")


async def test_a_provider_that_never_answers_is_given_up(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="slow_first=60", times=-1))
    got = await post(f"{stand.url}/v1/messages", messages())
    assert got.status == 504
    assert {e.error for e in stand.events_of(got.call)} == {"timeout"}


@pytest.mark.parametrize("fault", ["reset;events=6", "cut;events=6", "garbage;events=6"])
async def test_a_stream_that_breaks_after_content_ends_with_the_dialects_error_event(stand: Stand, fault: str) -> None:
    stand.provider.plan(Planned(fault=fault, times=-1))
    got = await post(f"{stand.url}/v1/messages", messages("say 60 words", stream=True))
    assert got.status == 200
    assert got.body.rstrip().split(b"\n\n")[-1].startswith(b"event: error\n")
    event = stand.events_of(got.call)[0]
    assert (event.status, event.quality) == ("interrupted", "estimated")
    assert event.usage.output > 0
    got = await post(f"{stand.url}/v1/chat/completions", chat("say 60 words", stream=True))
    assert b'{"error":' in got.body.rstrip().split(b"\n\n")[-1]
    assert b"[DONE]" not in got.body


async def test_an_error_event_of_the_provider_passes_and_is_not_followed_by_ours(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="error_event;events=6;status=529;slow_chunk=0.01", times=-1))
    got = await post(f"{stand.url}/v1/messages", messages("say 60 words", stream=True))
    assert got.body.count(b"event: error") == 1
    assert stand.events_of(got.call)[0].error == "stream_error"


async def test_own_pings_cover_a_silence_and_a_silence_too_long_ends_the_stream(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="silence;events=6"))
    got = await post(f"{stand.url}/v1/messages", messages("say 60 words", stream=True))
    assert 2 <= got.body.count(b"event: ping") <= 8
    assert b"event: error" in got.body
    assert stand.events_of(got.call)[0].error == "timeout"


async def test_a_client_that_leaves_cancels_the_provider_and_pays_what_was_produced(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="slow_chunk=0.02", times=-1))
    async with sending(f"{stand.url}/v1/messages", messages("say 400 words", stream=True)) as response:
        call = response.headers["x-ccproxy-call"]
        await response.content.readany()
        await asyncio.sleep(0.4)
    await asyncio.sleep(0.2)
    event = stand.events_of(call)[0]
    assert (event.status, event.quality) == ("client_gone", "estimated")
    assert 0 < event.usage.output < 400
    assert event.usage.input > 0
    assert stand.provider.settled_calls()[0].outcome == "client gone"


async def test_a_client_that_leaves_before_the_answer_cancels_the_provider(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="slow_first=20", times=-1))
    try:
        async with asyncio.timeout(0.3):
            await post(f"{stand.url}/v1/messages", messages())
    except TimeoutError:
        pass
    assert stand.provider.settled_calls()[0].outcome == "client gone"


async def test_an_answer_encoded_unasked_decodes_for_the_client(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="encoding=gzip", times=-1))
    for stream in (False, True):
        got = await post(f"{stand.url}/v1/messages", messages(stream=stream))
        assert got.status == 200
        assert stand.events_of(got.call)[0].quality == "exact"


async def test_a_huge_answer_passes_and_is_metered_as_far_as_it_can_be(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="huge=12000000"))
    got = await post(f"{stand.url}/v1/messages", messages())
    assert len(got.body) >= 12_000_000
    assert stand.events_of(got.call)[0].quality == "estimated"


async def test_usage_that_a_stream_does_not_report_is_estimated_and_marked(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="no_usage"))
    got = await post(f"{stand.url}/v1/chat/completions", chat("say 50 words", stream=True))
    event = stand.events_of(got.call)[0]
    assert event.quality == "estimated"
    assert event.usage.output > 10


async def test_a_chat_stream_is_metered_exactly_without_showing_what_the_client_did_not_ask_for(stand: Stand) -> None:
    got = await post(f"{stand.url}/v1/chat/completions", chat("say 30 words", stream=True))
    seen = stand.provider.settled_calls()[0]
    assert seen.json["stream_options"] == {"include_usage": True}
    assert not re.search(rb'"usage": ?\{', got.body)
    event = stand.events_of(got.call)[0]
    assert (event.quality, event.usage) == ("exact", seen.charged)
