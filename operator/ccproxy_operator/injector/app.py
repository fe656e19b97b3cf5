"""Builds every part of the injector and wires it. Must not hold behaviour of its own. Next: `listener.py`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from ccproxy_operator.injector.event_writer import EventWriter
from ccproxy_operator.injector.listener import Listener
from ccproxy_operator.injector.metrics import Metrics
from ccproxy_operator.injector.review import Note, Reviewer
from ccproxy_operator.injector.server import Server
from ccproxy_operator.injector.settings import Settings
from ccproxy_runtime.background import background
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.tls import RELOAD_S, follow_certificate, server_context

DRAIN_S = 5.0
_log = logger("injector")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop`. Raises `OSError` (port taken, file missing), `ssl.SSLError`, `ValueError` (no certificate)."""
    context = server_context(settings.tls)
    root = read_root(settings.root_file)
    metrics = Metrics(Registry())
    async with contextlib.AsyncExitStack() as stack:
        note = await _notes(settings, metrics, stack)
        server = Server(Reviewer(settings, root), metrics=metrics, note=note, clock=time.perf_counter)
        ops = await _runner(Listener(server.ops), stack)
        await web.TCPSite(ops, settings.host, settings.ops_port).start()
        await stack.enter_async_context(background(follow_certificate(context, settings.tls)))
        await stack.enter_async_context(background(_follow_root(settings, root, server, metrics=metrics)))
        reviews = await _runner(Listener(server.review), stack)
        await web.TCPSite(reviews, settings.host, settings.port, ssl_context=context, backlog=1024).start()
        _log.info("serving", port=settings.port, ops_port=settings.ops_port, events=bool(settings.api_server))
        _settle_memory()
        await stop.wait()
        server.stopping = True
        _log.info("stopping", linger_s=settings.linger_s)
        await asyncio.sleep(settings.linger_s)


def read_root(path: Path) -> str:
    """The root certificates as PEM text. Raises `OSError`, `ValueError` when there is none in the file."""
    text = path.read_text()
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError(f"{path} holds no certificate")
    return text


async def _follow_root(settings: Settings, root: str, server: Server, *, metrics: Metrics) -> None:
    while True:
        await asyncio.sleep(RELOAD_S)
        try:
            found = read_root(settings.root_file)
        except (OSError, ValueError) as error:  # half of a renewal: the old one stays, the next look tries again
            _log.warning("root_not_taken", reason=type(error).__name__)
            continue
        if found != root:
            root = found
            server.reviewer = Reviewer(settings, root)
            metrics.roots.inc()
            _log.info("root_taken")


async def _notes(settings: Settings, metrics: Metrics, stack: contextlib.AsyncExitStack) -> Callable[[Note], None]:
    if not settings.api_server:
        return _nobody
    writer = EventWriter(
        api_server=settings.api_server,
        token_file=settings.api_token_file,
        ca_file=settings.api_ca_file,
        metrics=metrics,
        clock=time.time,
        instance=socket.gethostname(),
    )
    await stack.enter_async_context(background(writer.run()))
    return writer.take


async def _runner(listener: Listener, stack: contextlib.AsyncExitStack) -> web.ServerRunner:
    runner = web.ServerRunner(listener, shutdown_timeout=DRAIN_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


def _nobody(note: Note) -> None:
    """Outside of a cluster nobody reads Events."""


def _settle_memory() -> None:
    """What is alive now stays: the collector need not look at it again, which halves the tail latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
