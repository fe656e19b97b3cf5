"""Hands the spool's events over to the ledger, at least once and in order, for as long as it takes.

What earlier starts left goes first, beside the events of this one. Wakes a few times a second, not for each event.
Must not read more of an event than its head. Next: `delivery.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import aiohttp

from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_source import delete_source, lock_source, sources
from ccproxy_sidecar.delivery import Delivery
from ccproxy_sidecar.ledger_client import LedgerClient, Token, Trust
from ccproxy_sidecar.outbox import Batched, Outbox
from ccproxy_sidecar.recovery import recover

POLL_S = 0.2
OLDER_EVERY_S = 10.0
"""How often to look for ended sources: a process that shared the folder may have died, a hole may be given up."""
READ_AGAIN_S = 5.0

_log = logger("shipping")


class Shipper:
    """Ships `spool`'s own source and every ended one in its folder."""

    def __init__(
        self,
        spool: Spool,
        *,
        ledger_url: str,
        token: Token,
        session: aiohttp.ClientSession,
        registry: Registry,
        random: Callable[[], float],
        clock_s: Callable[[], float],
        trust: Trust | None = None,
        poll_s: float = POLL_S,
        older_every_s: float = OLDER_EVERY_S,
    ) -> None:
        """`random` answers 0 to 1; `clock_s` Unix seconds. The spool's `sync_loop` must run."""
        self._spool = spool
        self._live = Outbox(spool.directory, spool.src)
        self._clock_s = clock_s
        self._poll_s = poll_s
        self._older_every_s = older_every_s
        self._waiting_since_s = 0.0
        self._shipped = asyncio.Event()
        ledger = LedgerClient(session, url=ledger_url, token=token, random=random, trust=trust)
        self._delivery = Delivery(ledger, spool.directory, registry)
        self._orphans = registry.counter(
            "ccproxy_attempts_orphaned_total", "Attempts whose process was killed before they ended."
        ).child()
        self._lag = registry.gauge(
            "ccproxy_ledger_lag_seconds", "Age of the oldest event of the last batch when the ledger had it."
        ).child()
        registry.counter_fn("ccproxy_ledger_failures_total", "Posts to repeat.", lambda: ledger.failures)
        registry.counter_fn("ccproxy_spool_refused_total", "Records the disk did not take.", lambda: spool.refused)
        registry.gauge_fn("ccproxy_spool_bytes", "Room that the spool takes on disk.", lambda: spool.used_bytes)
        registry.gauge_fn("ccproxy_spool_oldest_seconds", "Age of the oldest event not handed over.", self._oldest_s)

    async def run(self) -> None:
        """Ship until cancelled. A disk that cannot be read is logged and tried again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again(self._ship_older, self._older_every_s))
            group.create_task(self._again_and_again(self._ship_live, self._poll_s))

    async def drained(self, timeout_s: float, *, older: bool = False) -> bool:
        """Wait until everything appended so far is with the ledger; False when that takes longer than `timeout_s`.

        `older`: also what earlier starts left, because the folder will be gone.
        """
        end = self._spool.end
        try:
            async with asyncio.timeout(timeout_s):
                while self._live.position < end or not self._live.all_acked or (older and self._older_left()):
                    self._shipped.clear()
                    await self._shipped.wait()
        except TimeoutError:
            return False
        return True

    async def _again_and_again(self, work: Callable[[], Coroutine[None, None, None]], pause_s: float) -> None:
        while True:
            try:
                await work()
            except OSError as error:
                _log.error("spool_failed", reason=type(error).__name__, number=error.errno)
                await asyncio.sleep(READ_AGAIN_S)
            await asyncio.sleep(pause_s)

    async def _ship_live(self) -> None:
        while self._live.position < self._spool.synced:
            batch = self._live.next_batch(self._spool.synced)
            if batch is None:
                break
            await self._hand_over(self._live, batch)
        self._waiting_since_s = 0.0
        self._shipped.set()

    async def _ship_older(self) -> None:
        for src in sources(self._spool.directory):
            if src != self._spool.src:
                await self._end(src)
        self._spool.measure()

    async def _end(self, src: str) -> None:
        """Recover, ship and delete one source, unless a live process has it. Raises: `OSError`."""
        lock = lock_source(self._spool.directory, src)
        if lock is None:
            return
        try:
            recovered = await asyncio.to_thread(recover, self._spool.directory, src, lock)
            self._orphans.inc(recovered.settled)
            if not recovered.complete:
                _log.error("recovery_incomplete", src=src)
                return
            outbox = Outbox(self._spool.directory, src)
            while (batch := outbox.next_batch()) is not None:
                await self._hand_over(outbox, batch)
            if outbox.all_acked:
                await asyncio.to_thread(delete_source, self._spool.directory, src)
                _log.info("source_ended", src=src, last_seq=outbox.sent_seq, orphans=recovered.settled)
        finally:
            lock.release()

    async def _hand_over(self, outbox: Outbox, batch: Batched) -> None:
        oldest_s = min((head.at_ms / 1000 for _, head in batch.items if head and head.at_ms), default=self._clock_s())
        if outbox is self._live:
            self._waiting_since_s = oldest_s
        await self._delivery.hand_over(outbox, batch)
        self._lag.set(max(0.0, self._clock_s() - oldest_s))
        if outbox.forgettable:
            await asyncio.to_thread(outbox.forget)
            self._spool.measure()

    def _older_left(self) -> bool:
        return any(src != self._spool.src for src in sources(self._spool.directory))

    def _oldest_s(self) -> float:
        return max(0.0, self._clock_s() - self._waiting_since_s) if self._waiting_since_s else 0.0
