"""Delivers one batch whatever the ledger says to it: splits it to find the event that is refused, goes round holes.

Must not choose what is sent next. Next: `ledger_client.py`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from ccproxy_contract.events import Ack
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_sidecar.ledger_client import LedgerClient
from ccproxy_sidecar.open_attempts import Head
from ccproxy_sidecar.outbox import Batched, Outbox
from ccproxy_sidecar.set_aside import set_aside

NOT_TAKEN_PAUSE_S = 1.0
"""Before an event is sent again that the ledger neither refused nor acknowledged."""

_log = logger("shipping")

Sendable = tuple[bytes, Head]


class Delivery:
    """Counts what was shipped, refused and unreadable."""

    def __init__(self, ledger: LedgerClient, directory: Path, registry: Registry) -> None:
        self._ledger = ledger
        self._directory = directory
        self._shipped = registry.counter("ccproxy_events_shipped_total", "Usage events that the ledger took.").child()
        self._rejected = registry.counter(
            "ccproxy_events_rejected_total", "Usage events that the ledger refused for good; see `rejected/`."
        ).child()
        self._damaged = registry.counter(
            "ccproxy_spool_damaged_total", "Places in the spool that are no event."
        ).child()

    async def hand_over(self, outbox: Outbox, batch: Batched) -> None:
        """Returns when the ledger has every event of `batch` or has refused it for good. Raises: `OSError`."""
        self._damaged.inc(batch.damaged)
        sendable: list[Sendable] = []
        for payload, head in batch.items:
            if head is None:
                self._reject(outbox, payload, None, reason="no event")
            elif head.seq not in outbox.set_aside:
                sendable.append((payload, head))
        acked_seq = await self._deliver(outbox, sendable) if sendable else outbox.acked_seq
        outbox.sent(batch, acked_seq)
        if sendable and acked_seq < sendable[0][1].seq - 1:
            outbox.start_over()

    async def _deliver(self, outbox: Outbox, events: list[Sendable]) -> int:
        """The number up to which the ledger acknowledges everything afterwards."""
        acked_seq, parts = outbox.acked_seq, [events]
        while parts:
            part = parts.pop()
            answer = await self._ledger.deliver(outbox.src, [payload for payload, _ in part])
            if isinstance(answer, Ack):
                acked_seq = answer.seq
                parts += await self._not_taken(part, acked_seq)
            elif len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                self._reject(outbox, *part[0], reason=f"http_{answer.status}")
        return acked_seq

    async def _not_taken(self, part: list[Sendable], acked_seq: int) -> list[list[Sendable]]:
        """What to send again: the events after a number that the ledger lacks although it was just sent.

        Events behind an older hole were taken: the ledger says so by its 200, it cannot acknowledge past the hole.
        """
        left = [event for event in part if event[1].seq > acked_seq]
        if not left or left[0][1].seq > acked_seq + 1:
            self._shipped.inc(len(part))
            return []
        self._shipped.inc(len(part) - len(left))
        await asyncio.sleep(NOT_TAKEN_PAUSE_S)
        return [left]

    def _reject(self, outbox: Outbox, payload: bytes, head: Head | None, *, reason: str) -> None:
        seq = head.seq if head is not None else 0
        outbox.set_aside.add(seq)
        self._rejected.inc()
        kept = set_aside(self._directory, outbox.src, payload)
        _log.error("event_rejected", src=outbox.src, seq=seq, reason=reason, kept=kept)
