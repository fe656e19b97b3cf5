"""What the operator says of tenants and prices, and the last of it in Postgres for a start without an operator.

Until one of the two is known nobody's events are taken: a wrong tenant could not be put right later. Must not speak
WebSocket: the stream does. Next: `gate.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ccproxy_contract.accounts import Accounts, accounts_from_bytes, books_of
from ccproxy_contract.names import NO_TENANT
from ccproxy_contract.stream import Ack, Reject, Slice
from ccproxy_ledger.store import Store
from ccproxy_ledger.store_accounts import keep_accounts, last_accounts
from ccproxy_ledger.store_books import Books, keep_book
from ccproxy_ledger.unkept import Unkept
from ccproxy_runtime.logs import logger

_log = logger("accounts")


class ClusterAccounts:
    """The last good accounts."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._kept_books: set[str] = set()
        self._unkept: Unkept[Accounts] = Unkept(self._write, told="accounts_not_kept")
        self.known: Accounts | None = None

    def tenant(self, namespace: str) -> str | None:
        """Who pays for `namespace`; `None` while nobody knows anything."""
        return None if self.known is None else self.known.namespaces.get(namespace, NO_TENANT)

    async def take(self, offer: Slice) -> Ack | Reject:
        """Use what the operator offers from now on, if it is whole."""
        try:
            accounts = accounts_from_bytes(bytes(offer.content))
        except ValueError as wrong:
            return Reject(hash=offer.hash, reason=str(wrong))
        if accounts.hash != offer.hash:
            return Reject(hash=offer.hash, reason="the accounts have another hash than the offer")
        self._use(accounts)
        self._unkept.put(accounts)
        return Ack(hash=offer.hash)

    async def recall(self, store: Store) -> None:
        """Use the last ones of the database, unless the operator was faster. Raises: `StoreUnavailable`."""
        if self.known is not None:
            return
        try:
            last = await last_accounts(store)
        except ValueError as wrong:
            _log.error("last_accounts_unreadable", reason=str(wrong))
            return
        if last is not None and self.known is None:
            self._use(last)

    async def keep(self, store: Store) -> None:
        """Write what is new, if anything. Raises: `StoreUnavailable`."""
        await self._unkept.keep(store)

    async def keep_new(self, store: Callable[[], Store | None]) -> None:
        """Until cancelled: write all that is new, however long the database is away."""
        await self._unkept.keep_new(store)

    async def _write(self, store: Store, accounts: Accounts) -> None:
        for book in books_of(accounts):
            if book.version not in self._kept_books:
                await keep_book(store, book)
                self._kept_books.add(book.version)
        await keep_accounts(store, accounts)

    def _use(self, accounts: Accounts) -> None:
        self.known = accounts
        for book in books_of(accounts):
            self._books.add(book)
        _log.info("accounts", hash=accounts.hash, tenants=len(accounts.tenants), namespaces=len(accounts.namespaces))
