"""The ledger as a process: it serves before its database, and kills at any moment neither lose nor double an event."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from ccproxy_contract.events import UsageEvent, encode_event
from ccproxy_ledger.audit import audit
from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.store import connect
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.spool import Spool
from ccproxy_sidecar.shipping import Shipper
from tests.ledger.running import TOKEN, Client, Ledger
from tests.ledger.sending import life, new_src

SENDERS = 4
CALLS_OF_EACH = 1250
"""A tenth of the bar of 50,000 calls."""
BATCH = 50


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    running = Ledger(tmp_path)
    yield running
    running.end()


@pytest.fixture
async def client(ledger: Ledger) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(ledger, session)


def now_ms() -> int:
    return int(time.time() * 1000)


async def read(url: str, query: str) -> object:
    connection = await connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_day_in_the_life_of_a_ledger(ledger: Ledger, client: Client) -> None:
    """Events are acknowledged before the database is up; usage, tenant, metrics, wrong requests, a clean stop."""
    ledger.write_accounts("acme")
    ledger.start()
    events = life(new_src(), 20, ended_ms=now_ms() - 60_000)
    assert await client.deliver(events) == 40
    await client.until_ready()
    total = (await client.until_calls(20))["total"]
    assert total["calls"] == 20
    status, answer = await client.get("/usage", **{"from": "2026-11-01", "to": "2026-11-30", "group_by": "tenant"})
    assert (status, [group["tenant"] for group in answer["groups"]]) == (200, ["acme"])
    assert await client.get("/ccproxy/v1/audit") == (200, {"differences": []})
    assert (await client.get("/usage", group_by="colour"))[0] == 400
    assert (await client.get("/healthz"))[0] == 200
    assert ledger.stop() == 0
    assert "Traceback" not in ledger.log


async def test_a_sidecars_spool_arrives_whole(ledger: Ledger, tmp_path: Path) -> None:
    """The two real ends of the line: the sidecar's shipper and the ledger, with a restart in between."""
    spool = Spool(tmp_path / "sidecar", src=new_src(), cap_bytes=1 << 24)
    events = life(spool.src, 400, ended_ms=now_ms() - 60_000)
    ledger.start()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        shipper = Shipper(
            spool, ledger_url=ledger.url, token=TOKEN.encode(), session=session, registry=Registry(),
            random=lambda: 0.5, clock_s=time.time, poll_s=0.01,
        )  # fmt: skip
        running = [tasks.create_task(spool.sync_loop()), tasks.create_task(shipper.run())]
        for number, event in enumerate(events):
            assert spool.append(encode_event(event))
            if number == 400:
                assert await shipper.drained(30)
                ledger.kill()
                ledger.start()
        assert await shipper.drained(30)
        client = Client(ledger, session)
        await client.until_ready()
        assert (await client.until_calls(400))["total"]["calls"] == 400
        assert await client.get("/ccproxy/v1/audit") == (200, {"differences": []})
        for task in running:
            task.cancel()
    spool.close()


async def test_strangers_are_kept_out(ledger: Ledger, client: Client) -> None:
    ledger.start()
    await client.until_ready()
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic a-token-of-the-test"}):
            async with stranger.post(f"{ledger.url}/v1/events", data=b"{}", headers=headers) as answer:
                assert answer.status == 401
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            async with stranger.get(f"{ledger.url}/usage", headers=headers) as answer:
                assert answer.status == 401
        body = BytesIO(b'{"src":"' + b"x" * (4 << 20))
        headers = {"authorization": "Bearer a-token-of-the-test"}
        async with stranger.post(f"{ledger.url}/v1/events", data=body, headers=headers) as answer:
            assert answer.status == 413
            assert "send fewer events" in (await answer.json())["error"]


