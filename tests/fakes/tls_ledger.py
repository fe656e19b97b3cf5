"""A ledger over TLS that takes events from whoever shows a token in `tokens`. Must not price. Next: `pod.py`."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from ccproxy_contract.events import Ack, UsageEvent, decode_batch, encode_ack
from ccproxy_contract.names import PATH_EVENTS


class TlsLedger:
    """Keeps what it takes. `tokens` may be changed at any time; None: every token is good."""

    def __init__(self) -> None:
        self.url = ""
        self.tokens: set[str] | None = None
        self.sent_tokens: list[str] = []
        self.events: dict[str, dict[int, UsageEvent]] = {}

    def settled(self) -> list[UsageEvent]:
        return [event for events in self.events.values() for event in events.values() if event.kind == "settle"]

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.sent_tokens.append(token)
        if request.path != PATH_EVENTS or (self.tokens is not None and token not in self.tokens):
            return web.Response(status=401)
        batch = decode_batch(await request.read())
        mine = self.events.setdefault(batch.src, {})
        mine.update({event.seq: event for event in batch.events})
        seq = 0
        while seq + 1 in mine:
            seq += 1
        return web.Response(body=encode_ack(Ack(src=batch.src, seq=seq)))

    async def until_settled(self, count: int) -> list[UsageEvent]:
        """Wait for so many settled events. Raises `TimeoutError`."""
        async with asyncio.timeout(20):
            while len(self.settled()) < count:  # noqa: ASYNC110 - it is filled by requests, not by us
                await asyncio.sleep(0.02)
        return self.settled()


@contextlib.asynccontextmanager
async def tls_ledger(tls: Path, *, port: int = 0) -> AsyncIterator[TlsLedger]:
    """A running one at `localhost`, with `tls.crt` and `tls.key` of the folder `tls`."""
    ledger = TlsLedger()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
    runner = web.ServerRunner(web.Server(ledger.take), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, reuse_address=True).start()
    ledger.url = f"https://localhost:{runner.addresses[0][1]}"
    try:
        yield ledger
    finally:
        await runner.cleanup()
