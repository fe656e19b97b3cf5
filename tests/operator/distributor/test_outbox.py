"""Messages of every length arrive whole, also in fragments with a ping between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from ccproxy_operator.distributor.outbox import FRAGMENT_BYTES, Outbox


class Listening:
    """A plain WebSocket whose server side is an `Outbox`."""

    def __init__(self) -> None:
        self.url = ""
        self.outbox: asyncio.Future[Outbox] = asyncio.get_running_loop().create_future()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        talking = web.WebSocketResponse(compress=False, decode_text=False)
        assert request.transport is not None
        outbox = Outbox(talking, request.transport)
        await talking.prepare(request)
        self.outbox.set_result(outbox)
        await talking.receive()
        return talking


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    server = Listening()
    application = web.Application()
    application.router.add_get("/", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield server
    await runner.cleanup()


SIZES = (0, 1, 125, 126, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 2 * FRAGMENT_BYTES, 2 * FRAGMENT_BYTES + 200, 1_000_000)


@pytest.mark.parametrize("size", SIZES)
async def test_a_message_of_any_length_arrives_whole(listening: Listening, size: int) -> None:
    frame = bytes(65 + number % 26 for number in range(size))
    async with aiohttp.ClientSession() as session, session.ws_connect(listening.url) as client:
        outbox = await listening.outbox
        outbox.offer(frame)
        assert (await client.receive_str()).encode() == frame
        await outbox.ping()
        outbox.offer(b"next")
        assert await client.receive_str() == "next"


async def test_of_what_waits_only_the_newest_goes_out(listening: Listening) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(listening.url) as client:
        outbox = await listening.outbox
        for number in range(100):
            outbox.offer(str(number).encode())
        assert await client.receive_str() == "99"


async def test_a_ping_may_go_between_the_fragments_of_a_message(listening: Listening) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(listening.url) as client:
        outbox = await listening.outbox
        outbox.offer(b"x" * (5 * FRAGMENT_BYTES))
        await asyncio.sleep(0)
        await outbox._socket.ping()
        assert len(await client.receive_str()) == 5 * FRAGMENT_BYTES
