"""Entry point: `python -m ccproxy_ledger`. Reads settings, runs until told to stop, says what is wrong in a sentence.

Without `CCPROXY_LEDGER_ROLE` the one process of a laptop; with it a collector or the books of a cluster.
Next: `settings.py`, `app.py`, `cluster/settings.py`.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from ccproxy_ledger.app import serve
from ccproxy_ledger.cluster.settings import role_from_environment
from ccproxy_ledger.settings import settings_from_environment
from ccproxy_runtime.logs import configure_logging
from ccproxy_runtime.stopping import exit_with_parent, stop_event


def main() -> int:
    """0: stopped when told to; 1: could not start (the reason is on stderr)."""
    try:
        uvloop.run(_cluster() if role_from_environment() else _laptop())
    except ValueError as wrong:
        sys.stderr.write(f"ccproxy ledger: {wrong}\n")
        return 1
    except OSError as refused:
        sys.stderr.write(f"ccproxy ledger: {refused.strerror}: {refused.filename or 'cannot listen'}\n")
        return 1
    return 0


async def _laptop() -> None:
    settings = settings_from_environment()
    configure_logging("ledger", settings.log_level)
    if settings.parent:
        exit_with_parent(settings.parent)
    await serve(settings, stop_event(asyncio.get_running_loop()))


async def _cluster() -> None:
    from ccproxy_ledger.cluster import app  # a laptop needs no tokens: 10 MB and 0.1 s less
    from ccproxy_ledger.cluster import settings as cluster

    settings = cluster.settings_from_environment()
    configure_logging("ledger", settings.log_level)
    await app.serve(settings, stop_event(asyncio.get_running_loop()))


if __name__ == "__main__":
    sys.exit(main())
