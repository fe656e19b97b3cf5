"""The aiohttp client that both Python gateways send with. Next: `passthrough.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import aiohttp
import yarl

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "host",
    }
)


class Client:
    """One provider; must be made inside a running event loop."""

    def __init__(self, port: int) -> None:
        self._origin = f"http://127.0.0.1:{port}"
        self._urls: dict[str, yarl.URL] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ttl_dns_cache=300),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            read_bufsize=2**18,
        )

    async def send(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Reply:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = yarl.URL(self._origin + path)
        return Reply(await self._session.request(method, url, headers=headers, data=body, allow_redirects=False))


class Reply:
    """The provider's answer; read it whole or piece by piece."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers.items()

    async def read(self) -> bytes:
        return await self._response.read()

    async def pieces(self) -> AsyncIterator[bytes]:
        """A stream left early closes its connection: one returned to the pool would go on reading."""
        content = self._response.content
        done = False
        try:
            while True:
                piece = await content.readany()
                if not piece:
                    done = True
                    break
                yield piece
        finally:
            if done:
                self._response.release()
            else:
                self._response.close()
