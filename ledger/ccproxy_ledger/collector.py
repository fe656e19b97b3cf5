"""Takes batches of usage events: checks them, writes them to the ledger's own spool, acknowledges what is on disk.

Needs no database: while Postgres is gone batches are taken as before, up to the spool's cap. Senders may repeat,
overlap and reorder. A collector that is alone acknowledges the point up to which nothing is missing. One that has
siblings cannot know that point, for a sender may have gone from one to the other: it acknowledges what it was sent,
since a sender goes in order and starts at the first number that nobody has acknowledged yet; what is really missing
shows in the database. Must not price or count. Next: `backlog.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from ccproxy_contract.events import Ack, Batch
from ccproxy_ledger.progress import Progress, Ranges, ranges_of
from ccproxy_ledger.received import Sender, checked_batch, record
from ccproxy_runtime.spool import Spool

MAX_BATCH_BYTES = 3 * 1024 * 1024
"""500 events with full raw usage take 1.7 MB; a spool record takes 4 MiB."""


REMEMBERED_SOURCES = 20_000
"""Of these a collector with siblings knows a repeated batch and does not write it again; about 10 MB."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a batch was not taken. `retry_after_s` 0: the batch itself is wrong, the same one will never be taken."""

    status: int
    reason: str
    retry_after_s: int = 0


class Collector:
    """Knows of every source what is here."""

    def __init__(
        self,
        spool: Spool,
        *,
        tenant: Callable[[], str],
        clock_ms: Callable[[], int],
        on_append: Callable[[], None],
        alone: bool = True,
    ) -> None:
        """`tenant` pays for a batch whose sender is not named; not `alone`: siblings take batches too."""
        self._alone = alone
        self._spool = spool
        self._tenant = tenant
        self._clock_ms = clock_ms
        self._on_append = on_append
        self._sources: OrderedDict[str, Progress] = OrderedDict()
        self._database_known = False
        self.taken_events = 0
        self.foreign_claims = 0
        """Events that named another namespace than their sender's token; the token's is stored."""

    def adopt(self, src: str, here: Ranges, given_up: int = 0) -> None:
        """Learn what an earlier start of the ledger had taken of `src`."""
        progress = self._sources.setdefault(src, Progress())
        progress.given_up = max(progress.given_up, given_up)
        for low, high in here.pairs:
            progress.here.add(low, high)

    def database_known(self) -> None:
        """Everything that the database holds has been adopted: what is missing now is really missing."""
        self._database_known = True

    async def take(self, raw: bytes, sender: Sender | None = None) -> Ack | Refusal:
        """Take one batch; answers once it is on disk, within about 20 ms."""
        try:
            batch = checked_batch(raw)
        except ValueError as problem:
            return Refusal(400, str(problem))
        progress = self._sources.get(batch.src) or Progress()
        if not batch.events:
            return Ack(src=batch.src, seq=progress.acknowledged)
        sender = sender or Sender(self._tenant())
        if not self._alone:
            return await self._take_beside_siblings(raw, batch, progress, sender=sender)
        return await self._take_alone(raw, batch, progress, sender=sender)

    async def _take_alone(self, raw: bytes, batch: Batch, progress: Progress, *, sender: Sender) -> Ack | Refusal:
        numbers = ranges_of([event.seq for event in batch.events])
        first = numbers.pairs[0][0]
        if not self._database_known and first > progress.acknowledged + 1:
            return Refusal(503, "the database is not up yet, so what came before this batch is not known", 1)
        self._sources[batch.src] = progress
        lost_more = progress.note(first, self._clock_ms() / 1000)
        if lost_more or not all(progress.here.covers(low, high) for low, high in numbers.pairs):
            refusal = await self._keep(raw, len(batch.events), progress.given_up, sender=sender)
            if refusal is not None:
                return refusal
        for low, high in numbers.pairs:
            progress.here.add(low, high)
        return Ack(src=batch.src, seq=progress.acknowledged)

    async def _take_beside_siblings(
        self, raw: bytes, batch: Batch, progress: Progress, *, sender: Sender
    ) -> Ack | Refusal:
        pairs = ranges_of([event.seq for event in batch.events]).pairs
        if not all(progress.here.covers(low, high) for low, high in pairs):
            refusal = await self._keep(raw, len(batch.events), 0, sender=sender)
            if refusal is not None:
                return refusal
            self.foreign_claims += sum(event.namespace not in ("", sender.namespace) for event in batch.events)
        for low, high in pairs:
            progress.here.add(low, high)
        self._remember(batch.src, progress)
        return Ack(src=batch.src, seq=pairs[-1][1])

    def _remember(self, src: str, progress: Progress) -> None:
        self._sources[src] = progress
        self._sources.move_to_end(src)
        while len(self._sources) > REMEMBERED_SOURCES:
            self._sources.popitem(last=False)

    async def _keep(self, raw: bytes, events: int, given_up: int, *, sender: Sender) -> Refusal | None:
        kept = record(raw, sender, received_ms=self._clock_ms(), given_up=given_up)
        if not self._spool.append(kept):
            return Refusal(503, "the ledger's spool is full: the database has been away for too long", 5)
        if not await self._spool.flushed():
            return Refusal(503, "the ledger's disk did not confirm the write", 1)
        self.taken_events += events
        self._on_append()
        return None
