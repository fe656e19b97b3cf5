"""The client of the operator's configuration streams: a sidecar's slice (`PATH_STREAM`), the ledger's accounts.

One WebSocket over TLS at a time. Each configuration is handed to `take`; what it answers goes back to the operator.
Use:

    stream = ConfigStream(
        Source(url="wss://ccproxy-operator.ccproxy-system.svc:4145", path=PATH_ACCOUNTS,
               token_file=tokens / AUDIENCE_CONFIG, roots=lambda: (root_pem,), build="0.2.0"),
        take=take, running=Running(), random=random.random, clock_s=time.monotonic,
    )
    register(stream, registry)
    async with background(stream.run()): ...

    async def take(offer: Slice) -> Ack | Reject:
        try:
            accounts = accounts_from_bytes(bytes(offer.content))
        except ValueError as wrong:
            return Reject(offer.hash, str(wrong))      # a sentence without secrets; the last good one stays
        ...                                            # swap, write the last good file
        return Ack(offer.hash)

`running` is what the last good file held, so that the operator need not send it again. `offer.content` is an
`msgspec.Raw`: `bytes(offer.content)` are the very bytes of the configuration. Must not decode a configuration beyond
its resourceVersions, and must not keep a token. The walk goes on in the apps.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from ccproxy_contract.stream import (
    CLOSE_FORBIDDEN,
    CLOSE_GOING,
    CLOSE_GONE,
    CLOSE_UNAUTHENTICATED,
    HEARTBEAT_S,
    MAX_FRAME_BYTES,
    Hello,
    Up,
    word_bytes,
)
from ccproxy_runtime.back_off import BackOff, Ended
from ccproxy_runtime.config_offers import Offers, Take
from ccproxy_runtime.freshness import Running
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.projected_token import projected_token
from ccproxy_runtime.tls import shared_context

SILENCE_S: Final = 3 * HEARTBEAT_S
CONNECT_S: Final = 10.0
CLOSE_S: Final = 2.0

_CLOSES: Final[dict[int, Ended]] = {
    1000: "goodbye",
    1001: "goodbye",
    CLOSE_GOING: "goodbye",
    CLOSE_UNAUTHENTICATED: "refused",
    CLOSE_FORBIDDEN: "unwanted",
    CLOSE_GONE: "unwanted",
}
_STATUSES: Final[dict[int, Ended]] = {401: "refused", 403: "unwanted", 410: "unwanted"}
_log = logger("config_stream")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where configuration comes from and who asks for it."""

    url: str
    """`wss://host:port` of the operator, without a path."""
    path: str
    """`PATH_STREAM` or `PATH_ACCOUNTS`."""
    token_file: Path
    """File of the projected token; read at each connect."""
    roots: Callable[[], tuple[str, ...]]
    """PEM roots to trust at the next connect (the present one, the next one); empty strings are skipped."""
    features: tuple[str, ...] = ()
    build: str = ""


