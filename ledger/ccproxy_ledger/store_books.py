"""Price books in the database: each version once, for ever. Must not choose which one holds: events name theirs.

Next: `store_commit.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from ccproxy_contract.prices import PriceBook
from ccproxy_ledger.store import Store

KEPT = 8
"""Enough for a laptop, where one book holds; a cluster has one per set of backends that a namespace uses."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PriceBook).decode


class Books:
    """The books that events name, from memory or from the database; at most `kept` in memory."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[str, PriceBook] = OrderedDict()

    def add(self, book: PriceBook) -> None:
        """Know `book` from now on; `store_books` makes it lasting."""
        self._known[book.version] = book
        self._known.move_to_end(book.version)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)

    async def named(self, versions: Iterable[str], store: Store) -> dict[str, PriceBook]:
        """Those of `versions` that are known here or in the database. Raises: `StoreUnavailable`."""
        found = {}
        for version in set(versions):
            book = self._known.get(version) or await fetch_book(store, version)
            if book is not None:
                self.add(book)
                found[version] = book
        return found


async def keep_book(store: Store, book: PriceBook) -> None:
    """Write `book` unless its version is there. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        await connection.execute(
            "insert into price_book (version, content) values ($1, $2) on conflict (version) do nothing",
            book.version,
            _encode(book),
        )


async def fetch_book(store: Store, version: str) -> PriceBook | None:
    """Read one book. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        content = await connection.fetchval("select content from price_book where version = $1", version)
    return None if content is None else _decode(content)
