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
from typing import NamedTuple

import aiohttp
from aiohttp import web

from ccproxy_contract.names import AUDIENCE_LEDGER
from ccproxy_runtime.background import background
from ccproxy_runtime.config_stream import ConfigStream
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.projected_token import projected_token
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.stopping import src_id
from ccproxy_runtime.token import read_token
from ccproxy_sidecar.configuration import Configuration, from_file, from_operator
from ccproxy_sidecar.ending import Ending
from ccproxy_sidecar.heartbeat import Heartbeat
from ccproxy_sidecar.in_flight import InFlight
from ccproxy_sidecar.journal import Journal
from ccproxy_sidecar.listener import Listener
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.local_paths import LocalPaths
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.ops import Ops
from ccproxy_sidecar.pipeline import Pipeline
from ccproxy_sidecar.server import Server
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.settings import LET_THROUGH, Settings
from ccproxy_sidecar.shipping import Shipper
from ccproxy_sidecar.stages.forward import Forward
from ccproxy_sidecar.stages.meter import Meter
from ccproxy_sidecar.trust import Trust
from ccproxy_sidecar.unconfigured import IN_A_POD, ON_A_LAPTOP, passing_snapshot
from ccproxy_sidecar.upstream.balance import Balance
from ccproxy_sidecar.upstream.patience import Patience
from ccproxy_sidecar.upstream.pool import Pool

RETRY_WRITE_S = 1.0
CUT_S = 0.25
"""How long calls that are cut off at the end may take to note it; the HTTP library waits for them twice."""
_log = logger("sidecar")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run a sidecar until `stop`. Raises `OSError` when a port is taken."""
    ending = Ending(settings.grace_s if settings.operator_url else None, time.monotonic)
    async with contextlib.AsyncExitStack() as stack:
        parts = await _parts(settings, ending, stack)
        listener = Listener(parts.server.handle)
        runner = web.ServerRunner(listener, shutdown_timeout=CUT_S)
        await runner.setup()
        stack.push_async_callback(_drained, runner, listener, server=parts.server, ending=ending)
        await web.TCPSite(runner, settings.host, settings.port, backlog=4096, reuse_address=True).start()
        if parts.ops is not None:
            await web.TCPSite(parts.ops, settings.ops_host, settings.ops_port, reuse_address=True).start()
        _log.info("serving", host=settings.host, port=settings.port)
        _settle_memory()
        await stop.wait()
        ending.begin()
        _log.info("stopping", open_streams=len(parts.heartbeat.open))


async def _drained(runner: web.ServerRunner, listener: Listener, *, server: Server, ending: Ending) -> None:
    """Take no new connection, let open calls end for as long as the ending allows, then cut them off.

    What is cut off has noted how it ended when this returns.
    """
    for site in list(runner.sites):
        await site.stop()
    listener.pre_shutdown()
    await _until_not(lambda: listener.busy, ending.drain_s)
    await runner.cleanup()
    await _until_not(lambda: server.open_calls > 0, CUT_S)


async def _until_not(holds: Callable[[], bool], timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while holds():  # noqa: ASYNC110 - at the very end: not worth an event on the hot path
                await asyncio.sleep(0.01)


class _Parts(NamedTuple):
    """What `serve` needs after wiring."""

    server: Server
    heartbeat: Heartbeat
    ops: web.ServerRunner | None


async def _parts(settings: Settings, ending: Ending, stack: contextlib.AsyncExitStack) -> _Parts:
    metrics = Metrics(Registry())
    sessions = Sessions()
    heartbeat = Heartbeat(after_s=settings.ping_after_s, give_up_s=settings.idle_timeout_s, metrics=metrics)
    live = _live(settings, metrics)
    trust = Trust(settings.root_certificate, live)
    stream = await _configuration(settings, live=live, metrics=metrics, trust=trust, stack=stack)
    local = _local(settings, live=live, metrics=metrics, stream=stream)
    stack.push_async_callback(local.aclose)
    ops = await _ops(settings, Ops(live=live, local=local, ending=ending), stack)
    shipping = _Shipping(settings, metrics, ending, trust)
    meter = Meter(
        journal=await _journal(settings, metrics, shipping=shipping, stack=stack), metrics=metrics, sessions=sessions
    )
    pool = Pool()
    stack.push_async_callback(pool.aclose)
    patience = Patience(settings.idle_timeout_s)
    forward = Forward(pool=pool, meter=meter, rng=random.Random(), patience=patience)
    in_flight = InFlight(settings.in_flight_bytes)
    server = Server(
        live=live,
        pipeline=Pipeline(sessions=sessions, balance=Balance(random.Random()), forward=forward),
        meter=meter,
        metrics=metrics,
        heartbeat=heartbeat,
        in_flight=in_flight,
        max_body_bytes=settings.max_body_bytes,
        no_snapshot=IN_A_POD if settings.operator_url else ON_A_LAPTOP,
        local=local.table(),
        call_ids=call_ids(secrets.token_hex(5)),
    )
    metrics.registry.gauge_fn("ccproxy_in_flight_bytes", "Bodies and held answers.", lambda: in_flight.held_bytes)
    metrics.registry.gauge_fn("ccproxy_open_streams", "Event streams under way.", lambda: len(heartbeat.open))
    await stack.enter_async_context(background(heartbeat.run()))
    await stack.enter_async_context(background(patience.run()))
    return _Parts(server, heartbeat, ops)


def _live(settings: Settings, metrics: Metrics) -> Live:
    live = Live(
        custom_rules=settings.custom_rules,
        on_failure=lambda rule, reason: metrics.rule_failures.child(rule, reason).inc(),
        passing=passing_snapshot(settings.pod) if settings.no_config == LET_THROUGH else None,
    )
    metrics.registry.gauge_fn("ccproxy_retired", "1 when ccproxy is being uninstalled.", lambda: int(live.retired))
    return live


async def _configuration(
    settings: Settings, *, live: Live, metrics: Metrics, trust: Trust, stack: contextlib.AsyncExitStack
) -> ConfigStream | None:
    if settings.operator_url:
        return await from_operator(settings, live=live, metrics=metrics, trust=trust, stack=stack)
    await from_file(Configuration(live, metrics), settings.snapshot, stack)
    return None


def _local(settings: Settings, *, live: Live, metrics: Metrics, stream: ConfigStream | None) -> LocalPaths:
    """In a pod nobody reads `/usage` here: what a namespace has spent is not its pods' business."""
    return LocalPaths(
        live=live,
        metrics=metrics,
        ledger_url=settings.ledger_url if stream is None else "",
        ledger_token=_token(settings.ledger_token_file),
        metrics_token=_token(settings.metrics_token_file),
        stream=stream,
    )


