"""Own pings over a provider's silence, and an end to a silence that lasts too long: one task watches all streams, so
that a stream costs nothing while it talks.

Clients give up after 300 s without a byte (apis.md §1.7). Must not ping a client that reads slowly: its silence is
its own. Next: `journal.py`.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.upstream.attempt import Attempt


class OpenStream:
    """An event stream under way. The relay sets the counts back to 0 with every piece it sends."""

    __slots__ = ("attempt", "out", "ping", "pings", "silent_ticks", "writing")

    def __init__(self, attempt: Attempt, out: web.StreamResponse, ping: bytes) -> None:
        self.attempt = attempt
        self.out = out
        self.ping = ping
        self.silent_ticks = 0
        self.pings = 0
        self.writing = False


class Heartbeat:
    """Pings every open stream that has been silent for `after_s`; after `give_up_s` of silence it hangs up."""

    TICKS = 3

    def __init__(self, *, after_s: float, give_up_s: float, metrics: Metrics) -> None:
        self.open: set[OpenStream] = set()
        self._tick_s = after_s / self.TICKS
        self._max_pings = int(give_up_s / after_s)
        self._metrics = metrics

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._tick_s)
            for stream in tuple(self.open):
                await self._beat(stream)

    async def _beat(self, stream: OpenStream) -> None:
        if stream.writing or stream.attempt.answer.mid_event:
            stream.silent_ticks = 0
            return
        stream.silent_ticks += 1
        if stream.silent_ticks < self.TICKS:
            return
        stream.silent_ticks = 0
        if stream.pings >= self._max_pings:
            stream.attempt.fail("timeout", status="interrupted")
            stream.attempt.close(reuse=False)  # the relay's read ends with an error and the stream in its own words
            return
        await self._ping(stream)

    async def _ping(self, stream: OpenStream) -> None:
        stream.pings += 1
        try:
            await stream.out.write(stream.ping)
        except (ConnectionError, RuntimeError):  # gone or ended in this moment; its own task notices
            self.open.discard(stream)
            return
        self._metrics.pings.child().inc()
