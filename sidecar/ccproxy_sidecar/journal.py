"""Numbers usage events and writes them to the spool; keeps them in memory while the disk refuses.

A sequence number is given when the event is written, so the source stays dense. Must not know what an event means.
Next: `shipping.py`.
"""

from __future__ import annotations

from collections import deque

import msgspec

from ccproxy_contract.events import UsageEvent, encode_event
from ccproxy_runtime.spool import Spool

MAX_WAITING = 10_000


class Journal:
    """The source's events in order. `dropped` counts events lost because disk and memory were full."""

    def __init__(self, spool: Spool, *, src: str) -> None:
        self.src = src
        self.last_seq = 0
        self.dropped = 0
        self._spool = spool
        self._waiting: deque[UsageEvent] = deque()

    @property
    def waiting(self) -> int:
        """Events kept in memory because the disk refused them."""
        return len(self._waiting)

    @property
    def next_seq(self) -> int:
        """The number an event should be made with; it is renumbered when others are written first."""
        return self.last_seq + 1

    def write(self, event: UsageEvent) -> None:
        """Write `event` with the next number; when the disk refuses, keep it and try again before the next one."""
        if self._waiting:
            self._keep(event)
            self.retry()
        elif not self._written(event):
            self._keep(event)

    def retry(self) -> None:
        """Write what waits, as far as the disk takes it."""
        while self._waiting and self._written(self._waiting[0]):
            self._waiting.popleft()

    def _keep(self, event: UsageEvent) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)

    def _written(self, event: UsageEvent) -> bool:
        seq = self.last_seq + 1
        if event.seq != seq:
            event = msgspec.structs.replace(event, seq=seq)
        if not self._spool.append(encode_event(event)):
            return False
        self.last_seq = seq
        return True
