"""What a rule decides is what happens, and the answer says so."""

from __future__ import annotations

import aiohttp
import pytest

from tests.sidecar.serving.calls import chat, gemini, messages, post, responses
from tests.sidecar.serving.conftest import Stand


async def test_a_call_goes_through_and_names_rule_target_and_call(stand: Stand) -> None:
    got = await post(f"{stand.url}/v1/messages", messages())
    assert got.status == 200
    assert got.json["type"] == "message"
    assert got.headers["x-ccproxy-rule"] == "default"
    assert got.headers["x-ccproxy-target"] == "anthropic/claude-opus-5-5"
    assert len(stand.events_of(got.call)) == 1


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/v1/messages", messages(model="asked-x"), "claude-haiku-5-5"),
        ("/v1/chat/completions", chat(model="asked-x"), "gpt-5.1-mini"),
        ("/v1/responses", responses(model="asked-x"), "gpt-5.1-mini"),
        ("/v1beta/models/asked-x:generateContent", gemini(), "gemini-3-flash"),
    ],
)
async def test_the_target_that_speaks_the_dialect_gets_the_model_of_the_rule(
    stand: Stand, path: str, body: object, model: str
) -> None:
    got = await post(stand.url + path, body)
    assert got.status == 200, got.body
    assert stand.provider.settled_calls()[0].model == model
    event = stand.events_of(got.call)[0]
    assert (event.model_requested, event.model, event.rule) == ("asked-x", model, "renamed")


async def test_an_embedding_keeps_its_model_under_a_rule_about_models_that_talk(stand: Stand) -> None:
    body = {"model": "text-embedding-3-small", "input": "some text"}
    got = await post(f"{stand.url}/v1/embeddings", body, {"user-agent": "small-1"})
    assert (got.status, got.headers["x-ccproxy-rule"]) == (200, "small")
    assert stand.provider.settled_calls()[0].model == "text-embedding-3-small"
    got = await post(f"{stand.url}/v1/chat/completions", chat(), {"user-agent": "small-1"})
    assert got.headers["x-ccproxy-target"] == "openai/gpt-5.1-mini"


async def test_a_denied_call_gets_the_dialects_own_denial_and_costs_nothing(stand: Stand) -> None:
    got = await post(f"{stand.url}/v1/messages", messages(model="denied-x"))
    assert got.status == 429
    assert got.json["error"]["type"] == "billing_error"
    assert got.headers["x-should-retry"] == "false"
    assert (got.headers["x-ccproxy-rule"], got.headers["x-ccproxy-target"]) == ("denied", "none")
    async with aiohttp.ClientSession() as session, session.get(f"{stand.url}/metrics") as scraped:
        assert 'ccproxy_calls_total{rule="denied",backend="none",outcome="refused"}' in await scraped.text()
    assert stand.provider.calls() == []
    assert (await post(f"{stand.url}/v1/chat/completions", chat(model="denied-x"))).json["error"][
        "message"
    ] == "not today"


async def test_a_shadow_rule_changes_nothing_and_is_told(stand: Stand) -> None:
    got = await post(f"{stand.url}/v1/messages", messages(model="watched-x"))
    assert got.status == 200
    assert got.headers["x-ccproxy-shadow"] == "watched -> deny 403"
    assert got.headers["x-ccproxy-rule"] == "default"


async def test_a_broken_rule_is_answered_503_and_never_the_next_rule(stand: Stand) -> None:
    got = await post(f"{stand.url}/v1/messages", messages(model="broken-x"))
    assert got.status == 503
    assert "ghost" in got.json["error"]["message"]
    assert stand.provider.calls() == []


async def test_a_target_of_another_dialect_is_refused_and_never_called_wrongly(stand: Stand) -> None:
    got = await post(f"{stand.url}/v1/messages", messages(model="foreign-x"))
    assert got.status == 501
    assert "planned, not built" in got.json["error"]["message"]
    assert stand.provider.calls() == []


async def test_models_are_listed_in_the_callers_dialect(stand: Stand) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{stand.url}/v1/models", headers={"anthropic-version": "2023-06-01"}) as answer:
            assert "data" in await answer.json()
        async with session.get(f"{stand.url}/v1beta/models") as answer:
            assert "models" in await answer.json()
        async with session.get(f"{stand.url}/v1/models") as answer:
            assert (await answer.json())["object"] == "list"
            assert {"x-ccproxy-call", "x-ccproxy-rule", "x-ccproxy-target"} <= {name.lower() for name in answer.headers}


async def test_counting_tokens_is_passed_on_and_leaves_no_row(stand: Stand) -> None:
    got = await post(
        f"{stand.url}/v1/messages/count_tokens", {k: v for k, v in messages().items() if k != "max_tokens"}
    )
    assert got.json["input_tokens"] > 0
    assert stand.events_of(got.call) == []


async def test_a_websocket_is_refused_so_that_codex_goes_on_over_http(stand: Stand) -> None:
    asks = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "eA=="}
    async with aiohttp.ClientSession() as session, session.get(f"{stand.url}/v1/responses", headers=asks) as answer:
        assert answer.status == 426
        assert "plain HTTP" in (await answer.json())["error"]["message"]
    assert stand.provider.calls() == []


async def test_agents_small_talk_never_reaches_a_provider(stand: Stand) -> None:
    assert (await post(f"{stand.url}/api/event_logging/batch", {})).status == 204
    assert stand.provider.calls() == []
