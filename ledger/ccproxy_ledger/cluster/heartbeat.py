"""Says every other second how far this collector is, so that the books know up to when their figures are complete.

Must not count or commit events. Next: `app.py`.
"""

from __future__ import annotations

import asyncio
import time

from ccproxy_ledger.committer import Committer
from ccproxy_ledger.metrics import CollectorMetrics
from ccproxy_ledger.rows import moment
from ccproxy_ledger.store import Store, StoreUnavailable
from ccproxy_ledger.store_collectors import give_up_holes, say_goodbye, say_through
from ccproxy_runtime.logs import logger

EVERY_S = 2.0
HOLES_EVERY_S = 60.0
DRAIN_S = 5.0
_log = logger("heartbeat")


class Heartbeat:
    """Of the collector `name`."""

    def __init__(self, name: str, committer: Committer, metrics: CollectorMetrics) -> None:
        self._name = name
        self._committer = committer
        self._metrics = metrics
        self._holes_due_s = 0.0

    async def run(self, store: Store) -> None:
        """Until cancelled. A database that is away is told later."""
        while True:
            try:
                await self._beat(store)
            except StoreUnavailable as fault:
                _log.warning("not_told", reason=str(fault))
            await asyncio.sleep(EVERY_S)

    async def _beat(self, store: Store) -> None:
        through_ms = self._committer.complete_through_ms(int(time.time() * 1000))
        if through_ms is not None:
            await say_through(store, self._name, moment(through_ms))
        if time.monotonic() >= self._holes_due_s:
            self._holes_due_s = time.monotonic() + HOLES_EVERY_S
            self._metrics.holes_given_up.inc(await give_up_holes(store))

    async def goodbye(self, store: Store | None) -> None:
        """Nobody sends any more: wait for the last commits, then leave the books to the others."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._committer.until_committed()
                if store is not None:
                    await say_goodbye(store, self._name)
        except (TimeoutError, StoreUnavailable) as fault:
            _log.warning("left_for_the_next_start", reason=type(fault).__name__)
