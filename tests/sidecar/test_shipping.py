"""Events reach a ledger (a real HTTP server) at least once and in order, whatever it answers and whoever is killed."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from ccproxy_contract.events import Ack, UsageEvent, decode_batch, encode_ack, encode_event
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_source import lock_source, segment_path, segments, sources
from ccproxy_sidecar.shipping import Shipper
from tests.conftest import free_port
from tests.waiting import until

OLD = "01932d5e-7b00-7000-8000-000000000001"
NEW = "01932d5e-7b00-7000-8000-000000000002"
TOKEN = b"ledger-token"


class Ledger:
    """Keeps what it takes; answers as it is told to."""

    def __init__(self) -> None:
        self.port = free_port()
        self.events: dict[str, dict[int, UsageEvent]] = {}
        self.order: list[tuple[str, int]] = []
        self.batches: list[int] = []
        self.answers: list[int] = []
        """Statuses for the next posts; then 200."""
        self.refused_calls: set[str] = set()
        self.given_up = 0
        self.ack: Callable[[str], int] = self.contiguous
        self._runner: web.AppRunner | None = None

    def contiguous(self, src: str) -> int:
        seq = self.given_up
        while seq + 1 in self.events.get(src, {}):
            seq += 1
        return seq

    def calls(self, src: str) -> list[str]:
        return [event.call for _, event in sorted(self.events.get(src, {}).items()) if event.kind == "settle"]

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/events", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        assert request.headers["authorization"] == "Bearer " + TOKEN.decode()
        batch = decode_batch(await request.read())
        self.batches.append(len(batch.events))
        status = self.answers.pop(0) if self.answers else 200
        if status != 200:
            return web.Response(status=status, headers={"location": "/elsewhere"})
        if any(event.call in self.refused_calls for event in batch.events):
            return web.Response(status=400, text="an event is wrong")
        for event in batch.events:
            self.events.setdefault(batch.src, {})[event.seq] = event
            self.order.append((batch.src, event.seq))
        return web.Response(body=encode_ack(Ack(src=batch.src, seq=self.ack(batch.src))))


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    server = Ledger()
    await server.start()
    yield server
    await server.stop()


class Ship:
    """A spool that is being shipped."""

    def __init__(self, spool: Spool, shipper: Shipper, registry: Registry) -> None:
        self.spool, self.shipper, self.registry = spool, shipper, registry
        self.seq = 0

    def write(self, *calls: str) -> None:
        for call in calls:
            self.seq += 1
            event = UsageEvent(src=self.spool.src, seq=self.seq, kind="settle", call=call, attempt=1, ended_ms=1_000)
            assert self.spool.append(encode_event(event))

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", self.registry.render().decode(), re.MULTILINE)
        assert found is not None
        return float(found[1])


@asynccontextmanager
async def shipping(
    directory: Path,
    ledger: Ledger,
    *,
    src: str = NEW,
    segment_bytes: int = 1 << 20,
    older_every_s: float = 0.05,
    sync_every_s: float = 0.001,
) -> AsyncIterator[Ship]:
    registry = Registry()
    spool = Spool(directory, src=src, cap_bytes=1 << 30, sync_every_s=sync_every_s, segment_bytes=segment_bytes)
    async with aiohttp.ClientSession() as session:
        shipper = Shipper(
            spool,
            ledger_url=f"http://127.0.0.1:{ledger.port}",
            token=TOKEN,
            session=session,
            registry=registry,
            random=lambda: 0.0,
            clock_s=lambda: 3.0,
            poll_s=0.005,
            older_every_s=older_every_s,
        )
        tasks = [asyncio.create_task(spool.sync_loop()), asyncio.create_task(shipper.run())]
        try:
            yield Ship(spool, shipper, registry)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            spool.close()
            assert [type(end) for end in ends] == [asyncio.CancelledError] * 2


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def leave(directory: Path, calls: int, *, src: str = OLD, segment_bytes: int = 1 << 20) -> None:
    """A source whose process is gone: each call opened, every second one settled."""
    spool = Spool(directory, src=src, cap_bytes=1 << 30, segment_bytes=segment_bytes)
    seq = 0
    for number in range(calls):
        for kind in ("open", "settle")[: 1 + number % 2]:
            seq += 1
            event = UsageEvent(src=src, seq=seq, kind="open", call=f"c{number}", attempt=1, opened_ms=1_000)
            if kind == "settle":
                event = UsageEvent(src=src, seq=seq, kind="settle", call=f"c{number}", attempt=1, ended_ms=2_000)
            assert spool.append(encode_event(event))
    spool.close()


async def test_events_arrive_in_order_and_only_once_when_all_is_well(tmp_path: Path, ledger: Ledger) -> None:
    async with shipping(tmp_path, ledger) as ship:
        ship.write("a", "b")
        assert await ship.shipper.drained(10)
        ship.write("c")
        assert await ship.shipper.drained(10)
        assert ledger.order == [(NEW, 1), (NEW, 2), (NEW, 3)]
        assert ship.metric("ccproxy_events_shipped_total") == 3
        assert ship.metric("ccproxy_ledger_lag_seconds") == 2.0
        assert ship.metric("ccproxy_spool_oldest_seconds") == 0


async def test_a_batch_holds_at_most_500_events(tmp_path: Path, ledger: Ledger) -> None:
    async with shipping(tmp_path, ledger) as ship:
        ship.write(*(f"c{number}" for number in range(1201)))
        assert await ship.shipper.drained(20)
    assert max(ledger.batches) == 500
    assert ledger.calls(NEW) == [f"c{number}" for number in range(1201)]


async def test_what_was_acknowledged_is_not_sent_again_and_its_segments_go(tmp_path: Path, ledger: Ledger) -> None:
    async with shipping(tmp_path, ledger, segment_bytes=1000) as ship:
        for number in range(100):
            ship.write(f"c{number}")
        assert await ship.shipper.drained(20)
        await until(lambda: len(segments(tmp_path, NEW)) == 1)
        assert ship.metric("ccproxy_spool_bytes") < 2000
    assert len(ledger.order) == 100


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 503])
async def test_an_answer_that_is_not_about_the_payload_is_waited_out(
    tmp_path: Path, ledger: Ledger, status: int
) -> None:
    ledger.answers = [status, status]
    async with shipping(tmp_path, ledger) as ship:
        ship.write("a")
        assert await ship.shipper.drained(20)
        assert ship.metric("ccproxy_ledger_failures_total") == 2
        assert ship.metric("ccproxy_events_rejected_total") == 0
    assert ledger.calls(NEW) == ["a"]


async def test_a_ledger_that_is_away_is_waited_for(tmp_path: Path, ledger: Ledger) -> None:
    await ledger.stop()
    async with shipping(tmp_path, ledger) as ship:
        ship.write("a", "b")
        await until(lambda: ship.metric("ccproxy_ledger_failures_total") >= 2)
        assert ship.metric("ccproxy_spool_oldest_seconds") == 2.0
        assert not await ship.shipper.drained(0.01)
        await ledger.start()
        assert await ship.shipper.drained(20)
    assert ledger.calls(NEW) == ["a", "b"]


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_a_batch_that_is_refused_is_split_and_goes_through(tmp_path: Path, ledger: Ledger, status: int) -> None:
    ledger.answers = [status]
    async with shipping(tmp_path, ledger) as ship:
        ship.write(*"abcde")
        assert await ship.shipper.drained(20)
        assert ship.metric("ccproxy_events_rejected_total") == 0
    assert ledger.order == [(NEW, seq) for seq in range(1, 6)]


async def test_an_event_that_is_refused_is_set_aside_and_the_rest_goes_on(tmp_path: Path, ledger: Ledger) -> None:
    ledger.refused_calls = {"bad"}
    async with shipping(tmp_path, ledger) as ship:
        ship.write("a", "b", "bad", "c", "d")
        await until(lambda: ledger.calls(NEW) == ["a", "b", "c", "d"])
        ship.write("e")
        await until(lambda: ledger.calls(NEW)[-1] == "e")
        assert ship.metric("ccproxy_events_rejected_total") == 1
        lines = (tmp_path / "rejected" / f"{NEW}.jsonl").read_bytes().splitlines()
        assert len(lines) == 1
        assert b'"bad"' in lines[0]
        assert not await ship.shipper.drained(0.05), "the ledger has not given the hole up, so nothing is forgotten"
        ledger.given_up = 3
        ship.write("f")
        assert await ship.shipper.drained(20)
        assert ship.metric("ccproxy_events_rejected_total") == 1


async def test_what_is_no_event_is_set_aside_without_asking(tmp_path: Path, ledger: Ledger) -> None:
    async with shipping(tmp_path, ledger) as ship:
        assert ship.spool.append(b"not json")
        ship.write("a")
        assert await ship.shipper.drained(20)
        assert ship.metric("ccproxy_events_rejected_total") == 1
    assert ledger.calls(NEW) == ["a"]


async def test_damage_on_disk_is_counted_and_passed(tmp_path: Path, ledger: Ledger) -> None:
    leave(tmp_path, 9)
    path = segment_path(tmp_path, OLD, 1)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"c4"', b'"c\xff"', 1))
    ledger.given_up = 0
    async with shipping(tmp_path, ledger) as ship:
        await until(lambda: any(event.kind == "close" for event in ledger.events.get(OLD, {}).values()))
        assert ship.metric("ccproxy_spool_damaged_total") >= 1
        assert OLD in sources(tmp_path), "kept until the ledger has given the hole up"
        ledger.given_up = 7
        await until(lambda: OLD not in sources(tmp_path))


async def test_what_an_earlier_start_left_is_ended_shipped_and_deleted(tmp_path: Path, ledger: Ledger) -> None:
    leave(tmp_path, 9, segment_bytes=500)
    async with shipping(tmp_path, ledger) as ship:
        ship.write("new")
        await until(lambda: OLD not in sources(tmp_path))
        assert await ship.shipper.drained(10)
        assert ship.metric("ccproxy_attempts_orphaned_total") == 5
    assert sorted(ledger.calls(OLD)) == sorted(f"c{number}" for number in range(9))
    assert max(ledger.events[OLD].values(), key=lambda event: event.seq).kind == "close"
    assert not [path for path in files(tmp_path) if path.name.startswith(OLD)]


async def test_a_source_that_a_live_process_holds_is_left_alone(tmp_path: Path, ledger: Ledger) -> None:
    leave(tmp_path, 3)
    lock = lock_source(tmp_path, OLD)
    assert lock is not None
    async with shipping(tmp_path, ledger) as ship:
        ship.write("new")
        assert await ship.shipper.drained(10)
        assert OLD not in ledger.events
        lock.release()
        await until(lambda: OLD not in sources(tmp_path))


async def test_a_ledger_that_lost_events_gets_them_again_while_they_are_here(tmp_path: Path, ledger: Ledger) -> None:
    async with shipping(tmp_path, ledger) as ship:
        ship.write("a", "b")
        assert await ship.shipper.drained(10)
        ledger.events.clear()
        ship.write("c")
        await until(lambda: ledger.calls(NEW) == ["a", "b", "c"])
        assert await ship.shipper.drained(10)


async def test_what_a_power_cut_could_still_take_back_is_not_sent(tmp_path: Path, ledger: Ledger) -> None:
    async with shipping(tmp_path, ledger, sync_every_s=60.0) as ship:
        ship.write("a")
        assert not await ship.shipper.drained(0.1)
        assert ledger.order == []
        ship.spool._sync_now()
        ship.write("b")
        await until(lambda: ledger.calls(NEW) == ["a"])
        assert not await ship.shipper.drained(0.1)
        assert ledger.calls(NEW) == ["a"]


async def test_an_event_that_the_ledger_did_not_take_is_sent_again(tmp_path: Path, ledger: Ledger) -> None:
    ledger.ack = lambda src: 0 if len(ledger.batches) == 1 else ledger.contiguous(src)
    async with shipping(tmp_path, ledger) as ship:
        ship.write("a")
        assert await ship.shipper.drained(20)
    assert ledger.batches == [1, 1]


SENDER = """
import asyncio, sys, time
from pathlib import Path
import aiohttp
from ccproxy_contract.events import UsageEvent, encode_event
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.stopping import src_id
from ccproxy_sidecar.shipping import Shipper

