"""The listener of the streams: WebSockets over TLS for sidecars and ledgers, and two paths for the own kind.

Before the upgrade every refusal is plain HTTP (`contract/stream.py`). Must not decide who may (`gate.py`) nor what is
sent (`supply.py`). Next: `acks.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from ccproxy_contract.names import PATH_ACCOUNTS, PATH_ACKS, PATH_RETIRE, PATH_STREAM
from ccproxy_contract.stream import CLOSE_GOING, CLOSE_GONE, CLOSE_UNAUTHENTICATED, Hello
from ccproxy_operator.distributor.acks import Report, report_bytes
from ccproxy_operator.distributor.gate import Gate, Refused, bearer
from ccproxy_operator.distributor.outbox import CLOSE_S, Outbox
from ccproxy_operator.distributor.pods import Pods
from ccproxy_operator.distributor.retirement import Retired, retired_bytes
from ccproxy_operator.distributor.stream import MAX_WORD_BYTES, Clock, Stream
from ccproxy_operator.distributor.supply import Supply
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Counter
from ccproxy_runtime.serving import app_runner

BACKLOG: Final = 4_096
"""Two thousand sidecars connect at once when a replica goes away."""
REVIEW_AGAIN_S: Final = 20.0
"""Ledgers are no injected pods: their tokens are reviewed again instead of watching their pods."""
LEDGER_GROUP: Final = "ledger"
CLOSE_RUBBISH: Final = 1008


class Server:
    """`retire(True)` retires all replicas, `retire(False)` this one."""

    def __init__(
        self,
        *,
        gate: Gate,
        pods: Pods,
        sidecars: Supply,
        ledgers: Supply,
        report: Callable[[], Report],
        retire: Callable[[bool], Awaitable[Retired]],
        clock_s: Clock,
        ended: Counter,
    ) -> None:
        self._gate, self._pods = gate, pods
        self._sidecars, self._ledgers = sidecars, ledgers
        self._report, self._retire = report, retire
        self._clock_s = clock_s
        self._ended = ended
        self._going = False

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
        """Serve during the block, on the port that it gets; at its end every client is told to go elsewhere."""
        runner = app_runner(self._application(), drain_s=CLOSE_S, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=context, backlog=BACKLOG).start()
            yield int(runner.addresses[0][1])
        finally:
            self._going = True
            await asyncio.gather(*(supply.streams.close_all(CLOSE_GOING) for supply in (self._sidecars, self._ledgers)))
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_WORD_BYTES)
        application.add_routes([
            web.get(PATH_STREAM, self._stream),
            web.get(PATH_ACCOUNTS, self._accounts),
            web.get(PATH_ACKS, self._acks),
            web.post(PATH_RETIRE, self._retirement),
        ])  # fmt: skip
        return application

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        pod = await self._gate.sidecar(request)
        who = _Who(pod.uid, pod.namespace, pod.name)
        return await self._serve(request, who, self._sidecars, still=lambda: self._pods.get(pod.uid) is not None)

    async def _accounts(self, request: web.Request) -> web.StreamResponse:
        identity = await self._gate.ledger(request)
        who = _Who(identity.pod_uid, LEDGER_GROUP, identity.pod)
        async with background(self._review_again(bearer(request), who)):
            return await self._serve(request, who, self._ledgers, still=lambda: True)

    async def _acks(self, request: web.Request) -> web.StreamResponse:
        await self._gate.peer(request)
        report = self._report()
        tag = f'"{report.replica}.{report.version}"'
        if request.headers.get("if-none-match") == tag:
            return web.Response(status=304)
        return web.Response(body=report_bytes(report), content_type="application/json", headers={"etag": tag})

    async def _retirement(self, request: web.Request) -> web.StreamResponse:
        everywhere = await self._gate.uninstaller(request)
        return web.Response(body=retired_bytes(await self._retire(everywhere)), content_type="application/json")

    async def _serve(
        self, request: web.Request, who: _Who, supply: Supply, *, still: Callable[[], bool]
    ) -> web.StreamResponse:
        if self._going:
            raise Refused(503, "this replica is stopping")
        socket = web.WebSocketResponse(
            compress=False, autoping=False, max_msg_size=MAX_WORD_BYTES, timeout=CLOSE_S, decode_text=False
        )
        if request.transport is None:
            raise Refused(503, "the connection is gone")
        outbox = Outbox(socket, request.transport)
        try:
            await socket.prepare(request)
        except ConnectionError:
            raise Refused(503, "the connection is gone") from None
        stream = Stream(
            key=who.key, group=who.group, name=who.name, socket=socket, outbox=outbox, clock_s=self._clock_s
        )
        hello = await stream.hello()
        if hello is None or not still():
            await outbox.close(CLOSE_RUBBISH if hello is None else CLOSE_GONE)
            return socket
        stream.greeted(hello)
        await self._converse(stream, supply)
        return socket

    async def _converse(self, stream: Stream, supply: Supply) -> None:
        supply.streams.add(stream)
        try:
            supply.offer(stream, timed=False)
            while (word := await stream.word()) is not None and not isinstance(word, Hello):
                supply.answered(stream, word)
        finally:
            supply.streams.remove(stream)
            self._ended.inc()
        await stream.outbox.close(CLOSE_RUBBISH)  # does nothing when the client has said goodbye

    async def _review_again(self, token: str, who: _Who) -> None:
        while True:
            await asyncio.sleep(REVIEW_AGAIN_S)
            if not await self._gate.still_good(token):
                break
        stream = self._ledgers.streams.get(who.key)
        if stream is not None:
            self._ledgers.streams.close(stream, CLOSE_UNAUTHENTICATED)


class _Who:
    """Whose connection it is."""

    def __init__(self, key: str, group: str, name: str) -> None:
        self.key, self.group, self.name = key, group, name
