"""The scripted operator in the test's own loop: what it is told to serve, it serves; what it hears, it keeps.

Must not be clever: a test scripts each misdeed. Next: `process.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from ccproxy_contract.names import PATH_ACCOUNTS, PATH_STREAM
from ccproxy_contract.snapshot import Snapshot, snapshot_bytes
from ccproxy_contract.stream import HEARTBEAT_S, Ack, Current, Down, Hello, Reject, Slice, up_from_bytes, word_bytes

WAIT_S = 20.0


def slice_of(snapshot: Snapshot) -> Slice:
    """A sealed snapshot as the operator sends it."""
    return Slice(snapshot.hash, msgspec.Raw(snapshot_bytes(snapshot)))


class FakeOperator:
    """Serves `offer` to whoever connects with a token in `tokens`. All public fields may be changed at any time."""

    def __init__(self) -> None:
        self.url = ""
        self.offer: Slice | None = None
        self.tokens: set[str] | None = None
        """None: every token is good."""
        self.close_with: int | None = None
        """Close each new connection with this code right after its `Hello`."""
        self.deaf = False
        """Accept connections and say nothing, not even pings."""
        self.hellos: list[Hello] = []
        self.answers: list[Ack | Reject] = []
        self.sent_tokens: list[str] = []
        self.open: list[web.WebSocketResponse] = []
        self.most_open = 0
        self._changed = asyncio.Condition()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.sent_tokens.append(token)
        if request.path not in (PATH_STREAM, PATH_ACCOUNTS):
            return web.Response(status=404)
        if self.tokens is not None and token not in self.tokens:
            await self._tell()
            return web.Response(status=401)
        socket = web.WebSocketResponse(heartbeat=None if self.deaf else HEARTBEAT_S, max_msg_size=1024 * 1024)
        await socket.prepare(request)
        self.open.append(socket)
        self.most_open = max(self.most_open, len(self.open))
        try:
            await self._converse(socket)
        finally:
            self.open.remove(socket)
            await self._tell()
        return socket

    async def _converse(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            word = up_from_bytes(message.data)
            if isinstance(word, Hello):
                self.hellos.append(word)
                await self._greet(socket, word)
            else:
                self.answers.append(word)
            await self._tell()

    async def _greet(self, socket: web.WebSocketResponse, hello: Hello) -> None:
        if self.close_with is not None:
            await socket.close(code=self.close_with)
        elif self.offer is not None and not self.deaf:
            same = hello.running == self.offer.hash
            versions = msgspec.json.decode(self.offer.content).get("resourceVersions", {})
            await _say(socket, Current(self.offer.hash, versions) if same else self.offer)

    async def publish(self, offer: Slice) -> None:
        """Serve `offer` from now on, to everybody."""
        self.offer = offer
        for socket in tuple(self.open):
            await _say(socket, offer)

    async def say(self, frame: bytes) -> None:
        """Send a frame as it is, to everybody."""
        for socket in tuple(self.open):
            await socket.send_str(frame.decode())

    async def close(self, code: int) -> None:
        """Close every connection."""
        for socket in tuple(self.open):
            await socket.close(code=code)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`, looked at whenever something was heard. Raises `TimeoutError`."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(holds)

    async def acked(self, hash: str) -> None:
        """Wait until a client runs `hash`."""
        await self.until(lambda: any(isinstance(answer, Ack) and answer.hash == hash for answer in self.answers))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def fake_operator(tls: Path | None = None, *, port: int = 0) -> AsyncIterator[FakeOperator]:
    """A running one; with `tls` (a folder with `tls.crt` and `tls.key`) over TLS, at `localhost`."""
    operator = FakeOperator()
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
    runner = web.ServerRunner(web.Server(operator.serve), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, reuse_address=True)
    await site.start()
    operator.url = f"{'wss' if tls else 'ws'}://localhost:{runner.addresses[0][1]}"
    try:
        yield operator
    finally:
        await runner.cleanup()


async def _say(socket: web.WebSocketResponse, word: Down) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_str(word_bytes(word).decode())
