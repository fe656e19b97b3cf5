"""The way from the ledger's spool into the database goes on whatever a single batch does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from ccproxy_contract.accounts import Accounts, TenantAccount
from ccproxy_contract.events import Batch, UsageEvent, encode_batch
from ccproxy_contract.usage import Usage
from ccproxy_ledger.accounts import KnownAccounts
from ccproxy_ledger.audit import main
from ccproxy_ledger.backlog import Backlog, leftovers
from ccproxy_ledger.committer import MAX_APART_BYTES, Committer
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.received import Sender, record
from ccproxy_ledger.store import Store, connect
from ccproxy_ledger.store_books import Books, fetch_book
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_source import segment_path, segments, sources
from tests.ledger.sending import BOOK, NOW_MS, life, new_src, opened, settle


def write(spool: Spool, events: list[UsageEvent]) -> None:
    raw = encode_batch(Batch(src=events[0].src, events=tuple(events)))
    assert spool.append(record(raw, Sender("local"), received_ms=NOW_MS, given_up=0))


def spool_of(folder: Path, *, segment_bytes: int = 1 << 20) -> Spool:
    return Spool(folder, src=new_src(), cap_bytes=1 << 24, segment_bytes=segment_bytes)


@asynccontextmanager
async def committing(
    store: Store, own: Backlog, left: list[Backlog] | None = None
) -> AsyncIterator[tuple[Committer, LedgerMetrics]]:
    metrics, books = LedgerMetrics(Registry()), Books()
    books.add(BOOK)
    committer = Committer(leftovers=left or [], own=own, books=books, metrics=metrics)
    task = asyncio.create_task(committer.run(store))
    try:
        yield committer, metrics
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def committed(store: Store, events: int) -> int:
    """How many identities there are, once there are as many as `events`."""
    found = 0
    for _ in range(300):
        async with store.connection() as connection:
            found = await connection.fetchval("select count(*) from event_key")
        if found >= events:
            break
        await asyncio.sleep(0.01)
    return found


async def test_what_earlier_starts_left_is_committed_first_and_their_spool_deleted(
    store: Store, spool_dir: Path
) -> None:
    for _ in range(3):
        earlier = spool_of(spool_dir)
        write(earlier, life(new_src(), 5))
        earlier.close()
    own = spool_of(spool_dir)
    write(own, life(new_src(), 5))
    left = leftovers(spool_dir, own.src)
    assert len(left) == 3
    async with committing(store, Backlog(spool_dir, own.src), left):
        assert await committed(store, 40) == 40
    assert sources(spool_dir) == [own.src]
    own.close()


async def test_segments_go_away_as_they_are_committed(store: Store, spool_dir: Path) -> None:
    spool = spool_of(spool_dir, segment_bytes=4096)
    events = life(new_src(), 40)
    for start in range(0, 80, 8):
        write(spool, events[start : start + 8])
    assert len(segments(spool_dir, spool.src)) > 3
    async with committing(store, Backlog(spool_dir, spool.src)):
        assert await committed(store, 80) == 80
        await asyncio.sleep(0.05)
    assert len(segments(spool_dir, spool.src)) == 1
    spool.close()


async def test_a_batch_that_the_database_never_takes_is_kept_apart_and_the_others_go_on(
    store: Store, spool_dir: Path
) -> None:
    spool, bad_src = spool_of(spool_dir), new_src()
    write(spool, life(new_src(), 3))
    write(spool, [settle(bad_src, 7, call="c", usage=Usage(output=2**70))])
    write(spool, life(new_src(), 3))
    async with committing(store, Backlog(spool_dir, spool.src)) as (_, metrics):
        assert await committed(store, 12) == 12
        await asyncio.sleep(0.05)
        assert metrics.unstorable.value == 1
    assert f'"src":"{bad_src}"' in (spool_dir / "unstorable" / f"{bad_src}-7.json").read_text()
    spool.close()


async def test_whatever_one_sender_claims_is_committed_and_the_others_go_on(store: Store, spool_dir: Path) -> None:
    """A time beyond all calendars, a letter that Postgres does not take, a price that no bigint holds."""
    spool, src = spool_of(spool_dir), new_src()
    write(spool, [replace(opened(src, 1, call="c"), opened_ms=2**53)])
    write(spool, [replace(settle(src, 2, call="d"), price_keys=("\0",), base_price_keys=("\0" * 9999,))])
    write(spool, [settle(src, 3, call="e", usage=Usage(output=2**40))])
    write(spool, life(new_src(), 3))
    async with committing(store, Backlog(spool_dir, spool.src)) as (_, metrics):
        assert await committed(store, 9) == 9
        async with store.connection() as connection:
            assert await connection.fetchval("select cost_pusd from usage_event where seq = 3") is None
        assert metrics.unstorable.value == 0
    spool.close()


async def test_a_batch_that_makes_no_sense_at_all_does_not_stop_the_others(store: Store, spool_dir: Path) -> None:
    spool = spool_of(spool_dir)
    write(spool, [settle("no-uuid", 1, call="c")])
    write(spool, life(new_src(), 3))
    async with committing(store, Backlog(spool_dir, spool.src)) as (_, metrics):
        assert await committed(store, 6) == 6
        assert metrics.unstorable.value == 1
    spool.close()


async def test_batches_kept_apart_do_not_fill_the_disk(store: Store, spool_dir: Path) -> None:
    folder = spool_dir / "unstorable"
    folder.mkdir()
    with (folder / "earlier.json").open("wb") as earlier:
        earlier.truncate(MAX_APART_BYTES + 1)
    spool = spool_of(spool_dir)
    write(spool, [settle(new_src(), 7, call="c", usage=Usage(output=2**70))])
    write(spool, life(new_src(), 3))
    async with committing(store, Backlog(spool_dir, spool.src)) as (_, metrics):
        assert await committed(store, 6) == 6
        assert metrics.unstorable.value == 1
    assert [file.name for file in folder.iterdir()] == ["earlier.json"]
    spool.close()


async def test_a_damaged_record_is_counted_and_the_next_one_is_read(store: Store, spool_dir: Path) -> None:
    spool = spool_of(spool_dir)
    write(spool, life(new_src(), 3))
    write(spool, life(new_src(), 3))
    spool.close()
    path = segment_path(spool_dir, spool.src, segments(spool_dir, spool.src)[0])
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    async with committing(store, Backlog(spool_dir, spool.src)) as (_, metrics):
        assert await committed(store, 6) == 6
        assert metrics.damaged.value == 1


async def test_the_newest_book_of_the_accounts_outlives_the_ledger(store: Store) -> None:
    accounts = KnownAccounts(Books())
    keeping = asyncio.create_task(accounts.keep_new(lambda: store))
    accounts.take(Accounts(tenants=(TenantAccount(name="acme"),), book=BOOK))
    assert accounts.tenant == "acme"
    for _ in range(200):
        if await fetch_book(store, BOOK.version) is not None:
            break
        await asyncio.sleep(0.01)
    assert await fetch_book(store, BOOK.version) == BOOK
    assert await Books().named([BOOK.version, "unheard"], store) == {BOOK.version: BOOK}
    accounts.take(Accounts(tenants=(TenantAccount(name="a"), TenantAccount(name="b")), book=BOOK))
    assert accounts.tenant == "local"
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_the_audit_command_tells_by_its_exit_status(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, database) == 0
    connection = await connect(database)
    await connection.execute("insert into event_key values (gen_random_uuid())")
    await connection.close()
    assert await asyncio.to_thread(main, database) == 1
    assert "1 event identities, but sources delivered 0" in capsys.readouterr().out
    assert await asyncio.to_thread(main, database.replace("/run", "/nowhere")) == 2
