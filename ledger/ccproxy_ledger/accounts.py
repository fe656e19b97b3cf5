"""What the accounts file says now: who pays on this machine, and the newest price book.

Must not read the file itself: the feed does. Next: `collector.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ccproxy_contract.accounts import Accounts
from ccproxy_contract.names import LOCAL_TENANT
from ccproxy_contract.prices import PriceBook
from ccproxy_ledger.store import Store
from ccproxy_ledger.store_books import Books, keep_book
from ccproxy_ledger.unkept import Unkept
from ccproxy_runtime.logs import logger

_log = logger("accounts")


class KnownAccounts:
    """The last good accounts."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._unkept: Unkept[PriceBook] = Unkept(keep_book, told="book_not_kept")
        self.tenant = LOCAL_TENANT
        """The only tenant of the file, else `local`."""

    def take(self, accounts: Accounts) -> None:
        """Use new accounts from now on; their book is written to the database as soon as there is one."""
        self.tenant = accounts.tenants[0].name if len(accounts.tenants) == 1 else LOCAL_TENANT
        self._books.add(accounts.book)
        self._unkept.put(accounts.book)
        _log.info("accounts", hash=accounts.hash, book=accounts.book.version, tenant=self.tenant)

    def refuse(self, problem: str) -> None:
        """Keep the last good ones."""
        _log.error("accounts_unreadable", reason=problem)

    async def keep(self, store: Store) -> None:
        """Write the newest book unless that was done. Raises: `StoreUnavailable`."""
        await self._unkept.keep(store)

    async def keep_new(self, store: Callable[[], Store | None]) -> None:
        """Until cancelled: write every new book, however long the database is away."""
        await self._unkept.keep_new(store)
