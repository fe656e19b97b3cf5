"""Slow readers, many streams, missing keys, missing snapshots: bounded memory and clear words."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest

from ccproxy_contract.snapshot import Backend, Credential, Snapshot, sealed, snapshot_bytes
from tests.fakes.provider.faults import Planned
from tests.fakes.provider.process import running_provider
from tests.fakes.sidecar import laptop_snapshot, running_sidecar
from tests.sidecar.serving.calls import HEADERS, messages, post
from tests.sidecar.serving.conftest import Stand

ENOUGH_BYTES = 48 * 1024 * 1024
"""Of 120 MB on offer; most of it is what reading ahead of a 1 MiB event takes."""


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


async def test_a_slow_reader_holds_the_provider_back_in_bounded_memory(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="huge=120000000", times=-1))
    before = resident_bytes(stand.sidecar.pid)
    body = msgspec.json.encode(messages(stream=True))
    host, port = urlsplit(stand.url).hostname, urlsplit(stand.url).port
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    request = (
        f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )
    _, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write(request)
    await asyncio.sleep(1.5)
    assert resident_bytes(stand.sidecar.pid) - before < ENOUGH_BYTES
    writer.transport.abort()
    assert stand.provider.settled_calls()[0].sent_bytes < 120_000_000
    assert (await post(f"{stand.url}/v1/messages", messages())).status == 200


async def test_many_streams_at_once_all_end_well(stand: Stand) -> None:
    stand.provider.plan(Planned(fault="slow_chunk=0.005", times=-1))
    answers = await asyncio.gather(
        *(post(f"{stand.url}/v1/messages", messages(f"say 30 words {n}", stream=True)) for n in range(60))
    )
    assert [got.status for got in answers] == [200] * 60
    assert all(got.body.rstrip().endswith(b'{"type":"message_stop"}') for got in answers)
    assert len({got.call for got in answers}) == 60


async def test_a_pass_through_backend_sends_the_clients_key_and_asks_for_one_when_there_is_none(tmp_path: Path) -> None:
    own = Credential(kind="PassThrough")
    with running_provider() as provider:
        backend = Backend(
            name="own", provider="Anthropic", url=provider.url, dialects=("anthropic-messages",), credential=own
        )
        with running_sidecar(sealed(Snapshot(backends=(backend,))), tmp_path) as sidecar:
            for given in ({"x-api-key": "sk-mine"}, {"authorization": "Bearer sk-mine", "x-api-key": ""}):
                got = await post(f"{sidecar.url}/v1/messages", messages(), given)
                assert got.status == 200, got.body
            assert {seen.key for seen in provider.settled_calls()} == {"sk-mine"}
            got = await post(f"{sidecar.url}/v1/messages", messages(), {"x-api-key": "ccproxy"})
            assert got.status == 401
            assert "set the provider's key in the program" in got.json["error"]["message"]


async def test_two_backends_of_one_dialect_need_a_rule_and_the_refusal_says_so(tmp_path: Path) -> None:
    one, two = laptop_snapshot("http://127.0.0.1:9").backends[0], laptop_snapshot("http://127.0.0.1:9").backends[0]
    both = (one, msgspec.structs.replace(two, name="second"))
    with running_sidecar(sealed(Snapshot(backends=both)), tmp_path) as sidecar:
        got = await post(f"{sidecar.url}/v1/messages", messages())
        assert got.status == 404
        assert "more than one backend speaks anthropic-messages" in got.json["error"]["message"]


async def test_a_bad_snapshot_changes_nothing_and_is_told(tmp_path: Path) -> None:
    with running_provider() as provider, running_sidecar(laptop_snapshot(provider.url), tmp_path) as sidecar:
        good = sidecar.snapshot.read_bytes()
        sidecar.snapshot.write_bytes(good.replace(b"Anthropic", b"Anthropoc"))
        state = await _state_with(sidecar.url, "problem")
        assert "snapshot.json" in state["problem"]
        assert (await post(f"{sidecar.url}/v1/messages", messages())).status == 200
        other = sealed(Snapshot(backends=laptop_snapshot(provider.url).backends[:1]))
        sidecar.snapshot.write_bytes(snapshot_bytes(other))
        assert (await _state_with(sidecar.url, "", snapshot=other.hash))["problem"] == ""


async def _state_with(url: str, filled: str, *, snapshot: str = "") -> dict[str, str]:
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            async with session.get(f"{url}/ccproxy/v1/state") as answer:
                state: dict[str, str] = await answer.json()
            if (filled and state[filled]) or (snapshot and state["snapshot"] == snapshot):
                return state
            await asyncio.sleep(0.05)
    pytest.fail("the sidecar did not take notice")
