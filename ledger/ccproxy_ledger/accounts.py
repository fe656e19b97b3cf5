"""What the accounts file says now: who pays on this machine, and the newest price book.

Must not read the file itself: the feed does. Next: `collector.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ccproxy_contract.accounts import Accounts
from ccproxy_contract.names import LOCAL_TENANT
from ccproxy_contract.prices import PriceBook
from ccproxy_ledger.store import Store, StoreUnavailable
from ccproxy_ledger.store_books import Books, keep_book
from ccproxy_runtime.logs import logger

RETRY_S = 1.0
_log = logger("accounts")


class KnownAccounts:
    """The last good accounts."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._unkept: PriceBook | None = None
        self._new = asyncio.Event()
        self.tenant = LOCAL_TENANT
        """The only tenant of the file, else `local`."""

    def take(self, accounts: Accounts) -> None:
        """Use new accounts from now on; their book is written to the database as soon as there is one."""
        self.tenant = accounts.tenants[0].name if len(accounts.tenants) == 1 else LOCAL_TENANT
        self._books.add(accounts.book)
        self._unkept = accounts.book
        self._new.set()
        _log.info("accounts", hash=accounts.hash, book=accounts.book.version, tenant=self.tenant)

    def refuse(self, problem: str) -> None:
        """Keep the last good ones."""
        _log.error("accounts_unreadable", reason=problem)

    async def keep(self, store: Store) -> None:
        """Write the newest book unless that was done. Raises: `StoreUnavailable`."""
        book = self._unkept
        if book is None:
            return
        await keep_book(store, book)
        if self._unkept is book:
            self._unkept = None

    async def keep_new(self, store: Callable[[], Store | None]) -> None:
        """Until cancelled: write every new book, however long the database is away."""
        while True:
            await self._new.wait()
            self._new.clear()
            while self._unkept is not None:
                await self._try(store())

    async def _try(self, store: Store | None) -> None:
        try:
            if store is not None:
                await self.keep(store)
                return
        except StoreUnavailable as fault:
            _log.warning("book_not_kept", reason=str(fault))
        await asyncio.sleep(RETRY_S)
