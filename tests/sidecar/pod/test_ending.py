"""At SIGTERM a pod's sidecar finishes open streams, hands its last events over and ends within its grace."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import aiohttp

from ccproxy_contract.names import PATH_HEALTH, PATH_READY
from ccproxy_runtime.spool_source import sources
from tests.fakes.operator.server import FakeOperator
from tests.fakes.pod import PodSidecar, pod_sidecar
from tests.fakes.provider.process import RunningProvider
from tests.fakes.tls_files import Root
from tests.fakes.tls_ledger import tls_ledger
from tests.sidecar.pod.slices import pod_slice
from tests.sidecar.serving.calls import messages, post, sending

SLOW = {"x-fake-fault": "slow_chunk=0.1"}


async def test_an_open_stream_finishes_and_its_event_is_with_the_ledger(
    operator: FakeOperator, provider: RunningProvider, root: Root, leaf: Path, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    async with (
        tls_ledger(leaf) as ledger,
        pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem, CCPROXY_LEDGER_URL=ledger.url) as sidecar,
    ):
        await operator.acked(first.hash)
        async with sending(f"{sidecar.url}/v1/messages", messages("say 30 words", stream=True), SLOW) as answer:
            await answer.content.readany()
            sidecar.ask_to_stop()
            await sidecar.until(PATH_READY, 503)
            assert await sidecar.status(PATH_HEALTH) == 200
            assert await refused(sidecar)
            rest = await answer.content.read()
        assert b"message_stop" in rest
        assert await sidecar.stopped() == 0
    (event,) = ledger.settled()
    assert (event.status, event.quality, event.stream) == ("ok", "exact", True)
    assert (event.namespace, event.workload, event.tenant) == ("shop", "Deployment/coder", "acme")
    assert set(ledger.sent_tokens) == {"token-for-ccproxy-ledger"}


async def refused(sidecar: PodSidecar) -> bool:
    """Does the data port take no new connection?"""
    with contextlib.suppress(aiohttp.ClientConnectorError):
        await post(f"{sidecar.url}/v1/messages", messages())
        return False
    return True


async def test_a_stream_that_never_ends_is_cut_off_settled_and_handed_over_within_the_grace(
    operator: FakeOperator, provider: RunningProvider, root: Root, leaf: Path, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    async with tls_ledger(leaf) as ledger:
        extra = {"CCPROXY_LEDGER_URL": ledger.url, "CCPROXY_GRACE_MS": "4000"}
        async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem, **extra) as sidecar:
            await operator.acked(first.hash)
            silent = {"x-fake-fault": "silence;events=3"}
            async with sending(f"{sidecar.url}/v1/messages", messages(stream=True), silent) as answer:
                await answer.content.readany()
                sidecar.ask_to_stop()
                assert await sidecar.stopped() == 0
    assert [event.kind for events in ledger.events.values() for event in events.values()] == ["open", "settle"]
    assert ledger.settled()[0].status in ("interrupted", "client_gone")


async def test_a_ledger_that_is_away_holds_a_stopping_pod_no_longer_than_its_grace(
    operator: FakeOperator, provider: RunningProvider, root: Root, leaf: Path, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    extra = {"CCPROXY_LEDGER_URL": "https://localhost:1", "CCPROXY_GRACE_MS": "1500"}
    sidecar = PodSidecar(tmp_path, operator_url=operator.url, root=root.pem, **extra)
    await sidecar.start()
    await operator.acked(first.hash)
    assert (await post(f"{sidecar.url}/v1/messages", messages())).status == 200
    sidecar.ask_to_stop()
    assert await sidecar.stopped() == 0
    assert sidecar.logged("events_left")
    # The volume outlives the container: the next start hands over what this one left, and waits for it when it ends.
    async with tls_ledger(leaf) as ledger:
        sidecar.environment |= {"CCPROXY_LEDGER_URL": ledger.url, "CCPROXY_GRACE_MS": "20000"}
        await sidecar.start()
        sidecar.ask_to_stop()
        assert await sidecar.stopped() == 0
        assert len(ledger.settled()) == 1
    assert sources(sidecar.spool) == []


async def test_a_renewed_token_is_used_after_a_401_of_the_ledger(
    operator: FakeOperator, provider: RunningProvider, root: Root, leaf: Path, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    async with tls_ledger(leaf) as ledger:
        ledger.tokens = {"renewed"}
        async with pod_sidecar(
            tmp_path, operator_url=operator.url, root=root.pem, CCPROXY_LEDGER_URL=ledger.url
        ) as sidecar:
            await operator.acked(first.hash)
            assert (await post(f"{sidecar.url}/v1/messages", messages())).status == 200
            async with asyncio.timeout(10):
                while "token-for-ccproxy-ledger" not in ledger.sent_tokens:  # noqa: ASYNC110 - filled by requests
                    await asyncio.sleep(0.02)
            (sidecar.tokens / "ccproxy-ledger").write_text("renewed\n")
            (event,) = await ledger.until_settled(1)
    assert event.namespace == "shop"


async def test_events_go_to_a_ledger_of_our_root_only(
    operator: FakeOperator, provider: RunningProvider, root: Root, leaf: Path, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    elsewhere = root.leaf(tmp_path / "elsewhere", "somewhere-else")
    async with (
        tls_ledger(elsewhere) as ledger,
        pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem, CCPROXY_LEDGER_URL=ledger.url) as sidecar,
    ):
        await operator.acked(first.hash)
        assert (await post(f"{sidecar.url}/v1/messages", messages())).status == 200
        async with asyncio.timeout(10):
            while not await sidecar.metric("ccproxy_ledger_failures_total"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
    assert ledger.sent_tokens == []


async def test_a_disk_volume_that_takes_nothing_stops_no_call(
    operator: FakeOperator, provider: RunningProvider, root: Root, leaf: Path, tmp_path: Path
) -> None:
    operator.offer = first = pod_slice(provider.url)
    async with tls_ledger(leaf) as ledger:
        extra = {"CCPROXY_LEDGER_URL": ledger.url, "CCPROXY_SPOOL": "/proc/no/spool", "CCPROXY_GRACE_MS": "1000"}
        async with pod_sidecar(tmp_path, operator_url=operator.url, root=root.pem, **extra) as sidecar:
            await operator.acked(first.hash)
            assert (await post(f"{sidecar.url}/v1/messages", messages())).status == 200
            assert await sidecar.metric("ccproxy_events_waiting") == 2
            sidecar.ask_to_stop()
            assert await sidecar.stopped() == 0
