"""Builds every part of the operator and wires it; the only place that knows all of them.

Every replica watches, compiles and serves; the Lease holder alone has duties. Must not hold behaviour of its own.
Next: `marks.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path

from ccproxy_contract.names import AUDIENCE_CONFIG
from ccproxy_operator.api import Api, access_from
from ccproxy_operator.certificates.served import OwnLeaf
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.distributor.distributor import Distributor
from ccproxy_operator.duties import StatusDuty, cluster_duties
from ccproxy_operator.handlers import Watches
from ccproxy_operator.hub import Hub
from ccproxy_operator.leadership import Duty, Leadership
from ccproxy_operator.liveness import LIMIT_S, Liveness
from ccproxy_operator.metrics import OperatorMetrics
from ccproxy_operator.ops_server import ops_server
from ccproxy_operator.settings import Settings
from ccproxy_operator.status.writer import StatusWriter
from ccproxy_operator.watched_kinds import KINDS
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.projected_token import projected_token
from ccproxy_runtime.tls import client_context, follow_certificate, server_context

ROOTS_S = 1.0
MAX_SERIES = 500
_log = logger("operator")


async def serve(settings: Settings, stop: asyncio.Event) -> bool:
    """Run a replica until `stop`; False when a part broke and the process should be started anew.

    Raises: `OSError` when a port is taken, `ValueError` when there is no way to the API server.
    """
    api = Api(await access_from(settings.kubeconfig))
    try:
        with tempfile.TemporaryDirectory(prefix="ccproxy-operator-") as folder:
            return await Replica(settings, api, Path(folder)).run(stop)
    finally:
        await api.close()


class Replica:
    """One replica's parts."""

    def __init__(self, settings: Settings, api: Api, folder: Path) -> None:
        self._settings, self._api = settings, api
        self._metrics = OperatorMetrics(Registry(MAX_SERIES))
        registry = self._metrics.registry
        self._liveness = Liveness(KINDS, time.monotonic)
        self._hub = Hub(self._metrics, self._liveness)
        self._leaf = OwnLeaf(Cluster(api), namespace=settings.namespace, folder=folder)
        self._distributor = self._streams(registry)
        self._writer = StatusWriter(
            api,
            wanted=self._hub.judgement.verdict,
            known=self._hub.world.known,
            remaining_s=self._remaining_s,
            metrics=self._metrics,
        )
        self._hub.join(streams=self._distributor, look=self._writer.look)
        self._watches = Watches(api.access, self._hub)
        self._leadership = self._leader()
        self._metrics.watch(leading=lambda: self._leadership.leading, watch_restarts=lambda: self._watches.restarts)

    async def run(self, stop: asyncio.Event) -> bool:
        """Until `stop`; False when a part broke."""
        host, port = self._settings.host, self._settings.ops_port
        probes = ops_server(
            host, port, unhealthy=self._unhealthy, unready=self._unready, metrics=self._metrics.registry.render
        )
        async with probes as ops_port, contextlib.AsyncExitStack() as stack:
            tasks = [asyncio.create_task(part) for part in self._parts()]
            stack.push_async_callback(_cancelled, tasks)
            leading = asyncio.create_task(self._leadership.run())
            serving = asyncio.create_task(self._listen(stop))
            _log.info("started", identity=self._settings.identity, ops_port=ops_port)
            done, _ = await asyncio.wait([leading, serving, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {serving}:
                if not task.cancelled() and (broken := task.exception()) is not None:
                    _log.error("part_broke", error=type(broken).__name__)
            _log.info("stopping")
            await _cancelled([leading])  # first: another replica leads at once
            stop.set()
            await asyncio.gather(serving, return_exceptions=True)
            return done == {serving} and serving.exception() is None

    def _parts(self) -> list[Coroutine[object, object, None]]:
        return [
            self._watches.run(),
            self._hub.compiling.run(),
            self._liveness.ask(self._api),
            self._leaf.run(),
            self._distributor.run(),
            self._roots(),
        ]

    async def _listen(self, stop: asyncio.Event) -> None:
        """Serve the streams as soon as there is a certificate, until `stop`."""
        ready = asyncio.create_task(self._leaf.ready())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([ready, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            return
        folder = await ready
        context = server_context(folder)
        following = asyncio.create_task(follow_certificate(context, folder))
        async with self._distributor.listening(self._settings.host, self._settings.port, context) as port:
            _log.info("serving", port=port)
            await stopping
        await _cancelled([following])

    async def _roots(self) -> None:
        """Sidecars trust what signs now and what signs next."""
        known = ""
        while True:
            if self._leaf.roots != known:
                known = self._leaf.roots
                self._distributor.next_root(known)
            await asyncio.sleep(ROOTS_S)

    def _streams(self, registry: Registry) -> Distributor:
        settings = self._settings
        return Distributor(
            api=self._api,
            namespace=settings.namespace,
            own_pod=settings.identity,
            replica=f"{settings.identity}.{secrets.token_hex(4)}",
            ready=self._hub.compiling.ready.is_set,
            own_token=lambda: projected_token(settings.tokens / AUDIENCE_CONFIG),
            trust=self._trust,
            registry=registry,
        )

    def _trust(self) -> ssl.SSLContext:
        return client_context(self._leaf.roots)

    def _leader(self) -> Leadership:
        settings = self._settings
        cluster = Cluster(self._api, remaining_s=self._remaining_s)
        duties: tuple[Duty, ...] = (
            StatusDuty(self._hub, self._writer, distributor=self._distributor, metrics=self._metrics),
            *cluster_duties(settings, cluster, hub=self._hub, distributor=self._distributor),
        )
        return Leadership(self._api, namespace=settings.namespace, identity=settings.identity, duties=duties)

    def _remaining_s(self) -> float:
        return self._leadership.remaining_s()

    def _unhealthy(self) -> str:
        dead = self._liveness.dead()
        if dead:
            return f"no sign of life from the watch of {', '.join(dead)}"
        waiting_s = self._hub.compiling.waiting_s()
        return f"not compiled for {waiting_s:.0f} s" if waiting_s > LIMIT_S else ""

    def _unready(self) -> str:
        if not self._hub.compiling.ready.is_set():
            missing = self._hub.world.missing()
            return "waiting for " + (", ".join(missing) or "the first compilation")
        return "" if self._leaf.roots else "waiting for a certificate"


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
