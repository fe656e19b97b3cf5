"""Builds every part of the compressor and wires it; the only place that knows all of them.

Must not hold behaviour of its own. Next: `server.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time

from aiohttp import web

from ccproxy_compressor.metrics import Metrics
from ccproxy_compressor.server import Server
from ccproxy_compressor.settings import Settings
from ccproxy_compressor.tokens import TOKENIZER, count
from ccproxy_compressor.work import Work
from ccproxy_contract.names import AUDIENCE_COMPRESSOR
from ccproxy_runtime.background import background
from ccproxy_runtime.issuer_keys import ApiServer, IssuerKeys
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.service_tokens import TokenVerifier
from ccproxy_runtime.serving import app_runner
from ccproxy_runtime.tls import follow_certificate, server_context

DRAIN_S = 10.0
_log = logger("compressor")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run a compressor until `stop`. Raises: `OSError` when a port is taken or the certificate is missing."""
    context = server_context(settings.tls)
    account = settings.service_account
    api = ApiServer(url=settings.api_server, ca_file=account / "ca.crt", token_file=account / "token")
    keys = IssuerKeys(api, kept=settings.issuer_file, clock_s=time.monotonic)
    async with contextlib.AsyncExitStack() as stack:
        server = _server(settings, keys, stack)
        await stack.enter_async_context(background(keys.follow()))
        await stack.enter_async_context(background(follow_certificate(context, settings.tls)))
        await _listen(server.ops(), settings.host, settings.ops_port, stack=stack)
        await _listen(server.application(), settings.host, settings.port, stack=stack, tls=context)
        server.ready = True
        _log.info("serving", host=settings.host, port=settings.port)
        await stop.wait()
        server.ready = False
        _log.info("stopping")


def _server(settings: Settings, keys: IssuerKeys, stack: contextlib.AsyncExitStack) -> Server:
    metrics = Metrics(Registry())
    work = Work(threads=settings.threads, places=settings.queue, max_bytes=settings.queue_bytes)
    stack.callback(work.close)
    metrics.registry.gauge_fn("ccproxy_compress_held", "Requests under way or waiting.", lambda: work.held)
    return Server(
        verifier=TokenVerifier(keys, audience=AUDIENCE_COMPRESSOR, clock_s=time.time),
        work=work,
        metrics=metrics,
        tokenizer=TOKENIZER,
        count=count,
        max_body_bytes=settings.max_body_bytes,
    )


async def _listen(
    application: web.Application,
    host: str,
    port: int,
    *,
    stack: contextlib.AsyncExitStack,
    tls: ssl.SSLContext | None = None,
) -> None:
    runner = app_runner(application, drain_s=DRAIN_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port, ssl_context=tls, reuse_address=True).start()
