"""Builds a ledger process of a cluster by its role and wires it; the only place that knows all parts.

Must not hold behaviour of its own. Next: `../postgres.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiohttp import web

from ccproxy_contract.names import AUDIENCE_CONFIG, AUDIENCE_LEDGER, NO_TENANT, PATH_ACCOUNTS
from ccproxy_ledger import answers
from ccproxy_ledger.cluster.accounts import ClusterAccounts
from ccproxy_ledger.cluster.gate import Gate
from ccproxy_ledger.cluster.heartbeat import Heartbeat
from ccproxy_ledger.cluster.server import Desk, Handler, Reading, guarded_application, ops_application
from ccproxy_ledger.cluster.settings import Settings
from ccproxy_ledger.collector import Collector
from ccproxy_ledger.committer import Committer
from ccproxy_ledger.keeper import Keeper
from ccproxy_ledger.metrics import CallerMetrics, CollectorMetrics, LedgerMetrics
from ccproxy_ledger.postgres import EmbeddedPostgres
from ccproxy_ledger.spooled import open_spool, spool_gauges
from ccproxy_ledger.store import Store
from ccproxy_ledger.store_books import Books
from ccproxy_runtime.background import background
from ccproxy_runtime.config_stream import ConfigStream, Source, register
from ccproxy_runtime.freshness import Running
from ccproxy_runtime.issuer_keys import ApiServer, IssuerKeys
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.service_tokens import TokenVerifier
from ccproxy_runtime.serving import app_runner
from ccproxy_runtime.tls import follow_certificate, server_context

SHUTDOWN_S = 5.0
BOOKS_IN_MEMORY = 512
_log = logger("ledger")
_Stack = contextlib.AsyncExitStack


class Collecting(NamedTuple):
    """The half that takes events."""

    desk: Desk
    heartbeat: Heartbeat
    committer: Committer
    accounts: ClusterAccounts


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop`. Raises: `OSError` for a port that is taken or a certificate that is missing."""
    async with _Stack() as stack:
        metrics = LedgerMetrics(Registry())
        keeper = _keeper(settings, metrics, stack)
        keys = await _issuer_keys(settings, stack, metrics)
        verifier = TokenVerifier(keys, audience=AUDIENCE_LEDGER, clock_s=time.time)
        gate = Gate(verifier, namespace=settings.namespace, metrics=CallerMetrics(metrics.registry))
        collecting = await _collecting(settings, stack, gate=gate, metrics=metrics) if settings.collects else None
        await _start(keeper, collecting, stack)
        desk = collecting.desk if collecting is not None else None
        reading = Reading(gate, keeper) if settings.answers else None
        async with _listening(settings, guarded_application(desk, reading), _ops(metrics, keys, desk, keeper=keeper)):
            await stop.wait()
            _log.info("stopping")
        if collecting is not None:
            await collecting.heartbeat.goodbye(keeper.store)


def _keeper(settings: Settings, metrics: LedgerMetrics, stack: _Stack) -> Keeper:
    embedded = EmbeddedPostgres(settings.pgdata) if settings.pgdata is not None else None
    keeper = Keeper(url=settings.url, embedded=embedded, metrics=metrics)
    stack.push_async_callback(keeper.close)
    return keeper


async def _issuer_keys(settings: Settings, stack: _Stack, metrics: LedgerMetrics) -> IssuerKeys:
    account = settings.service_account
    api = ApiServer(url=settings.api_server, ca_file=account / "ca.crt", token_file=account / "token")
    keys = IssuerKeys(api, kept=settings.issuer_file, clock_s=time.monotonic)
    metrics.registry.counter_fn(
        "ccproxy_issuer_failures_total", "Times the API server did not tell its keys.", lambda: keys.failures
    )
    await stack.enter_async_context(background(keys.follow()))
    return keys


async def _collecting(settings: Settings, stack: _Stack, *, gate: Gate, metrics: LedgerMetrics) -> Collecting:
    assert settings.spool is not None
    books = Books(kept=BOOKS_IN_MEMORY)
    accounts = await _accounts(settings, stack, books=books, registry=metrics.registry)
    spool, own, left = await open_spool(settings.spool, cap_bytes=settings.spool_cap_bytes, stack=stack)
    committer = Committer(leftovers=left, own=own, books=books, metrics=metrics)
    collector = Collector(
        spool,
        tenant=lambda: NO_TENANT,
        clock_ms=lambda: int(time.time() * 1000),
        on_append=committer.wake,
        alone=False,
    )
    metrics.registry.counter_fn(
        "ccproxy_ledger_foreign_claims_total",
        "Events that named another namespace than their sender's token; the token's was stored.",
        lambda: collector.foreign_claims,
    )
    spool_gauges(metrics, spool, committer)
    heartbeat = Heartbeat(settings.name, committer, CollectorMetrics(metrics.registry))
    return Collecting(Desk(gate, collector, accounts, metrics=metrics), heartbeat, committer, accounts)


async def _accounts(settings: Settings, stack: _Stack, *, books: Books, registry: Registry) -> ClusterAccounts:
    accounts = ClusterAccounts(books)
    source = Source(
        url=settings.operator_url,
        path=PATH_ACCOUNTS,
        token_file=settings.tokens / AUDIENCE_CONFIG,
        roots=lambda: (settings.root_file.read_text(),),
    )
    stream = ConfigStream(source, take=accounts.take, running=Running(), random=random.random, clock_s=time.monotonic)
    register(stream, registry)
    await stack.enter_async_context(background(stream.run()))
    return accounts


async def _start(keeper: Keeper, collecting: Collecting | None, stack: _Stack) -> None:
    """Bring the database up beside everything else; work with it begins when it is there."""

    async def on_ready(store: Store) -> None:
        if collecting is None:
            return
        await collecting.accounts.recall(store)
        await collecting.accounts.keep(store)
        await stack.enter_async_context(background(collecting.committer.run(store)))
        await stack.enter_async_context(background(collecting.heartbeat.run(store)))

    await stack.enter_async_context(background(keeper.run(on_ready)))
    await stack.enter_async_context(background(keeper.follow_url()))
    if collecting is not None:
        await stack.enter_async_context(background(collecting.accounts.keep_new(lambda: keeper.store)))


def _ops(metrics: LedgerMetrics, keys: IssuerKeys, desk: Desk | None, *, keeper: Keeper) -> web.Application:
    async def ready(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's signature
        if keys.published is None:
            return answers.problem(503, "the API server's keys are not known yet", retry_after_s=1)
        if desk is None:
            return await answers.database_ready(keeper)
        if desk.problem:
            return answers.problem(503, desk.problem, retry_after_s=1)
        return answers.json({"status": "ready", "database": keeper.problem or "ready"})

    handler: Handler = ready
    return ops_application(metrics, handler)


@contextlib.asynccontextmanager
async def _listening(settings: Settings, guarded: web.Application, ops: web.Application) -> AsyncIterator[None]:
    context = server_context(settings.tls)
    host = settings.host or None
    async with background(follow_certificate(context, settings.tls)), _Stack() as stack:
        for app, port, tls in ((ops, settings.ops_port, None), (guarded, settings.port, context)):
            runner = app_runner(app, drain_s=SHUTDOWN_S)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, port, ssl_context=tls, reuse_address=True).start()
        _log.info("serving", role=settings.role, port=settings.port, ops_port=settings.ops_port)
        yield