async def main(directory, url, token, turn):
    src = src_id(int(time.time() * 1000), bytes([int(turn)]) * 10)
    spool = Spool(Path(directory), src=src, cap_bytes=1 << 30, segment_bytes=5000, sync_every_s=0.002)
    async with aiohttp.ClientSession() as session:
        shipper = Shipper(
            spool, ledger_url=url, token=token.encode(), session=session, registry=Registry(),
            random=lambda: 0.0, clock_s=time.time, poll_s=0.002, older_every_s=0.05,
        )
        tasks = [asyncio.create_task(spool.sync_loop()), asyncio.create_task(shipper.run())]
        seq = 0
        while True:
            for kind in ("open", "settle"):
                seq += 1
                call = f"{turn}-{(seq + 1) // 2}"
                if spool.append(encode_event(UsageEvent(src=src, seq=seq, kind=kind, call=call, attempt=1))):
                    print(kind, call, flush=True)
            await asyncio.sleep(0.0005)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_kill_9_of_the_sender_loses_nothing_and_doubles_nothing(tmp_path: Path, ledger: Ledger) -> None:
    opened: set[str] = set()
    settled: set[str] = set()
    for turn in range(8):
        sender = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-c",
                SENDER,
                str(tmp_path),
                f"http://127.0.0.1:{ledger.port}",
                TOKEN.decode(),
                str(turn),
            ),
            stdout=subprocess.PIPE,
        )
        assert sender.stdout is not None
        for _ in range(150 + 61 * turn):
            note(await sender.stdout.readline(), opened, settled)
        sender.send_signal(signal.SIGKILL)
        for line in (await sender.stdout.read()).split(b"\n")[:-1]:
            note(line, opened, settled)
        await sender.wait()
    async with shipping(tmp_path, ledger, src="0fffffff-ffff-7000-8000-000000000000"):
        await until(lambda: sources(tmp_path) == [])
    for src, events in ledger.events.items():
        assert sorted(events) == list(range(1, ledger.contiguous(src) + 1)), "no hole"
    ends = [event for events in ledger.events.values() for event in events.values() if event.kind == "settle"]
    assert len(ends) == len({event.call for event in ends}), "one end for each attempt"
    assert {event.call for event in ends if event.quality == "exact"} >= settled
    assert {event.call for event in ends} >= opened


def note(line: bytes, opened: set[str], settled: set[str]) -> None:
    kind, call = line.decode().split()
    (opened if kind == "open" else settled).add(call)
