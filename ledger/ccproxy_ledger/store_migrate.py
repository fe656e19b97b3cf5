"""Brings a database's tables up to date, forward only, and refuses one that a newer ccproxy has made.

Two ledgers that start at once take turns (advisory lock). Alembic writes the steps as one SQL script, which runs in one
transaction on the ledger's own driver; it is loaded only when there is something to do (0.3 s, 25 MB).
Next: `migrations/versions/0001_ledger.py`.
"""

from __future__ import annotations

import asyncio
import logging
from io import StringIO
from pathlib import Path

from ccproxy_ledger.store import Connection, StoreRefused, connect, translated_faults

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 0x63637072
"""Number of the advisory lock: the letters `ccpr`."""


def revisions() -> list[str]:
    """Every schema version that this release knows, oldest first."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def migrate(url: str) -> str:
    """Bring the database at `url` to the newest schema and answer its version.

    Raises: `StoreRefused` for a schema that this release does not know, `StoreUnavailable`.
    """
    async with translated_faults():
        lock = await connect(url)
        try:
            await lock.execute("select pg_advisory_lock($1)", LOCK)
            await _upgrade(lock)
        finally:
            await lock.close()
    return revisions()[-1]


async def _upgrade(lock: Connection) -> None:
    found = await schema_version(lock)
    known = revisions()
    if found == known[-1]:
        return
    if found is not None and found not in known:
        raise StoreRefused(
            f"the database has schema {found}, this ccproxy knows up to {known[-1]}: install the newer ccproxy that"
            " made it, or name another database with --database URL"
        )
    script = await asyncio.to_thread(upgrade_script, found)
    async with lock.transaction():
        await lock.execute(script)


async def schema_version(connection: Connection) -> str | None:
    """The version that the database says it has; `None` for an empty one."""
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return None
    version = await connection.fetchval("select max(version_num) from alembic_version")
    return None if version is None else str(version)


def upgrade_script(found: str | None) -> str:
    """The SQL that leads from schema `found` (`None`: an empty database) to the newest."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every step, at import too
    from alembic import command
    from alembic.config import Config

    script = StringIO()
    configuration = Config(output_buffer=script)
    configuration.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(configuration, f"{found}:head" if found else "head", sql=True)
    return script.getvalue()
