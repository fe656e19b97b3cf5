"""The HTTP/1.1 listener: aiohttp's low-level server, with our limits and our words for requests that do not parse.

Must not look into a request. Next: `server.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

HEAD_TIMEOUT_S = 75
"""A connection without a whole request head for so long is closed: slow loris, and idle keep-alive."""
MAX_HEADER_BYTES = 32_768
_READ_BUFFER_BYTES = 2**18


class _Connection(RequestHandler):
    """One client connection; answers unreadable requests as JSON instead of a page."""

    __slots__ = ()

    @property
    def busy(self) -> bool:
        """Is a request being answered, or its answer still being written?"""
        return self._request_in_progress

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - the base class's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - may quote the client's bytes
    ) -> web.StreamResponse:
        """The request could not be parsed (400), or a handler broke (500, which is a bug and is logged)."""
        if status >= 500:
            self.log_exception("a handler broke", exc_info=exc)
        return unreadable(status, too_long=isinstance(exc, LineTooLong))


def unreadable(status: int, *, too_long: bool = False) -> web.Response:
    """An answer both families of SDKs can read: OpenAI's `error.message`, Anthropic's `type: error`."""
    text = "the request is not valid HTTP/1.1" if status < 500 else "ccproxy failed to handle this request"
    if too_long:
        text = f"a header or the address of the request is larger than {MAX_HEADER_BYTES // 1024} KiB; make it smaller"
    error = {"type": "invalid_request_error" if status < 500 else "api_error", "message": text, "param": None,
             "code": None}  # fmt: skip
    body = msgspec.json.encode({"type": "error", "error": error})
    response = web.Response(status=status, body=body, content_type="application/json")
    response.force_close()
    return response


class Listener(web.Server):
    """Accepts connections. Give it to `web.ServerRunner`."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, handler_cancellation=True)

    @property
    def busy(self) -> bool:
        """Is any request being answered, or an answer still being written?"""
        return any(isinstance(connection, _Connection) and connection.busy for connection in self.connections)

    def __call__(self) -> RequestHandler:
        """One connection's protocol, as asyncio asks for it."""
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # aiohttp takes None for "no access log"
            keepalive_timeout=HEAD_TIMEOUT_S,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            read_bufsize=_READ_BUFFER_BYTES,
            auto_decompress=False,
        )