async def _ops(settings: Settings, ops: Ops, stack: contextlib.AsyncExitStack) -> web.ServerRunner | None:
    """Ends after the data port: probes and scrapes are answered while it drains."""
    if not settings.ops_host:
        return None
    runner = web.ServerRunner(Listener(ops.handle), shutdown_timeout=0.5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


def call_ids(start: str) -> Callable[[], str]:
    """Names for calls, unique to this process start: `call_`, its random word, a counter."""
    numbers = itertools.count(1)
    prefix = f"call_{start}"
    return lambda: f"{prefix}{next(numbers):08x}"


async def _journal(
    settings: Settings, metrics: Metrics, *, shipping: _Shipping, stack: contextlib.AsyncExitStack
) -> Journal:
    src = src_id(int(time.time() * 1000), secrets.token_bytes(10))
    spool = Spool(settings.spool, src=src, cap_bytes=settings.spool_cap_bytes)
    stack.callback(spool.close)
    journal = Journal(spool, src=src)
    metrics.registry.gauge_fn("ccproxy_events_waiting", "Events the disk refused, in memory.", lambda: journal.waiting)
    await stack.enter_async_context(background(spool.sync_loop()))
    await stack.enter_async_context(background(_retry_writes(journal, metrics)))
    if settings.ledger_url:
        await stack.enter_async_context(shipping.of(spool))
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


class _Shipping(NamedTuple):
    """How the spool's events get to the ledger."""

    settings: Settings
    metrics: Metrics
    ending: Ending
    trust: Trust

    @contextlib.asynccontextmanager
    async def of(self, spool: Spool) -> AsyncIterator[None]:
        """Ship until the end of the block, then for as long as the ending allows."""
        settings, in_pod = self.settings, bool(self.settings.operator_url)
        async with aiohttp.ClientSession() as session:
            shipper = Shipper(
                spool,
                ledger_url=settings.ledger_url,
                token=self._pods_token if in_pod else _token(settings.ledger_token_file),
                session=session,
                registry=self.metrics.registry,
                random=random.random,
                clock_s=time.time,
                trust=self.trust.context if settings.ledger_url.startswith("https:") and in_pod else None,
            )
            async with background(shipper.run()):
                yield
                if not await shipper.drained(self.ending.hand_over_s(), older=in_pod) and in_pod:
                    _log.warning("events_left", bytes=spool.used_bytes)

    def _pods_token(self) -> str:
        return projected_token(self.settings.tokens / AUDIENCE_LEDGER)


def _token(path: Path | None) -> bytes | None:
    return read_token(path) if path is not None else None


def _settle_memory() -> None:
    """What is alive now stays: the collector need not look at it again (halves the tail latency, performance.md §4)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
