"""The accounts: what the ledger knows of tenants and price books. Written by `policy`, read by the ledger.

Must not hold what only a sidecar needs (routes, credentials). Next: `stream.py`.
"""

from __future__ import annotations

import msgspec

from ccproxy_contract.hashes import content_hash
from ccproxy_contract.prices import EMPTY_BOOK, PriceBook


class TenantAccount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One tenant: who pays. Budgets, keys and billing join here with the issues that bring them."""

    name: str


class Accounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """`hash` covers everything else; make it with `sealed_accounts`."""

    hash: str = ""
    version: int = 1
    tenants: tuple[TenantAccount, ...] = ()
    namespaces: dict[str, str] = {}
    """Namespace to tenant (cluster only); one that is not here has none. The ledger takes the tenant of an event from
    its sender's namespace."""
    book: PriceBook = EMPTY_BOOK
    """The newest book; older ones are kept by the ledger under their version."""
    books: dict[str, tuple[str, ...]] = {}
    """Books of single namespaces (cluster only): version to the keys of `book` that it holds (`books_of`)."""


ACCOUNTS_VERSION = 1


def sealed_accounts(accounts: Accounts) -> Accounts:
    return msgspec.structs.replace(accounts, hash=content_hash(msgspec.structs.replace(accounts, hash="")))


def books_of(accounts: Accounts) -> tuple[PriceBook, ...]:
    """Every book that an event may name now: the whole one, and those of single namespaces."""
    keys = accounts.book.keys
    parts = (
        PriceBook(version=version, keys={key: keys[key] for key in names if key in keys})
        for version, names in accounts.books.items()
    )
    return (accounts.book, *parts)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Accounts)


def accounts_bytes(accounts: Accounts) -> bytes:
    return _encoder.encode(accounts)


def accounts_from_bytes(raw: bytes) -> Accounts:
    """Decode and verify. Raises `ValueError` for bad JSON, another version or a hash that does not fit."""
    accounts = _decoder.decode(raw)
    if accounts.version != ACCOUNTS_VERSION:
        raise ValueError(f"accounts version {accounts.version}, this process knows {ACCOUNTS_VERSION}")
    if sealed_accounts(accounts).hash != accounts.hash:
        raise ValueError("accounts hash does not fit its content: the file was cut or edited")
    return accounts
