"""The ledger's settings: the only place that reads its environment, once.

Next: `__main__.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ccproxy_contract.names import LEDGER_PORT
from ccproxy_runtime.variables import number, required

MIB = 1024 * 1024
_SET_BY = "`ccproxy start` sets it, a bare ledger needs it"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a ledger finds its accounts and database, keeps its spool and listens."""

    accounts: Path
    """File of the tenant and the prices; followed."""
    spool: Path
    """Folder of the batches that the database does not have yet."""
    token_file: Path
    """File of the token that senders must show."""
    pgdata: Path | None
    """Folder of the embedded Postgres; not needed with a Postgres of your own."""
    database_url: str = ""
    """A Postgres to use; empty: the embedded one."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = LEDGER_PORT
    """Port to listen on."""
    spool_cap_bytes: int = 1024 * MIB
    """Room that the spool may take on disk."""
    parent: int = 0
    """Process to end with; 0: none."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises `ValueError` naming the variable that is missing or wrong."""
    env = os.environ if environ is None else environ
    url = env.get("CCPROXY_DATABASE_URL", "")
    if url and not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("CCPROXY_DATABASE_URL must start with postgresql://")
    return Settings(
        accounts=Path(required(env, "CCPROXY_ACCOUNTS", set_by=_SET_BY)),
        spool=Path(required(env, "CCPROXY_LEDGER_SPOOL", set_by=_SET_BY)),
        token_file=Path(required(env, "CCPROXY_LEDGER_TOKEN_FILE", set_by=_SET_BY)),
        pgdata=None if url else Path(required(env, "CCPROXY_PGDATA", set_by=_SET_BY)),
        database_url=url,
        host=env.get("CCPROXY_LEDGER_HOST", "127.0.0.1"),
        port=number(env, "CCPROXY_LEDGER_PORT", LEDGER_PORT),
        spool_cap_bytes=number(env, "CCPROXY_LEDGER_SPOOL_CAP_BYTES", 1024 * MIB),
        parent=number(env, "CCPROXY_EXIT_WITH_PARENT", 0),
        log_level=env.get("CCPROXY_LOG_LEVEL", "info"),
    )
