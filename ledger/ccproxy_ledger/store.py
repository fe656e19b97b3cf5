"""The database: one pool of connections, and what its faults mean to the rest of the ledger.

The only file that imports asyncpg. Statements live beside their subject: `store_commit.py`, `store_books.py`,
`store_usage.py`, `store_migrate.py`. Next: `store_migrate.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:  # the driver's classes take no type arguments at run time
    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Record = asyncpg.Record

POOL_SIZE = 4
COMMAND_S = 30.0
CONNECT_S = 5.0
PING_S = 2.0


_BROKEN_OFF = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The driver answers the last one when a server hangs up in the middle of its protocol."""


class StoreUnavailable(Exception):
    """The database cannot be reached or has broken off; the same work may be tried again later."""


class StoreRefused(StoreUnavailable):
    """The database must not be used as it is, until somebody does what the message says."""


class Unstorable(Exception):
    """The database will never take these rows: trying again does not help."""


class Store:
    """A pool on one database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection, outside a transaction. Raises: `StoreUnavailable`, `Unstorable`."""
        async with translated_faults(), self._pool.acquire(timeout=CONNECT_S) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: all or nothing. Raises: `StoreUnavailable`, `Unstorable`."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def ping(self) -> None:
        """Ask for an answer. Raises: `StoreUnavailable`."""
        async with self.connection() as connection:
            await connection.fetchval("select 1", timeout=PING_S)

    async def renew(self, url: str) -> None:
        """Use new connections, to `url`; work under way ends on the old ones. Raises: `StoreUnavailable`."""
        old, self._pool = self._pool, await _pool(url)
        try:
            async with asyncio.timeout(COMMAND_S):
                await old.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            old.terminate()

    async def close(self) -> None:
        """Close the pool, without waiting for a database that is gone."""
        self._pool.terminate()


@asynccontextmanager
async def translated_faults() -> AsyncIterator[None]:
    """Turn the driver's and the network's faults into the three of this file."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as fault:
        raise Unstorable(f"{type(fault).__name__} {getattr(fault, 'sqlstate', '')}") from fault
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidCatalogNameError, asyncpg.InsufficientPrivilegeError) as fault:
        raise StoreRefused(f"the database refuses: {fault}. Mend the URL or the role's rights") from fault
    except (*_BROKEN_OFF, OSError, TimeoutError) as fault:
        raise StoreUnavailable(f"{type(fault).__name__}: {fault}"[:300]) from fault


async def connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    """One connection outside a pool. Raises: `ValueError` for a URL that is none, else the driver's own."""
    return await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=COMMAND_S)


async def open_store(url: str) -> Store:
    """Connect to a database whose tables are up to date. Raises: `StoreUnavailable`, `StoreRefused`."""
    return Store(await _pool(url))


async def _pool(url: str) -> asyncpg.Pool[asyncpg.Record]:
    async with translated_faults():
        return await asyncpg.create_pool(
            url, min_size=1, max_size=POOL_SIZE, timeout=CONNECT_S, command_timeout=COMMAND_S
        )
