"""What the scripted provider does when it is told to fail, and what it notes about it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.fakes.provider.faults import FAULT_HEADER, Planned, fault
from tests.fakes.provider.fixtures import provider
from tests.fakes.provider.process import running_provider
from tests.fakes.provider.server import Provider

__all__ = ["provider"]

HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}


def _body(**more: Any) -> dict[str, Any]:
    asked = [{"role": "user", "content": "say 40 words"}]
    return {"model": "claude-haiku-5-5", "max_tokens": 500, "messages": asked, **more}


async def _told(server: Provider, told: str, **more: Any) -> tuple[int, bytes, aiohttp.ClientResponse]:
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.url}/v1/messages", json=_body(**more), headers={**HEADERS, FAULT_HEADER: told}) as answer,
    ):
        return answer.status, await answer.read(), answer


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error"), (413, "request_too_large")],
)
async def test_a_status_comes_with_the_apis_own_error(provider: Provider, status: int, kind: str) -> None:
    got, said, answer = await _told(provider, f"status={status};retry_after=3")

    assert got == status
    assert json.loads(said)["error"]["type"] == kind
    assert answer.headers["retry-after"] == "3"
    assert provider.calls[-1].charged.total == 0


async def test_a_reset_before_headers_answers_nothing(provider: Provider) -> None:
    with pytest.raises(aiohttp.ClientConnectionError):
        await _told(provider, "reset")

    assert (provider.calls[-1].status, provider.calls[-1].outcome) == (0, "fault")


@pytest.mark.parametrize("told", ["reset;after=700", "reset;events=4"])
async def test_a_reset_in_the_middle_charges_what_went_out(provider: Provider, told: str) -> None:
    with pytest.raises(aiohttp.ClientError):
        await _told(provider, told, stream=True)

    charged = provider.calls[-1].charged
    assert charged.uncached > 0
    assert 0 < charged.output < 40


async def test_a_cut_stream_ends_cleanly_without_its_last_events(provider: Provider) -> None:
    _, said, _ = await _told(provider, "cut;events=4", stream=True)

    assert b"message_stop" not in said
    assert said.endswith(b"\n\n")


async def test_a_cut_body_is_shorter_than_its_length(provider: Provider) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await _told(provider, "cut;after=20")


async def test_garbage_is_no_text(provider: Provider) -> None:
    _, said, _ = await _told(provider, "garbage;events=3", stream=True)

    with pytest.raises(UnicodeDecodeError):
        said.decode()


async def test_a_stream_breaks_with_an_error_event(provider: Provider) -> None:
    _, said, _ = await _told(provider, "error_event;events=3", stream=True)

    assert said.split(b"\n\n")[-2].startswith(b"event: error\n")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_compressed_answer_decodes_to_the_same(provider: Provider, encoding: str, stream: bool) -> None:
    _, plain, _ = await _told(provider, "", stream=stream)
    _, said, answer = await _told(provider, f"encoding={encoding}", stream=stream)

    assert answer.headers["content-encoding"] == encoding
    assert said == plain


async def test_small_writes_a_wrong_type_and_a_huge_body_are_all_possible(provider: Provider) -> None:
    _, said, answer = await _told(provider, "split=7;content_type=text/html;huge=100000")

    assert answer.content_type == "text/html"
    assert len(said) >= 100_000
    assert json.loads(said)["type"] == "message"


async def test_usage_can_be_left_out(provider: Provider) -> None:
    _, said, _ = await _told(provider, "no_usage", stream=True)

    assert b"usage" not in said
    assert b"message_stop" in said


async def test_a_client_that_leaves_is_noted_and_charged_what_was_produced(provider: Provider) -> None:
    async with aiohttp.ClientSession() as client:
        answer = await client.post(
            f"{provider.url}/v1/messages",
            json=_body(stream=True),
            headers={**HEADERS, FAULT_HEADER: "silence;events=6"},
        )
        await answer.content.readany()
        answer.close()

    seen = (await provider.settled())[-1]
    assert seen.outcome == "client gone"
    assert seen.charged.uncached > 0
    assert 0 < seen.charged.output < 40


async def test_a_plan_befalls_the_requests_that_match_in_order(provider: Provider) -> None:
    provider.plan(Planned(fault="status=529", times=2, model="haiku"), Planned(fault="status=500", skip=1))
    got = [(await _told(provider, "", model=model))[0] for model in ["claude-haiku-5-5"] * 4 + ["claude-opus-5-5"]]

    assert got == [529, 529, 200, 500, 200]


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="explode"):
        fault("explode=1")


def test_a_process_of_its_own_is_told_and_read_over_http() -> None:
    with running_provider() as running:
        running.plan(Planned(fault="status=503"))
        running.advance(10)

        assert running.calls() == []
        running.reset()
