"""Talks to the other replicas of the operator: over TLS, by their pod addresses, with this pod's own token.

Must not decide anything from what they say. Next: `gathering.py`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import aiohttp

from ccproxy_contract.names import OPERATOR_PORT
from ccproxy_runtime.logs import logger

ANSWER_S: Final = 2.0
_log = logger("peers")


class Replica(NamedTuple):
    """Another replica: its pod's name and address."""

    name: str
    address: str
    port: int = OPERATOR_PORT


ListReplicas = Callable[[], Awaitable[Sequence[Replica]]]
"""The other replicas that run now. Raises when the API server gives no answer."""


class Peers:
    """`token` reads the own token of audience `ccproxy-config` anew; `host` is the name in the certificates."""

    def __init__(
        self,
        *,
        list_replicas: ListReplicas,
        token: Callable[[], str],
        trust: Callable[[], ssl.SSLContext],
        host: str,
    ) -> None:
        self.replicas: tuple[Replica, ...] = ()
        self._list = list_replicas
        self._token = token
        self._trust = trust
        self._host = host
        self._session: aiohttp.ClientSession | None = None

    async def look(self) -> None:
        """Find out which other replicas there are; without an answer the last ones stay."""
        try:
            self.replicas = tuple(await self._list())
        except Exception as error:  # whatever the client of the API server raises: there is no answer
            _log.warning("replicas_unknown", error=type(error).__name__)

    async def ask(
        self,
        replica: Replica,
        method: str,
        *,
        path: str,
        headers: dict[str, str] | None = None,
        within_s: float = ANSWER_S,
    ) -> tuple[int, bytes] | None:
        """Status and body of an answer; None when there was none in time."""
        try:
            async with asyncio.timeout(within_s):
                return await self._asked(replica, method, path=path, headers=headers or {})
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
            _log.warning("no_answer", replica=replica.name, error=type(error).__name__)
            return None

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _asked(self, replica: Replica, method: str, *, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        address = f"[{replica.address}]" if ":" in replica.address else replica.address
        headers = {"authorization": f"Bearer {self._token()}", **headers}
        async with self._session.request(
            method,
            f"https://{address}:{replica.port}{path}",
            headers=headers,
            ssl=self._trust(),
            server_hostname=self._host,
            allow_redirects=False,
        ) as answer:
            return answer.status, await answer.read()
