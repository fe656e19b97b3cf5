"""The collector's own spool as a process opens it: a new source, what earlier starts left, and what metrics say of it.

Next: `server.py`.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from ccproxy_ledger.backlog import Backlog, leftovers
from ccproxy_ledger.committer import Committer
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_runtime.background import background
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.stopping import src_id


class Spooled(NamedTuple):
    """What is written now, its unread part, and the unread parts of earlier starts, oldest first."""

    spool: Spool
    own: Backlog
    left: list[Backlog]


async def open_spool(folder: Path, *, cap_bytes: int, stack: contextlib.AsyncExitStack) -> Spooled:
    """Open `folder` until `stack` ends. Raises: `OSError`."""
    _private(folder)
    src = src_id(int(time.time() * 1000), secrets.token_bytes(10))
    spool = Spool(folder, src=src, cap_bytes=cap_bytes)
    stack.callback(spool.close)
    await stack.enter_async_context(background(spool.sync_loop()))
    return Spooled(spool, Backlog(folder, src, written=lambda: spool.end), leftovers(folder, src))


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def spool_gauges(metrics: LedgerMetrics, spool: Spool, committer: Committer) -> None:
    """Show what waits for the database."""
    metrics.registry.gauge_fn("ccproxy_ledger_spool_bytes", "Bytes waiting for the database.", lambda: spool.used_bytes)

    def lag_s() -> float:
        since = committer.waiting_since_ms
        return 0.0 if since is None else max(0.0, time.time() - since / 1000)

    metrics.registry.gauge_fn("ccproxy_ledger_lag_seconds", "Age of the oldest batch not committed.", lag_s)
