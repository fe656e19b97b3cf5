"""The HTTP/1.1 listener: aiohttp's low-level server, with a limit on bodies. Must not look into a request.

Next: `server.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

IDLE_S = 120
"""An API server's client drops idle connections after 90 s; the listener must not be first, or a review fails."""
MAX_BODY_BYTES = 4 * 1024 * 1024
"""An API server takes requests of up to 3 MiB; a review holds one and little more."""
_READ_BUFFER_BYTES = 2**16


class Listener(web.Server):
    """Accepts connections. Give it to `web.ServerRunner`."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, request_factory=_request)

    def __call__(self) -> RequestHandler:
        """One connection's protocol, as asyncio asks for it."""
        return RequestHandler(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # aiohttp takes None for "no access log"
            keepalive_timeout=IDLE_S,
            read_bufsize=_READ_BUFFER_BYTES,
        )


def _request(message: Any, payload: Any, *parts: Any) -> web.BaseRequest:
    protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)
