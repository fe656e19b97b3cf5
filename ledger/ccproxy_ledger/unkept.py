"""The newest of something that Postgres does not have yet: written once there is a database, however long that takes.

Must not know what it is. Next: `accounts.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ccproxy_ledger.store import Store, StoreUnavailable
from ccproxy_runtime.logs import logger

RETRY_S = 1.0
T = TypeVar("T")
_log = logger("accounts")


class Unkept(Generic[T]):
    """`write` raises `StoreUnavailable`; `told` is what the log calls that."""

    def __init__(self, write: Callable[[Store, T], Awaitable[None]], *, told: str) -> None:
        self._write = write
        self._told = told
        self._newest: T | None = None
        self._new = asyncio.Event()

    def put(self, newest: T) -> None:
        """Write this one next; an older one that was not written yet is given up."""
        self._newest = newest
        self._new.set()

    async def keep(self, store: Store) -> None:
        """Write the newest unless that was done. Raises: `StoreUnavailable`."""
        newest = self._newest
        if newest is None:
            return
        await self._write(store, newest)
        if self._newest is newest:
            self._newest = None

    async def keep_new(self, store: Callable[[], Store | None]) -> None:
        """Until cancelled: write every new one."""
        while True:
            await self._new.wait()
            self._new.clear()
            while self._newest is not None:
                await self._try(store())

    async def _try(self, store: Store | None) -> None:
        try:
            if store is not None:
                await self.keep(store)
                return
        except StoreUnavailable as fault:
            _log.warning(self._told, reason=str(fault))
        await asyncio.sleep(RETRY_S)