class ConfigStream:
    """One client. Its public fields are for metrics and state; times are `clock_s` seconds, a monotonic clock."""

    def __init__(
        self,
        source: Source,
        *,
        take: Take,
        running: Running,
        random: Callable[[], float],
        clock_s: Callable[[], float],
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        """`random` answers 0 to 1.

        `session` may be shared by many clients of one process (with `TCPConnector(limit=0)`: the library's own limit
        is 100 connections); it is not closed here. 500 of them in one process took 0.25 MB and 2.8 ms each (TLS,
        slices of 60 KB compiled, 2026-11-21).
        """
        self.connected_since_s: float | None = None
        self.connections = 0
        """Connections that stood, the present one among them."""
        self.failures = 0
        """Tries to connect that failed."""
        self.offers = Offers(take, running=running, clock_s=clock_s)
        self._source = source
        self._clock_s = clock_s
        self._back_off = BackOff(random)
        self._session = session

    @property
    def running(self) -> Running:
        """What runs, by its hash and resourceVersions."""
        return self.offers.freshness.running

    async def run(self) -> None:
        """Until cancelled: keep one connection, or try to get one."""
        own = aiohttp.ClientSession() if self._session is None else None
        session = self._session or own
        assert session is not None
        try:
            while True:
                ended, lived_s = await self._connected(session)
                await asyncio.sleep(self._back_off.pause_s(ended, lived_s))
        finally:
            if own is not None:
                await own.close()

    async def _connected(self, session: aiohttp.ClientSession) -> tuple[Ended, float]:
        """One connection from its start to its end: how it ended, and how many seconds it stood."""
        try:
            socket = await self._connect(session)
        except (aiohttp.ClientError, OSError, ValueError) as failure:  # a timeout is an OSError
            self.failures += 1
            status = failure.status if isinstance(failure, aiohttp.WSServerHandshakeError) else 0
            _log.warning("not_connected", reason=type(failure).__name__, status=status)
            return _STATUSES.get(status, "lost"), 0.0
        self.connections += 1
        self.connected_since_s = started_s = self._clock_s()
        try:
            ended = await self._conversation(socket)
        except (aiohttp.ClientError, OSError) as failure:
            _log.warning("disconnected", reason=type(failure).__name__)
            ended = "lost"
        finally:
            self.connected_since_s = None
            self.offers.disconnected()
            await _closed(socket)
        return ended, self._clock_s() - started_s

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse[bool]:
        source = self._source
        trust: ssl.SSLContext | bool = shared_context(*source.roots()) if source.url.startswith("wss:") else True
        async with asyncio.timeout(CONNECT_S):
            return await session.ws_connect(
                source.url.rstrip("/") + source.path,
                headers={"authorization": f"Bearer {projected_token(source.token_file)}"},
                ssl=trust,
                max_msg_size=MAX_FRAME_BYTES,
                decode_text=False,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )

    async def _conversation(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> Ended:
        hello = Hello(features=self._source.features, build=self._source.build, running=self.running.hash)
        await _said(socket, hello)
        while True:
            heard = await self._next(socket)
            if isinstance(heard, str):
                return heard
            answer = await (self.offers.heard(heard) if heard is not None else self.offers.overdue())
            if answer is not None:
                await _said(socket, answer)

    async def _next(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> bytes | Ended | None:
        """The next frame, or how the connection ended; None when a refused offer has waited long enough.

        Raises `TimeoutError` after silence. Pings count as sound: the library answers them and goes on waiting.
        """
        wait_s = self.offers.waits_s()
        if wait_s is None:
            return await _received(socket)
        patience = asyncio.timeout(wait_s)
        try:
            async with patience:
                return await _received(socket)
        except TimeoutError:
            if not patience.expired():
                raise
            return None


async def _received(socket: aiohttp.ClientWebSocketResponse[bool]) -> bytes | Ended:
    message = await socket.receive(SILENCE_S)
    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        return bytes(message.data)
    _log.info("closed", code=socket.close_code or 0)
    return _CLOSES.get(socket.close_code or 0, "lost")


async def _said(socket: aiohttp.ClientWebSocketResponse[bool], word: Up) -> None:
    """Send one word; a server that does not even take that is gone. Raises `TimeoutError`, `ConnectionError`."""
    async with asyncio.timeout(SILENCE_S):
        await socket.send_frame(word_bytes(word), aiohttp.WSMsgType.TEXT)


async def _closed(socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
    try:
        await socket.close()
    except (aiohttp.ClientError, OSError, RuntimeError) as failure:
        _log.debug("close_failed", reason=type(failure).__name__)


def register(stream: ConfigStream, registry: Registry) -> None:
    """Show a stream's state as metrics."""
    gauge, counter, offers, fresh = registry.gauge_fn, registry.counter_fn, stream.offers, stream.offers.freshness
    gauge("ccproxy_config_connected", "1 while the operator is connected.", lambda: int(_connected(stream)))
    gauge("ccproxy_config_age_seconds", "Since what runs was last known to be the newest.", offers.age_s)
    counter("ccproxy_config_connections_total", "Connections to the operator that stood.", lambda: stream.connections)
    counter("ccproxy_config_failures_total", "Tries to connect that failed.", lambda: stream.failures)
    counter("ccproxy_config_taken_total", "Configurations taken.", lambda: offers.taken)
    counter("ccproxy_config_rejected_total", "Configurations not taken.", lambda: offers.rejected)
    counter("ccproxy_config_older_total", "Older configurations refused.", lambda: fresh.refused)
    counter("ccproxy_config_older_taken_total", "Older configurations taken in the end.", lambda: fresh.taken_older)
    counter("ccproxy_config_rubbish_total", "Frames that made no sense.", lambda: offers.rubbish)


def _connected(stream: ConfigStream) -> bool:
    return stream.connected_since_s is not None
