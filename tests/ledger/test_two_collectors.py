"""Two collectors on one Postgres, senders that go from one to the other, a kill in the middle: one row per event.

What a collector acknowledged is never sent again, so all that is missing at the end was lost by us.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from ccproxy_contract.events import Ack, UsageEvent, decode_ack
from ccproxy_ledger.audit import audit
from ccproxy_ledger.cluster.heartbeat import EVERY_S
from ccproxy_ledger.store import connect
from tests.conftest import PROVING
from tests.ledger.cluster import Client, Header, House, Process, house
from tests.ledger.sending import life, new_src

SENDERS = 16 if PROVING else 8
CALLS = 500 if PROVING else 150
KILLS = 10 if PROVING else 3


class Hopper:
    """Does what a sidecar does, but picks its ledger anew for every post: forgets what was acknowledged, repeats the
    rest; now and then an acknowledgement is lost on the way."""

    def __init__(self, client: Client, processes: list[Process], headers: Header, *, seed: int) -> None:
        self._client = client
        self._processes = processes
        self._headers = headers
        self._random = random.Random(seed)
        self.events = life(new_src(), CALLS)
        self.left: list[UsageEvent] = list(self.events)

    async def run(self) -> None:
        while self.left:
            batch = self.left[: self._random.randint(1, 40)]
            ack = await self._post(batch)
            if ack is not None and self._random.random() > 0.1:
                self.left = [event for event in self.left if event.seq > ack.seq]
            await asyncio.sleep(0.01)

    async def _post(self, batch: list[UsageEvent]) -> Ack | None:
        try:
            status, body = await self._client.post(self._random.choice(self._processes), batch, self._headers)
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)
            return None
        assert status in (200, 503), body
        return decode_ack(body) if status == 200 else None


async def _kill_again_and_again(client: Client, processes: list[Process], chosen: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(0.3 + chosen.random() / 2)
        victim = chosen.choice(processes)
        victim.kill()
        await asyncio.sleep(0.1)
        victim.start()
        await client.until_ready(victim)


async def test_senders_that_hop_between_two_collectors_lose_and_double_nothing(tmp_path: Path, database: str) -> None:
    async with house(tmp_path, database) as (here, client):
        processes = [here.process("collector", f"ledger-{number}").start() for number in range(2)]
        books = here.process("books", "books-0").start()
        await client.until_ready(*processes, books)
        hoppers = [
            Hopper(client, processes, here.header("team-a", pod=f"coder-{number}"), seed=number)
            for number in range(SENDERS)
        ]
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            group.create_task(_kill_again_and_again(client, processes, random.Random(1)))
            for hopper in hoppers:
                group.create_task(hopper.run())
        answer = await client.until_calls(books, SENDERS * CALLS)
        assert (answer["total"]["attempts"], answer["missing_events"]) == (SENDERS * CALLS, 0)
        await _drained(here, client, books)
        assert await audit(here.database) == []
        assert await _pods(here.database) == sorted(f"coder-{number}" for number in range(SENDERS))


async def _drained(here: House, client: Client, books: Process) -> None:
    """Until the last repeat is through too: a spool may still hold batches that the other collector committed."""
    for _ in range(400):
        answer = await client.usage(books)
        if answer["open_attempts"] == 0 and answer["missing_events"] == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(answer)


async def _pods(database: str) -> list[str]:
    """Every source is named by its pod."""
    connection = await connect(database)
    found = await connection.fetch("select distinct pod from source where namespace = 'team-a' order by 1")
    await connection.close()
    return [str(one[0]) for one in found]


async def test_what_a_dead_collector_acknowledged_is_missed_until_it_is_back(tmp_path: Path, database: str) -> None:
    async with house(tmp_path, database) as (here, client):
        url = tmp_path / "url"
        apart = {"CCPROXY_DATABASE_URL": "", "CCPROXY_DATABASE_URL_FILE": str(url)}
        one, other = here.process("collector", "ledger-0", **apart).start(), here.process("collector", "ledger-1")
        other.start()
        books = here.process("books", "books-0").start()
        await client.until_ready(one, other, books)
        events = life(new_src(), 10)
        await client.deliver(one, events[:10], here.header())  # it has no database: this stays in its spool
        one.kill()
        await client.deliver(other, events[10:], here.header())
        answer = await client.until_calls(books, 5)
        assert answer["missing_events"] == 10
        url.write_text(here.database)
        one.start()
        answer = await client.until_calls(books, 10)
        assert (answer["total"]["calls"], answer["missing_events"]) == (10, 0)
        assert await audit(here.database) == []


async def test_what_a_dead_collector_acknowledged_holds_completeness_back_until_it_is_back(
    tmp_path: Path, database: str
) -> None:
    async with house(tmp_path, database) as (here, client):
        one, books = here.process("collector", "ledger-0").start(), here.process("books", "books-0").start()
        await client.until_ready(one, books)
        assert await _collectors(here.database) == ["ledger-0"]
        blocker = await connect(here.database)
        async with blocker.transaction():
            await blocker.execute("lock table event_key in exclusive mode")
            before = datetime.now(UTC)
            await client.deliver(one, life(new_src(), 2), here.header())
            after = datetime.now(UTC)
            await asyncio.sleep(1.1 * EVERY_S)  # it says that it waits
            one.kill()
        await blocker.close()
        said = datetime.fromisoformat((await client.usage(books))["complete_through"])
        assert before - timedelta(seconds=EVERY_S) <= said <= after
        one.start()
        await client.until_calls(books, 2)
        for _ in range(200):
            if datetime.fromisoformat((await client.usage(books))["complete_through"]) > after:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("completeness stays behind")


async def test_a_collector_that_ends_with_nothing_left_holds_nothing_back(tmp_path: Path, database: str) -> None:
    async with house(tmp_path, database) as (here, client):
        one = here.process("collector", "ledger-0").start()
        await client.until_ready(one)
        await client.deliver(one, life(new_src(), 10), here.header())
        assert await _collectors(here.database) == ["ledger-0"]
        assert one.stop() == 0
        assert await _collectors(here.database) == []
        connection = await connect(here.database)
        assert await connection.fetchval("select count(*) from usage_event") == 10
        await connection.close()


async def _collectors(database: str) -> list[str]:
    connection = await connect(database)
    try:
        for _ in range(100):
            found = [str(one[0]) for one in await connection.fetch("select name from collector order by 1")]
            if found:
                return found
            await asyncio.sleep(0.02)
        return []
    finally:
        await connection.close()
