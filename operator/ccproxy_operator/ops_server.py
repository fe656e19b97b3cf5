"""Health, readiness and metrics over plain HTTP, on a port of their own: they must answer when TLS files are missing.

Must not decide what healthy means. Next: `metrics.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from ccproxy_contract.names import PATH_HEALTH, PATH_METRICS, PATH_READY
from ccproxy_runtime.exposition import CONTENT_TYPE
from ccproxy_runtime.serving import app_runner

Complaint = Callable[[], str]
"""Why not; empty when all is well."""


@contextlib.asynccontextmanager
async def ops_server(
    host: str, port: int, *, unhealthy: Complaint, unready: Complaint, metrics: Callable[[], bytes]
) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port. Raises: `OSError` when it is taken."""

    def answer(complaint: Complaint) -> Callable[[web.Request], object]:
        async def handle(_: web.Request) -> web.Response:
            wrong = complaint()
            return web.Response(status=503 if wrong else 200, text=f"{wrong or 'ok'}\n")

        return handle

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE})

    application = web.Application()
    application.router.add_get(PATH_HEALTH, answer(unhealthy))  # type: ignore[arg-type]  # a plain coroutine function
    application.router.add_get(PATH_READY, answer(unready))  # type: ignore[arg-type]
    application.router.add_get(PATH_METRICS, exposition)
    runner = app_runner(application, drain_s=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
