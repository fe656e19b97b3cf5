"""Connections to the providers: one keep-alive pool per trust store, and what went wrong as a word.

Must not retry and must not know dialects. Next: `attempt.py`.
"""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from ccproxy_contract.snapshot import Backend

CONNECT_TIMEOUT_S = 10.0
# Providers' rate-limit and beta headers grow; 8 kB, the client's default, has been exceeded in the field.
_MAX_FIELD_BYTES = 65_536
_READ_BUFFER_BYTES = 2**18
_MAX_URLS = 4096

FAILURES: tuple[type[BaseException], ...] = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What `send` and reading an answer may raise when the other side or the network fails."""


class Pool:
    """Keep-alive connections. Close it with `aclose`."""

    def __init__(self) -> None:
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._urls: dict[str, URL] = {}

    async def send(
        self, backend: Backend, *, method: str, url: str, headers: CIMultiDict[str], body: bytes
    ) -> aiohttp.ClientResponse:
        """Send a request and wait for the answer's head. Raises one of `FAILURES`."""
        session = self._sessions.get(backend.ca_bundle)
        if session is None:
            session = self._sessions[backend.ca_bundle] = self._open(backend.ca_bundle)
        return await session.request(method, self._url(url), headers=headers, data=body or None, allow_redirects=False)

    def _url(self, text: str) -> URL:
        url = self._urls.get(text)
        if url is None:
            if len(self._urls) >= _MAX_URLS:
                self._urls.clear()
            url = self._urls[text] = URL(text, encoded=True)
        return url

    def _open(self, ca_bundle: str) -> aiohttp.ClientSession:
        trust: ssl.SSLContext | bool = ssl.create_default_context(cadata=ca_bundle) if ca_bundle else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=55, ttl_dns_cache=300, ssl=trust),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Silence is watched per attempt and per stream: a timer for every read costs more than the read.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            read_bufsize=_READ_BUFFER_BYTES,
            max_line_size=_MAX_FIELD_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
        )

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def failure_word(error: BaseException) -> str:
    """The coded reason of a failure, safe for logs, events and labels."""
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "tls"
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return "connect"
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        return "reset"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "truncated"
    if isinstance(error, aiohttp.ClientError):
        return "garbage"
    return "reset"
