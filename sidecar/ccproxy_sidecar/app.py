"""Builds every part of the sidecar and wires it; the only place that knows all of them.

Must not hold behaviour of its own. Next: `listener.py`, `server.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
from aiohttp import web

from ccproxy_contract.snapshot import Snapshot, snapshot_from_bytes
from ccproxy_runtime.background import background
from ccproxy_runtime.feed import load, watch_file
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.stopping import src_id
from ccproxy_runtime.token import read_token
from ccproxy_sidecar.heartbeat import Heartbeat
from ccproxy_sidecar.in_flight import InFlight
from ccproxy_sidecar.journal import Journal
from ccproxy_sidecar.listener import Listener
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.local_paths import LocalPaths
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.pipeline import Pipeline
from ccproxy_sidecar.server import Server
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.settings import Settings
from ccproxy_sidecar.shipping import Shipper
from ccproxy_sidecar.stages.forward import Forward
from ccproxy_sidecar.stages.meter import Meter
from ccproxy_sidecar.upstream.balance import Balance
from ccproxy_sidecar.upstream.patience import Patience
from ccproxy_sidecar.upstream.pool import Pool

DRAIN_S = 30.0
"""How long open streams may go on after a stop signal."""
HAND_OVER_S = 3.0
"""How long a stopping sidecar waits for the ledger to take its last events; the rest stays in the spool."""
RETRY_WRITE_S = 1.0
_log = logger("sidecar")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run a sidecar until `stop`. Raises `OSError` when the port is taken."""
    async with contextlib.AsyncExitStack() as stack:
        parts = await _parts(settings, stack)
        runner = web.ServerRunner(Listener(parts.server.handle), shutdown_timeout=DRAIN_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, settings.host, settings.port, backlog=4096, reuse_address=True).start()
        _log.info("serving", host=settings.host, port=settings.port)
        _settle_memory()
        await stop.wait()
        _log.info("stopping", open_streams=len(parts.heartbeat.open))


class _Parts:
    """What `serve` needs after wiring."""

    def __init__(self, server: Server, heartbeat: Heartbeat) -> None:
        self.server = server
        self.heartbeat = heartbeat


async def _parts(settings: Settings, stack: contextlib.AsyncExitStack) -> _Parts:
    metrics = Metrics(Registry())
    sessions = Sessions()
    heartbeat = Heartbeat(after_s=settings.ping_after_s, give_up_s=settings.idle_timeout_s, metrics=metrics)
    live = await _snapshot(settings, metrics, stack)
    meter = Meter(journal=await _journal(settings, metrics, stack), metrics=metrics, sessions=sessions)
    pool = Pool()
    stack.push_async_callback(pool.aclose)
    patience = Patience(settings.idle_timeout_s)
    forward = Forward(pool=pool, meter=meter, rng=random.Random(), patience=patience)
    local = LocalPaths(
        live=live,
        metrics=metrics,
        ledger_url=settings.ledger_url,
        ledger_token=_token(settings.ledger_token_file),
        metrics_token=_token(settings.metrics_token_file),
    )
    stack.push_async_callback(local.aclose)
    in_flight = InFlight(settings.in_flight_bytes)
    server = Server(
        live=live,
        pipeline=Pipeline(sessions=sessions, balance=Balance(random.Random()), forward=forward),
        meter=meter,
        metrics=metrics,
        heartbeat=heartbeat,
        in_flight=in_flight,
        max_body_bytes=settings.max_body_bytes,
        local=local.table(),
        call_ids=call_ids(secrets.token_hex(5)),
    )
    metrics.registry.gauge_fn("ccproxy_in_flight_bytes", "Bodies and held answers.", lambda: in_flight.held_bytes)
    metrics.registry.gauge_fn("ccproxy_open_streams", "Event streams under way.", lambda: len(heartbeat.open))
    await stack.enter_async_context(background(heartbeat.run()))
    await stack.enter_async_context(background(patience.run()))
    return _Parts(server, heartbeat)


def call_ids(start: str) -> Callable[[], str]:
    """Names for calls, unique to this process start: `call_`, its random word, a counter."""
    numbers = itertools.count(1)
    prefix = f"call_{start}"
    return lambda: f"{prefix}{next(numbers):08x}"


async def _snapshot(settings: Settings, metrics: Metrics, stack: contextlib.AsyncExitStack) -> Live:
    live = Live(
        custom_rules=settings.custom_rules,
        on_failure=lambda rule, reason: metrics.rule_failures.child(rule, reason).inc(),
    )

    def take(snapshot: Snapshot) -> None:
        if live.program is not None and live.program.snapshot.hash == snapshot.hash:
            live.problem = ""  # back to what runs: what was wrong with another snapshot is over
            return
        good = live.take(snapshot)
        metrics.reloads.child("taken" if good else "refused").inc()
        if good:
            _log.info("snapshot", hash=snapshot.hash, rules=len(snapshot.rules))
        else:
            _log.error("snapshot_refused", hash=snapshot.hash)

    def refuse(problem: str) -> None:
        live.problem = problem
        metrics.reloads.child("refused").inc()
        _log.error("snapshot_unreadable", path=str(settings.snapshot))

    first = load(settings.snapshot, snapshot_from_bytes)
    if first.value is not None:
        take(first.value)
    watching = watch_file(settings.snapshot, decode=snapshot_from_bytes, on_change=take, on_problem=refuse, poll_s=0.25)
    await stack.enter_async_context(background(watching))
    return live


async def _journal(settings: Settings, metrics: Metrics, stack: contextlib.AsyncExitStack) -> Journal:
    src = src_id(int(time.time() * 1000), secrets.token_bytes(10))
    spool = Spool(settings.spool, src=src, cap_bytes=settings.spool_cap_bytes)
    stack.callback(spool.close)
    journal = Journal(spool, src=src)
    metrics.registry.gauge_fn("ccproxy_events_waiting", "Events the disk refused, in memory.", lambda: journal.waiting)
    await stack.enter_async_context(background(spool.sync_loop()))
    await stack.enter_async_context(background(_retry_writes(journal, metrics)))
    if settings.ledger_url:
        await stack.enter_async_context(_shipping(settings, spool, metrics))
    return journal


async def _retry_writes(journal: Journal, metrics: Metrics) -> None:
    told = 0
    while True:
        await asyncio.sleep(RETRY_WRITE_S)
        journal.retry()
        if journal.dropped > told:
            metrics.events_dropped.child().inc(journal.dropped - told)
            told = journal.dropped
            _log.error("events_dropped", total=told)


@contextlib.asynccontextmanager
async def _shipping(settings: Settings, spool: Spool, metrics: Metrics) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        shipper = Shipper(
            spool,
            ledger_url=settings.ledger_url,
            token=_token(settings.ledger_token_file),
            session=session,
            registry=metrics.registry,
            random=random.random,
            clock_s=time.time,
        )
        async with background(shipper.run()):
            yield
            await shipper.drained(HAND_OVER_S)


def _token(path: Path | None) -> bytes | None:
    return read_token(path) if path is not None else None


def _settle_memory() -> None:
    """What is alive now stays: the collector need not look at it again (halves the tail latency, performance.md §4)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
