"""Builds every part of the ledger and wires it; the only place that knows all of them.

Events are taken from the first moment, the database joins when it is up. Must not hold behaviour of its own.
Next: `server.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from aiohttp import web

from ccproxy_contract.accounts import accounts_from_bytes
from ccproxy_ledger.accounts import KnownAccounts
from ccproxy_ledger.backlog import batches_of
from ccproxy_ledger.collector import Collector
from ccproxy_ledger.committer import Committer
from ccproxy_ledger.keeper import Keeper
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.progress import ranges_of
from ccproxy_ledger.server import Server
from ccproxy_ledger.settings import Settings
from ccproxy_ledger.spooled import open_spool, spool_gauges
from ccproxy_ledger.store import Store
from ccproxy_ledger.store_books import Books
from ccproxy_ledger.store_sources import known_sources
from ccproxy_runtime.background import background
from ccproxy_runtime.feed import load, watch_file
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.serving import app_runner
from ccproxy_runtime.token import read_token

DRAIN_S = 5.0
_log = logger("ledger")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run a ledger until `stop`. Raises: `OSError` when the port is taken, `ValueError` for a bad token file."""
    token = read_token(settings.token_file)
    async with contextlib.AsyncExitStack() as stack:
        server = await _parts(settings, token, stack)
        runner = app_runner(server.application(), drain_s=DRAIN_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, settings.host, settings.port, reuse_address=True).start()
        _log.info("serving", host=settings.host, port=settings.port)
        await stop.wait()
        _log.info("stopping")


async def _parts(settings: Settings, token: bytes, stack: contextlib.AsyncExitStack) -> Server:
    metrics, books = LedgerMetrics(Registry()), Books()
    keeper = _keeper(settings, metrics, stack)
    spool, own, left = await open_spool(settings.spool, cap_bytes=settings.spool_cap_bytes, stack=stack)
    accounts = await _accounts(settings, stack, books=books, keeper=keeper)
    collector = Collector(
        spool,
        tenant=lambda: accounts.tenant,
        clock_ms=lambda: int(time.time() * 1000),
        on_append=lambda: committer.wake(),
    )
    for backlog in left:
        for received in batches_of(backlog):
            collector.adopt(
                received.batch.src, ranges_of([event.seq for event in received.batch.events]), received.given_up
            )
    committer = Committer(leftovers=left, own=own, books=books, metrics=metrics)

    async def on_ready(store: Store) -> None:
        for source in await known_sources(store):
            collector.adopt(source.src, source.here, source.given_up)
        collector.database_known()
        await accounts.keep(store)
        await stack.enter_async_context(background(committer.run(store)))

    await stack.enter_async_context(background(keeper.run(on_ready)))
    spool_gauges(metrics, spool, committer)
    return Server(collector=collector, committer=committer, keeper=keeper, metrics=metrics, token=token)


def _keeper(settings: Settings, metrics: LedgerMetrics, stack: contextlib.AsyncExitStack) -> Keeper:
    embedded = EmbeddedPostgres(settings.pgdata) if settings.pgdata is not None else None
    keeper = Keeper(url=lambda: settings.database_url, embedded=embedded, metrics=metrics)
    stack.push_async_callback(keeper.close)
    return keeper


async def _accounts(
    settings: Settings, stack: contextlib.AsyncExitStack, *, books: Books, keeper: Keeper
) -> KnownAccounts:
    accounts = KnownAccounts(books)
    first = load(settings.accounts, accounts_from_bytes)
    if first.value is not None:
        accounts.take(first.value)
    watching = watch_file(
        settings.accounts, decode=accounts_from_bytes, on_change=accounts.take, on_problem=accounts.refuse
    )
    await stack.enter_async_context(background(watching))
    await stack.enter_async_context(background(accounts.keep_new(lambda: keeper.store)))
    return accounts
