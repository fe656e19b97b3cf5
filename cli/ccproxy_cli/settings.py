"""What the environment says to the command line. The only file of this member that reads it. Next: `home.py`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ccproxy_cli.exits import Failure
from ccproxy_contract.names import DATA_PORT


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Defaults of the options; an option on the command line wins."""

    home: Path
    """CCPROXY_HOME: all state of one ccproxy."""
    port: int
    """CCPROXY_PORT: where programs send their calls."""
    database_url: str
    """CCPROXY_DATABASE_URL: a Postgres to use; empty: the embedded one."""
    user_home: Path
    """HOME: where agents keep their own settings and logins."""


def settings() -> Settings:
    """Read the environment. Raises `Failure` when CCPROXY_PORT is no number or CCPROXY_HOME no folder."""
    user_home = Path.home()
    port = os.environ.get("CCPROXY_PORT", "") or str(DATA_PORT)
    if not port.isdigit():
        raise Failure(f"CCPROXY_PORT is {port!r}: write a port number such as {DATA_PORT}")
    home = Path(os.environ.get("CCPROXY_HOME") or user_home / ".ccproxy").expanduser().absolute()
    if home.exists() and not home.is_dir():
        raise Failure(f"CCPROXY_HOME is {home}, which is a file: set it to a folder")
    return Settings(
        home=home,
        port=int(port),
        database_url=os.environ.get("CCPROXY_DATABASE_URL", ""),
        user_home=user_home,
    )


def environment() -> dict[str, str]:
    """A copy of the whole environment: for `${NAME}` in policies, and for the processes we start."""
    return dict(os.environ)
