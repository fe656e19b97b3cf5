"""Writes Events to the API server, beside the answers and never in their way: a slow API server costs Events only.

Needs the right to create Events and no other. Next: `metrics.py`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import aiohttp

from ccproxy_operator.injector.events import Heard, event
from ccproxy_operator.injector.metrics import Metrics
from ccproxy_operator.injector.review import Note
from ccproxy_runtime.logs import logger
from ccproxy_runtime.projected_token import projected_token

MAX_WAITING = 512
TIMEOUT_S = 5.0
PAUSE_S = 0.02
"""Between two Events: at most 50 a second, however many pods come."""
_log = logger("events")


class EventWriter:
    """Takes notes at any time; `run` writes them. `clock` answers Unix seconds, `instance` names this process."""

    def __init__(
        self, *, api_server: str, token_file: Path, ca_file: Path, metrics: Metrics, clock: Callable[[], float],
        instance: str,
    ) -> None:  # fmt: skip
        self._url = f"{api_server}/api/v1/namespaces/"
        self._token_file, self._ca_file = token_file, ca_file
        self._results = metrics.events
        self._clock = clock
        self._instance = instance
        self._heard = Heard()
        self._waiting: asyncio.Queue[Note] = asyncio.Queue(MAX_WAITING)

    def take(self, note: Note) -> None:
        """Never waits: what there is no room for is dropped and counted."""
        if not self._heard.is_news(note, self._clock()):
            self._results.child("repeated").inc()
        elif self._waiting.full():
            self._results.child("dropped").inc()
        else:
            self._waiting.put_nowait(note)

    async def run(self) -> None:
        """Until cancelled. Raises: `OSError`, `ssl.SSLError` when the API server's certificate file is no good."""
        context = ssl.create_default_context(cafile=str(self._ca_file)) if self._url.startswith("https:") else False
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(ssl=context, limit=1)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                await self._write(session, await self._waiting.get())
                await asyncio.sleep(PAUSE_S)

    async def _write(self, session: aiohttp.ClientSession, note: Note) -> None:
        body = event(note, now_s=self._clock(), instance=self._instance)
        try:
            headers = {"authorization": f"Bearer {projected_token(self._token_file)}"}
            url = f"{self._url}{note.namespace}/events"
            async with session.post(url, json=body, headers=headers, allow_redirects=False) as answer:
                written, why = answer.status == 201, f"http_{answer.status}"
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
            written, why = False, type(error).__name__
        self._results.child("written" if written else "failed").inc()
        if not written:
            _log.warning("event_not_written", reason=why)