async def test_kills_of_ledger_and_postgres_lose_and_double_nothing(ledger: Ledger, client: Client) -> None:
    lives = [life(new_src(), CALLS_OF_EACH, ended_ms=now_ms() - 60_000) for _ in range(SENDERS)]
    delivered = asyncio.Semaphore(0)

    async def send(events: list[UsageEvent]) -> None:
        for start in range(0, len(events), BATCH):
            await client.deliver(events[start : start + BATCH])
            delivered.release()

    async def after(batches: int) -> None:
        for _ in range(batches):
            await delivered.acquire()

    async def disturb() -> None:
        batches = SENDERS * 2 * CALLS_OF_EACH // BATCH
        await client.until_ready()
        await after(batches // 8)
        ledger.kill_postmaster()
        await after(batches // 4)
        ledger.kill()
        ledger.start()
        await after(batches // 4)
        await client.until_ready()
        ledger.kill_postmaster()
        ledger.kill()
        ledger.start()
        await after(batches // 4)
        ledger.kill()
        ledger.start()

    ledger.start()
    await asyncio.gather(disturb(), *(send(events) for events in lives))
    await client.until_ready()
    total = (await client.until_calls(SENDERS * CALLS_OF_EACH))["total"]
    assert (total["calls"], total["attempts"]) == (SENDERS * CALLS_OF_EACH,) * 2
    assert total["tokens"]["output"] == sum(event.usage.output for events in lives for event in events)
    assert ledger.stop() == 0
    cluster = EmbeddedPostgres(ledger.pgdata)
    await cluster.start()
    try:
        assert await audit(cluster.url) == []
        assert await read(cluster.url, "select count(*) from event_key") == SENDERS * 2 * CALLS_OF_EACH
        assert await read(cluster.url, "select count(*) from usage_event where priced_by <> 'ledger'") == 0
        assert await read(cluster.url, "select count(*) from open_attempt") == 0
    finally:
        await cluster.stop()


async def test_a_database_that_is_away_is_waited_for(tmp_path: Path, database: str) -> None:
    """With a database of the user's own: events come in while it refuses connections, and are there afterwards."""
    name = urlsplit(database).path.removeprefix("/")
    owner = await connect(database.replace(name, "postgres", 1))
    await owner.execute(f"alter database {name} allow_connections false")
    ledger = Ledger(tmp_path, database_url=database)
    try:
        ledger.start()
        async with aiohttp.ClientSession() as session:
            client = Client(ledger, session)
            events = life(new_src(), 10, ended_ms=now_ms() - 60_000)
            assert await client.deliver(events) == 20
            status, answer = await client.get("/usage")
            assert status == 503
            assert "no figures yet" in answer["error"]
            await owner.execute(f"alter database {name} allow_connections true")
            await client.until_ready()
            assert (await client.until_calls(10))["total"]["calls"] == 10
            await owner.execute(f"alter database {name} allow_connections false")
            await owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
            status, answer = await client.get("/readyz")
            assert status == 503
            assert "the database does not answer" in answer["error"]
        assert ledger.stop() == 0
        assert "Error handling request" not in ledger.log
    finally:
        await owner.close()
        ledger.end()


async def test_a_newer_schema_stops_the_figures_with_advice_and_not_the_events(tmp_path: Path, database: str) -> None:
    connection = await connect(database)
    await connection.execute("update alembic_version set version_num = '9999'")
    await connection.close()
    ledger = Ledger(tmp_path, database_url=database)
    try:
        ledger.start()
        async with aiohttp.ClientSession() as session:
            client = Client(ledger, session)
            assert await client.deliver(life(new_src(), 3)) == 6
            for _ in range(200):
                status, answer = await client.get("/readyz")
                if "schema" in answer["error"]:
                    break
                await asyncio.sleep(0.05)
            assert status == 503
            assert "install the newer ccproxy" in answer["error"]
    finally:
        ledger.end()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CCPROXY_ACCOUNTS", "", "CCPROXY_ACCOUNTS is not set"),
        ("CCPROXY_LEDGER_PORT", "http", "CCPROXY_LEDGER_PORT='http' is not a whole number"),
        ("CCPROXY_DATABASE_URL", "mysql://x", "CCPROXY_DATABASE_URL must start with postgresql://"),
        ("CCPROXY_LEDGER_TOKEN_FILE", "/nowhere/token", "No such file or directory: /nowhere/token"),
    ],
)
async def test_a_wrong_setting_is_answered_with_a_sentence(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    ledger = Ledger(tmp_path)
    ledger.settings[name] = value
    ledger.start()
    assert await asyncio.to_thread(ledger.wait) == 1
    assert sentence in ledger.log
    assert "Traceback" not in ledger.log
