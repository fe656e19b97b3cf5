"""Keeps a database at hand: starts the embedded one and starts it again when it dies, or connects to the one named.

Everything else goes on meanwhile; `problem` says what is wrong. Must not commit or ask anything itself.
Next: `committer.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.postgres_binaries import PostgresUnavailable
from ccproxy_ledger.store import Store, StoreUnavailable, open_store
from ccproxy_ledger.store_migrate import migrate
from ccproxy_runtime.logs import logger

FIRST_RETRY_S, LAST_RETRY_S = 0.1, 10.0
FOLLOW_S = 5.0
_log = logger("keeper")

Ready = Callable[[Store], Awaitable[None]]


class Keeper:
    """Holds the store once there is one."""

    def __init__(self, *, url: Callable[[], str], embedded: EmbeddedPostgres | None, metrics: LedgerMetrics) -> None:
        """`url` says where the database is now; it may raise `OSError` or `ValueError` while nobody knows."""
        self._url = url
        self._embedded = embedded
        self._metrics = metrics
        self.store: Store | None = None
        self.connected_to = ""
        """The URL of `store`. It holds a password: never to be shown."""
        self.problem = "the database is starting"
        """What keeps the database away, and what to do; empty when it is there."""

    async def run(self, on_ready: Ready) -> None:
        """Until cancelled: bring the database up, call `on_ready` once with the store, keep it up."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self._bring_up(on_ready)
                retry_s = FIRST_RETRY_S
                await self._while_up()
            except (PostgresUnavailable, StoreUnavailable, OSError) as fault:
                self._cannot(str(fault))
            except ValueError as fault:  # its text may quote the URL
                self._cannot(f"its URL is not one ({type(fault).__name__})")
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LAST_RETRY_S)

    def _cannot(self, reason: str) -> None:
        self.problem = f"the database cannot be used: {reason}"
        _log.error("database_problem", reason=self.problem)

    async def _bring_up(self, on_ready: Ready) -> None:
        if self._embedded is not None:
            await self._embedded.start()
            self._metrics.database_restarts.inc()
        url = self._url() if self._embedded is None else self._embedded.url
        if self.store is None:
            version = await migrate(url)
            self.store = await _ready_store(url, on_ready)
            self.connected_to = url
            _log.info("database_ready", schema=version)
        self.problem = ""

    async def _while_up(self) -> None:
        """Wait for the embedded one's death; a named database reconnects through the pool."""
        if self._embedded is None:
            await asyncio.Event().wait()
            return
        status = await self._embedded.ended()
        self.problem = f"the embedded Postgres ended ({status}) and is being started again"
        _log.error("postgres_ended", status=status)

    async def follow_url(self, poll_s: float = FOLLOW_S) -> None:
        """Until cancelled: when the URL changes (a renewed password), go on with connections to the new one.

        Returns at once when the database is the embedded one: nobody names that.
        """
        while self._embedded is None:
            await asyncio.sleep(poll_s)
            try:
                url = self._url()
                if self.store is not None and url != self.connected_to:
                    await self.store.renew(url)
                    self.connected_to = url
                    _log.info("database_url_renewed")
            except (StoreUnavailable, OSError, ValueError) as fault:
                _log.warning("database_url_not_taken", reason=type(fault).__name__)

    async def close(self) -> None:
        """Close connections and stop the embedded Postgres."""
        if self.store is not None:
            await self.store.close()
        if self._embedded is not None:
            await self._embedded.stop()


async def _ready_store(url: str, on_ready: Ready) -> Store:
    store = await open_store(url)
    try:
        await on_ready(store)
    except StoreUnavailable:
        await store.close()
        raise
    return store
