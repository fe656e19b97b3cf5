"""`/_fake/*`: how a test in another process reads what the provider saw and tells it what to do.

Must not be reachable by what is tested (ccproxy does not know the path). Next: `routes.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from tests.fakes.provider.faults import Planned

if TYPE_CHECKING:
    from tests.fakes.provider.server import Provider


def routes(provider: Provider) -> list[web.RouteDef]:
    """`GET calls` (JSON lines), `POST plan` (JSON list), `POST reset`, `POST advance` (`{"seconds": 400}`)."""

    async def calls(_: web.Request) -> web.Response:
        return web.Response(body=b"".join(seen.line() for seen in provider.calls), content_type="application/jsonl")

    async def plan(request: web.Request) -> web.Response:
        try:
            provider.plan(*msgspec.json.decode(await request.read(), type=list[Planned]))
        except ValueError as bad:
            return web.json_response({"problem": str(bad)}, status=400)
        return web.json_response({})

    async def reset(_: web.Request) -> web.Response:
        provider.reset()
        return web.json_response({})

    async def advance(request: web.Request) -> web.Response:
        provider.advance(float((await request.json())["seconds"]))
        return web.json_response({})

    return [
        web.get("/_fake/calls", calls),
        web.post("/_fake/plan", plan),
        web.post("/_fake/reset", reset),
        web.post("/_fake/advance", advance),
    ]
