"""What is acknowledged is on disk and whole; what cannot be right is answered with a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from ccproxy_contract.events import Ack, Batch, UsageEvent, encode_batch
from ccproxy_contract.usage import Usage
from ccproxy_ledger.backlog import Backlog, batches_of, leftovers
from ccproxy_ledger.collector import Collector, Refusal
from ccproxy_ledger.progress import TOLD_S, TOLD_TIMES, Ranges
from ccproxy_ledger.received import Sender
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_source import sources
from tests.ledger.sending import life, new_src, settle


class Desk:
    """A collector on a real spool, with a clock that only the test moves."""

    def __init__(self, spool: Spool, *, known: bool = True, alone: bool = True) -> None:
        self.now_ms = 1_000_000
        self.spool = spool
        self.collector = Collector(
            spool, tenant=lambda: "team", clock_ms=lambda: self.now_ms, on_append=lambda: None, alone=alone
        )
        if known:
            self.collector.database_known()

    async def take(self, events: list[UsageEvent]) -> Ack | Refusal:
        return await self.collector.take(encode_batch(Batch(src=events[0].src, events=tuple(events))))

    def kept(self) -> list[int]:
        """Sequence numbers in the spool, in order."""
        backlog = Backlog(self.spool.directory, self.spool.src)
        return [event.seq for one in batches_of(backlog) for event in one.batch.events]


@asynccontextmanager
async def desk(
    folder: Path, *, known: bool = True, alone: bool = True, cap_bytes: int = 1 << 24
) -> AsyncIterator[Desk]:
    spool = Spool(folder, src=new_src(), cap_bytes=cap_bytes, sync_every_s=0.001)
    syncing = asyncio.create_task(spool.sync_loop())
    try:
        yield Desk(spool, known=known, alone=alone)
    finally:
        syncing.cancel()
        await asyncio.gather(syncing, return_exceptions=True)
        spool.close()


def seq(answer: Ack | Refusal) -> int:
    assert isinstance(answer, Ack), answer
    return answer.seq


async def test_batches_are_acknowledged_up_to_the_first_hole(spool_dir: Path) -> None:
    events = life(new_src(), 10)
    async with desk(spool_dir) as taking:
        assert seq(await taking.take(events[:4])) == 4
        assert seq(await taking.take(events[8:])) == 4
        assert seq(await taking.take(events[2:6])) == 6
        assert seq(await taking.take(events[6:8])) == 20
        assert sorted(set(taking.kept())) == list(range(1, 21))


async def test_beside_siblings_a_batch_is_acknowledged_for_itself(spool_dir: Path) -> None:
    events = life(new_src(), 10)
    async with desk(spool_dir, known=False, alone=False) as taking:
        assert seq(await taking.take(events[8:12])) == 12
        assert seq(await taking.take(events[16:])) == 20
        assert seq(await taking.take(events[8:14])) == 14
        assert seq(await taking.take(events[8:14])) == 14
        assert taking.kept() == [*range(9, 13), *range(17, 21), *range(9, 15)]


async def test_beside_siblings_too_nothing_is_acknowledged_that_is_not_on_disk(spool_dir: Path) -> None:
    events = life(new_src(), 40)
    async with desk(spool_dir, alone=False, cap_bytes=20_000) as taking:
        for _ in range(2):
            answer = await taking.take(events)
            assert isinstance(answer, Refusal)
            assert (answer.status, answer.retry_after_s) == (503, 5)
        assert taking.kept() == []


async def test_tenant_namespace_and_pod_are_the_senders_whatever_its_events_say(spool_dir: Path) -> None:
    claiming = [msgspec.structs.replace(event, namespace="theirs", tenant="they") for event in life(new_src(), 2)]
    raw = encode_batch(Batch(src=claiming[0].src, events=tuple(claiming)))
    async with desk(spool_dir, alone=False) as taking:
        await taking.collector.take(raw, Sender("acme", "ours", "coder-1"))
        (kept,) = batches_of(Backlog(spool_dir, taking.spool.src))
        assert (kept.tenant, kept.namespace, kept.pod) == ("acme", "ours", "coder-1")
        assert taking.collector.foreign_claims == 4


async def test_a_repeated_batch_is_acknowledged_again_and_kept_once(spool_dir: Path) -> None:
    events = life(new_src(), 3)
    async with desk(spool_dir) as taking:
        assert [seq(await taking.take(events)) for _ in range(3)] == [6, 6, 6]
        assert taking.kept() == [1, 2, 3, 4, 5, 6]


async def test_a_full_spool_refuses_for_now_and_acknowledges_nothing(spool_dir: Path) -> None:
    events = life(new_src(), 40)
    async with desk(spool_dir, cap_bytes=20_000) as taking:
        assert seq(await taking.take(events[:4])) == 4
        answer = await taking.take(events[4:])
        assert isinstance(answer, Refusal)
        assert (answer.status, answer.retry_after_s) == (503, 5)
        assert "spool is full" in answer.reason
        assert seq(await taking.take(events[:4])) == 4


async def test_before_the_database_is_known_only_what_follows_on_is_taken(spool_dir: Path) -> None:
    fresh, old = life(new_src(), 3), life(new_src(), 3)
    async with desk(spool_dir, known=False) as taking:
        assert seq(await taking.take(fresh)) == 6
        answer = await taking.take(old[4:])
        assert isinstance(answer, Refusal)
        assert (answer.status, answer.retry_after_s) == (503, 1)
        taking.collector.adopt(old[0].src, Ranges([(1, 4)]))
        taking.collector.database_known()
        assert seq(await taking.take(old[4:])) == 6


async def test_what_a_sender_has_lost_is_given_up_and_noted_on_disk(spool_dir: Path) -> None:
    events = life(new_src(), 5)
    async with desk(spool_dir) as taking:
        assert seq(await taking.take(events[:2])) == 2
        for _ in range(TOLD_TIMES + 1):
            assert seq(await taking.take(events[6:])) == 2
        taking.now_ms += int(TOLD_S * 1000)
        assert seq(await taking.take(events[6:])) == 10
        backlog = Backlog(spool_dir, taking.spool.src)
        assert [one.given_up for one in batches_of(backlog)] == [0, 0, 6]


async def test_what_an_earlier_start_acknowledged_is_found_again_by_the_next(spool_dir: Path) -> None:
    events = life(new_src(), 3)
    async with desk(spool_dir) as taking:
        await taking.take(events)
        assert leftovers(spool_dir, "another") == []
    (left,) = leftovers(spool_dir, "another")
    group = left.next_group()
    assert group is not None
    assert [event.seq for one in group.batches for event in one.batch.events] == [1, 2, 3, 4, 5, 6]
    assert group.batches[0].tenant == "team"
    left.done(group)
    assert left.next_group() is None
    left.close()
    assert sources(spool_dir) == []


def _changed(**fields: object) -> Callable[[UsageEvent], UsageEvent]:
    return lambda event: msgspec.structs.replace(event, **fields)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_changed(seq=0), "event 0: seq must be at least 1"),
        (_changed(call=""), "event 1: call is empty"),
        (_changed(attempt=-1), "attempt is out of range"),
        (_changed(usage=Usage(output=-1)), "a token count is out of range"),
        (_changed(input_before=2**40 + 1), "a token count is out of range"),
        (_changed(ended_ms=-1), "a time or status is out of range"),
        (_changed(http_status=99_999), "a time or status is out of range"),
        (_changed(cost_pusd=2**63), "a cost is out of range"),
        (_changed(src=new_src()), "an event names another src than its batch"),
    ],
)
async def test_an_event_that_cannot_be_right_is_refused_for_good(
    spool_dir: Path, change: Callable[[UsageEvent], UsageEvent], sentence: str
) -> None:
    src = new_src()
    event = change(settle(src, 1, call="c"))
    async with desk(spool_dir) as taking:
        answer = await taking.collector.take(encode_batch(Batch(src=src, events=(event,))))
        assert isinstance(answer, Refusal)
        assert (answer.status, answer.retry_after_s) == (400, 0)
        assert sentence in answer.reason
        assert taking.spool.appended == 0


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"src":"x","events":[]}', b'{"src":1,"events":[]}', b"\xff\xfe"])
async def test_what_is_no_batch_is_refused_for_good(spool_dir: Path, raw: bytes) -> None:
    async with desk(spool_dir) as taking:
        answer = await taking.collector.take(raw)
        assert isinstance(answer, Refusal)
        assert answer.status == 400


async def test_an_empty_batch_asks_how_far_the_ledger_is(spool_dir: Path) -> None:
    events = life(new_src(), 2)
    async with desk(spool_dir) as taking:
        await taking.take(events)
        assert seq(await taking.collector.take(encode_batch(Batch(src=events[0].src, events=())))) == 4
