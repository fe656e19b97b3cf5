"""The port of a pod's sidecar that others reach: probes and scrapes, nothing else.

`/healthz` says that the data port listens, which is all that the pod's start waits for: calls that come before the
first snapshot are held there. `/readyz` says that calls are served: a snapshot runs (or calls pass), and nobody has
told it to stop. Must not serve calls, states or keys. Next: `server.py`.
"""

from __future__ import annotations

from aiohttp import web

from ccproxy_contract.names import PATH_HEALTH, PATH_METRICS, PATH_READY
from ccproxy_sidecar.ending import Ending
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.local_paths import LocalPaths


class Ops:
    """Handles every request of the ops port."""

    def __init__(self, *, live: Live, local: LocalPaths, ending: Ending) -> None:
        self._live = live
        self._local = local
        self._ending = ending

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.path == PATH_HEALTH:
            return await self._local.health(request)
        if request.path == PATH_READY:
            return self._ready()
        if request.path == PATH_METRICS:
            return await self._local.metrics(request)
        return web.Response(status=404, text=f"only {PATH_HEALTH}, {PATH_READY} and {PATH_METRICS} are here\n")

    def _ready(self) -> web.Response:
        if self._ending.begun:
            return web.Response(status=503, text="stopping\n")
        if self._live.in_force is None:
            return web.Response(status=503, text="no snapshot yet: the operator has not answered\n")
        return web.Response(text="ok\n")
