"""Brings published namespaces to their streams, a few milliseconds at a time: the loop goes on answering meanwhile.

Must not know what a slice is. Next: `gate.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ccproxy_operator.distributor.stream import Stream
from ccproxy_operator.distributor.streams import Streams
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Counter

_log = logger("fanout")
TURN_S: Final = 0.005
"""How long streams are offered to before others get their turn."""


class Fanout:
    """`offer` is told each stream of a marked group; it must be quick. `clock_s` is a monotonic clock."""

    def __init__(self, streams: Streams, offer: Callable[[Stream], None], clock_s: Callable[[], float]) -> None:
        self.broken = Counter()
        self._streams = streams
        self._offer = offer
        self._clock_s = clock_s
        self._marked: dict[str, None] = {}
        self._wake = asyncio.Event()

    def mark(self, *groups: str) -> None:
        """Offer to all streams of these groups soon; a group that is marked twice before its turn has one turn."""
        self._marked.update(dict.fromkeys(groups))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled: offer to the streams of marked groups, oldest mark first."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._marked:
                group = next(iter(self._marked))
                del self._marked[group]
                await self._offer_all(group)

    async def _offer_all(self, group: str) -> None:
        turn_ends_s = self._clock_s() + TURN_S
        for stream in self._streams.group(group):
            try:
                self._offer(stream)
            except Exception as broken:  # one slice that cannot be made must not keep the others from theirs
                self.broken.inc()
                _log.error("offer_broke", pod=f"{stream.group}/{stream.name}", error=type(broken).__name__)
            if self._clock_s() >= turn_ends_s:
                await asyncio.sleep(0)
                turn_ends_s = self._clock_s() + TURN_S
