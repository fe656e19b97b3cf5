"""Ends attempts whose provider does not answer: one task watches all of them, because a timer for each costs more than
the rest of its bookkeeping.

Must not touch attempts that have begun to answer (`heartbeat.py` watches streams). Next: `attempt.py`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccproxy_sidecar.upstream.attempt import Attempt

_LOOKS = 4
_LONGEST_TICK_S = 1.0


class Patience:
    """How long a provider may take until its first content, or its whole answer."""

    def __init__(self, limit_s: float) -> None:
        self.waiting: set[Attempt] = set()
        self._limit_s = limit_s

    async def run(self) -> None:
        """Until cancelled: interrupt what has waited too long; its task sees a cancellation with `expired` set."""
        while True:
            await asyncio.sleep(min(self._limit_s / _LOOKS, _LONGEST_TICK_S))
            oldest_s = time.perf_counter() - self._limit_s
            for attempt in [attempt for attempt in self.waiting if attempt.opened_s < oldest_s]:
                self.waiting.discard(attempt)
                attempt.expired = True
                attempt.task.cancel()
