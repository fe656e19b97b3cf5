"""Own pings over a provider's silence: one task for all streams, so that a stream costs nothing while it talks.

Clients give up after 300 s without a byte (apis.md §1.7). Must not ping a client that reads slowly: its silence is
its own. Next: `journal.py`.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from ccproxy_sidecar.metrics import Metrics


class OpenStream:
    """An event stream under way."""

    __slots__ = ("out", "ping", "silent_ticks", "writing")

    def __init__(self, out: web.StreamResponse, ping: bytes) -> None:
        self.out = out
        self.ping = ping
        self.silent_ticks = 0
        self.writing = False


class Heartbeat:
    """Pings every open stream that has been silent for `after_s` seconds."""

    TICKS = 3

    def __init__(self, *, after_s: float, metrics: Metrics) -> None:
        self.open: set[OpenStream] = set()
        self._tick_s = after_s / self.TICKS
        self._metrics = metrics

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._tick_s)
            for stream in tuple(self.open):
                await self._beat(stream)

    async def _beat(self, stream: OpenStream) -> None:
        if stream.writing:
            stream.silent_ticks = 0
            return
        stream.silent_ticks += 1
        if stream.silent_ticks < self.TICKS:
            return
        stream.silent_ticks = 0
        try:
            await stream.out.write(stream.ping)
        except (ConnectionError, RuntimeError):  # gone or ended in this moment; its own task notices
            self.open.discard(stream)
            return
        self._metrics.pings.child().inc()
