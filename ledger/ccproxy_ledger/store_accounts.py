"""The last accounts in the database: what a collector goes by when it starts while the operator is away.

Must not judge which accounts are newer: the operator does. Next: `store_collectors.py`.
"""

from __future__ import annotations

from ccproxy_contract.accounts import Accounts, accounts_bytes, accounts_from_bytes
from ccproxy_ledger.store import Store

KEEP = """
insert into accounts (hash, content) values ($1, $2) on conflict (singleton) do update set
    hash = excluded.hash, content = excluded.content, taken_at = now()
where accounts.hash <> excluded.hash
"""


async def keep_accounts(store: Store, accounts: Accounts) -> None:
    """Write `accounts` in place of the last ones. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        await connection.execute(KEEP, accounts.hash, accounts_bytes(accounts))


async def last_accounts(store: Store) -> Accounts | None:
    """The last ones, verified. Raises: `StoreUnavailable`, `ValueError` for some that are damaged or too new."""
    async with store.connection() as connection:
        content = await connection.fetchval("select content from accounts")
    return None if content is None else accounts_from_bytes(content)
