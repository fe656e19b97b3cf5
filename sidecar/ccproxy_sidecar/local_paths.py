"""What a laptop's data port answers itself: health, metrics, state, `/usage` (handed through to the ledger), and the
small calls of agents that must never reach a provider.

Must not serve calls. Next: `live.py`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec
from aiohttp import web

from ccproxy_contract.names import PATH_HEALTH, PATH_METRICS, PATH_READY, PATH_STATE, PATH_USAGE
from ccproxy_runtime.config_stream import ConfigStream
from ccproxy_runtime.exposition import CONTENT_TYPE
from ccproxy_runtime.token import bearer_matches
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.rules.program import Program


class LocalPaths:
    """Answers ccproxy's own paths. `ledger_token` and `metrics_token` are secrets; `None` asks for none."""

    def __init__(
        self,
        *,
        live: Live,
        metrics: Metrics,
        ledger_url: str,
        ledger_token: bytes | None,
        metrics_token: bytes | None,
        stream: ConfigStream | None = None,
    ) -> None:
        """`stream`: where snapshots come from in a pod."""
        self._live = live
        self._metrics = metrics
        self._ledger_url = ledger_url
        self._ledger_token = ledger_token
        self._metrics_token = metrics_token
        self._stream = stream
        self._session: aiohttp.ClientSession | None = None

    async def health(self, _request: web.BaseRequest) -> web.Response:
        """The process runs."""
        return web.Response(text="ok\n")

    async def ready(self, _request: web.BaseRequest) -> web.Response:
        """It has a snapshot and serves."""
        if self._live.in_force is None:
            return web.Response(status=503, text=f"no snapshot yet {self._live.problem}\n")
        return web.Response(text="ok\n")

    async def metrics(self, request: web.BaseRequest) -> web.Response:
        """Prometheus text."""
        if self._metrics_token is not None and not bearer_matches(
            request.headers.get("authorization"), self._metrics_token
        ):
            return web.Response(status=401, text="this scrape needs the bearer token of CCPROXY_METRICS_TOKEN_FILE\n")
        return web.Response(body=self._metrics.registry.render(), headers={"content-type": CONTENT_TYPE})

    async def state(self, _request: web.BaseRequest) -> web.Response:
        """What runs now, for `ccproxy status`."""
        program = self._live.program
        state = {
            "snapshot": program.snapshot.hash if program is not None else "",
            "since_ms": self._live.since_ms,
            "problem": self._live.problem or _failing(program),
            "pid": os.getpid(),
            "rules": len(program.snapshot.rules) if program is not None else 0,
            "retired": self._live.retired,
        }
        if self._stream is not None:
            state["connected"] = self._stream.connected_since_s is not None
            state["age_s"] = round(self._stream.offers.age_s(), 1)
        return web.Response(body=msgspec.json.encode(state), content_type="application/json")

    async def usage(self, request: web.BaseRequest) -> web.Response:
        """The ledger's answer, passed through."""
        if not self._ledger_url:
            return _ledger_away("this sidecar has no ledger (CCPROXY_LEDGER_URL is not set)")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        headers = {"authorization": f"Bearer {self._ledger_token.decode()}"} if self._ledger_token else {}
        _, _, query = request.raw_path.partition("?")
        try:
            async with self._session.get(f"{self._ledger_url}{PATH_USAGE}?{query}", headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return _ledger_away("the ledger does not answer; calls go on and are kept in the spool")

    async def nothing(self, _request: web.BaseRequest) -> web.Response:
        """Accepted and thrown away: warm-ups and telemetry of agents (apis.md §1.1)."""
        return web.Response(status=204)

    def table(self) -> dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]]:
        """Path to handler."""
        return {
            PATH_HEALTH: self.health,
            PATH_READY: self.ready,
            PATH_METRICS: self.metrics,
            PATH_STATE: self.state,
            PATH_USAGE: self.usage,
            "/": self.nothing,
            "/api/hello": self.nothing,
            "/api/event_logging/batch": self.nothing,
        }

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def _failing(program: Program | None) -> str:
    names = ", ".join(program.switched_off) if program is not None else ""
    return f"class rules that failed three times in a row are not asked any more: {names}" if names else ""


def _ledger_away(why: str) -> web.Response:
    return web.Response(status=503, body=msgspec.json.encode({"error": why}), content_type="application/json")
