"""A user's own rule that is wrong is seen by its owner: in metrics and state, and no longer than it is wrong."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path

import aiohttp

from ccproxy_contract.names import PATH_METRICS, PATH_STATE
from ccproxy_contract.snapshot import CustomRule, Match, Snapshot, Target, sealed, snapshot_bytes
from ccproxy_runtime.atomic import atomic_write
from tests.fakes.provider.process import running_provider
from tests.fakes.sidecar import RunningSidecar, default_route, laptop_snapshot, routing_rule, running_sidecar
from tests.sidecar.serving.calls import messages, post


def _snapshot(provider_url: str, target: str) -> Snapshot:
    match = Match(custom=CustomRule(target=f"tests.sidecar.rules.own_rule:{target}", params={"chars": 5}))
    rule = routing_rule("own", match, Target("anthropic", "claude-haiku-5-5"))
    return laptop_snapshot(provider_url, rule, default_route(Target("anthropic")))


def _sidecar(snapshot: Snapshot, tmp_path: Path) -> AbstractContextManager[RunningSidecar]:
    return running_sidecar(snapshot, tmp_path, CCPROXY_CUSTOM_RULES="1")


async def _text(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def test_failures_are_counted_and_a_rule_that_is_off_is_told(tmp_path: Path) -> None:
    with running_provider() as provider, _sidecar(_snapshot(provider.url, "LongModelName"), tmp_path) as sidecar:
        for _ in range(3):
            got = await post(f"{sidecar.url}/v1/messages", messages(model="breaks"))
            assert got.status == 200, got.body
        counted = 'ccproxy_rule_failures_total{rule="own",reason="RuntimeError"} 3'
        assert counted in await _text(sidecar.url + PATH_METRICS)
        assert "not asked any more: own" in await _text(sidecar.url + PATH_STATE)


async def test_a_problem_is_over_once_the_policies_are_what_they_were(tmp_path: Path) -> None:
    with running_provider() as provider:
        good, bad = _snapshot(provider.url, "LongModelName"), _snapshot(provider.url, "Nobody")
        with _sidecar(good, tmp_path) as sidecar:
            for snapshot, says in ((bad, "own_rule:Nobody cannot be loaded"), (good, '"problem":""')):
                atomic_write(sidecar.snapshot, snapshot_bytes(sealed(snapshot)))
                for _ in range(200):
                    if says in (state := await _text(sidecar.url + PATH_STATE)):
                        break
                    await asyncio.sleep(0.05)
                assert says in state
