"""Moves batches from the ledger's spool into the database, group by group, for as long as the ledger lives.

A database that is gone is waited for: nothing is dropped. A batch that the database will never take is kept as a file
beside the spool (up to a bound), counted and logged. Must not acknowledge anything. Next: `keeper.py`.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from ccproxy_ledger.backlog import Backlog
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.received import Received
from ccproxy_ledger.store import Store, StoreUnavailable, Unstorable
from ccproxy_ledger.store_books import Books
from ccproxy_ledger.store_commit import commit
from ccproxy_runtime.logs import logger

IDLE_CHECK_S = 0.5
FIRST_RETRY_S, LAST_RETRY_S = 0.05, 2.0
MAX_APART_BYTES = 64 * 1024 * 1024
"""Of batches kept apart: any pod may send rubbish, and the spool's disk is everybody's."""
_log = logger("committer")
_encode = msgspec.json.Encoder().encode


class Committer:
    """Commits what `leftovers` and then `own` hold."""

    def __init__(
        self,
        *,
        leftovers: list[Backlog],
        own: Backlog,
        books: Books,
        metrics: LedgerMetrics,
    ) -> None:
        self._leftovers = leftovers
        self._own = own
        self._books = books
        self._metrics = metrics
        self._arrived = asyncio.Event()
        self._done = asyncio.Event()
        self.waiting_since_ms: int | None = None
        """When the oldest batch that is known not to be committed came in, Unix milliseconds."""

    def complete_through_ms(self, now_ms: int) -> int | None:
        """Everything that was taken before this Unix time is in the database; `None`: not known at this moment."""
        if self._leftovers:
            return None
        return now_ms if self.all_committed else self.waiting_since_ms

    @property
    def all_committed(self) -> bool:
        """Whether the database has everything that was taken."""
        return not self._leftovers and self._own.drained

    async def until_committed(self) -> None:
        """Wait until the database has everything that was taken; `run` must run."""
        while not self.all_committed:
            self._done.clear()
            self.wake()
            await self._done.wait()

    def wake(self) -> None:
        """Something was appended to the own spool."""
        self._arrived.set()

    async def run(self, store: Store) -> None:
        """Until cancelled: commit whatever comes. What goes wrong unforeseen is logged and tried again: events wait."""
        while True:
            try:
                await self._commit_all(store)
            except Exception as fault:  # the loop's boundary: the disk, or a fault of ours
                _log.error("commit_failed", reason=type(fault).__name__)
                await asyncio.sleep(LAST_RETRY_S)
            try:
                async with asyncio.timeout(IDLE_CHECK_S):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    async def _commit_all(self, store: Store) -> None:
        while self._leftovers:
            await self.drain(self._leftovers[0], store)
            self._leftovers.pop(0).close()
        self._arrived.clear()
        await self.drain(self._own, store)
        self._done.set()

    async def drain(self, backlog: Backlog, store: Store) -> None:
        """Commit all that is in `backlog` now."""
        while (group := backlog.next_group()) is not None:
            self.waiting_since_ms = min((one.received_ms for one in group.batches), default=None)
            self._metrics.damaged.inc(group.damaged)
            await self._commit_in_the_end(group.batches, store)
            backlog.done(group)
        self.waiting_since_ms = None

    async def _commit_in_the_end(self, batches: tuple[Received, ...], store: Store) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self._commit(batches, store)
                return
            except StoreUnavailable as fault:
                _log.warning("database_unavailable", reason=str(fault), batches=len(batches))
            except (Unstorable, ValueError, ArithmeticError) as fault:  # one batch's fault must not stop the others
                await self._divide(
                    batches, store, str(fault) if isinstance(fault, Unstorable) else type(fault).__name__
                )
                return
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _commit(self, batches: tuple[Received, ...], store: Store) -> None:
        started_s = time.perf_counter()
        named = {event.book for one in batches for event in one.batch.events if event.book}
        books = await self._books.named(named, store)
        done = await commit(store, batches, books)
        self._metrics.count(done, time.perf_counter() - started_s)

    async def _divide(self, batches: tuple[Received, ...], store: Store, reason: str) -> None:
        """Find the batch that cannot be stored; the others are committed one by one."""
        if len(batches) > 1:
            for one in batches:
                await self._commit_in_the_end((one,), store)
            return
        self._metrics.unstorable.inc()
        _log.error("batch_unstorable", src=batches[0].batch.src, reason=reason)
        await asyncio.to_thread(self._keep_apart, batches[0])

    def _keep_apart(self, received: Received) -> None:
        events = received.batch.events
        folder = self._own.directory / "unstorable"
        folder.mkdir(mode=0o700, exist_ok=True)
        if sum(file.stat().st_size for file in folder.iterdir()) > MAX_APART_BYTES:
            _log.error("batch_not_kept", src=received.batch.src, reason="enough of them are kept apart")
            return
        name = f"{received.batch.src}-{events[0].seq if events else 0}.json"
        (folder / name).write_bytes(_encode(received))
