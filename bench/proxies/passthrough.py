"""The floor for a Python gateway: aiohttp server and client on uvloop, nothing read, nothing changed.

python -m bench.proxies.passthrough PORT PROVIDER_PORT. Next: `gw.py`.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web
from multidict import CIMultiDict

from bench.proxies.client import HOP_BY_HOP, Client, Reply


class Passthrough:
    def __init__(self, provider_port: int) -> None:
        self._client = Client(provider_port)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        kept = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
        reply = await self._client.send(request.method, request.raw_path, kept, body)
        headers: CIMultiDict[str] = CIMultiDict()
        for name, value in reply.headers:
            if name.lower() not in HOP_BY_HOP:
                headers.add(name, value)
        if not headers.get("content-type", "").startswith("text/event-stream"):
            return web.Response(status=reply.status, body=await reply.read(), headers=headers)
        return await _streamed(request, reply, headers)


async def _streamed(request: web.BaseRequest, reply: Reply, headers: CIMultiDict[str]) -> web.StreamResponse:
    answer = web.StreamResponse(status=reply.status, headers=headers)
    await answer.prepare(request)
    async for piece in reply.pieces():
        await answer.write(piece)
    await answer.write_eof()
    return answer


async def main(port: int, provider_port: int) -> None:
    runner = web.ServerRunner(web.Server(Passthrough(provider_port).handle, access_log=None, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
