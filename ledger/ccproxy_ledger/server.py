"""The ledger's HTTP: events in, usage out, health and metrics. One handler a path, errors as JSON sentences.

Must not know how events are kept or summed. Next: `answers.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from ccproxy_contract.events import encode_ack
from ccproxy_contract.names import PATH_EVENTS, PATH_HEALTH, PATH_METRICS, PATH_READY, PATH_USAGE
from ccproxy_ledger import answers
from ccproxy_ledger.access import may_read, may_write
from ccproxy_ledger.answers import json, problem
from ccproxy_ledger.collector import MAX_BATCH_BYTES, Collector, Refusal
from ccproxy_ledger.committer import Committer
from ccproxy_ledger.keeper import Keeper
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.store import Store
from ccproxy_runtime.exposition import CONTENT_TYPE

PATH_AUDIT = "/ccproxy/v1/audit"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers requests from the parts it is given."""

    def __init__(
        self, *, collector: Collector, committer: Committer, keeper: Keeper, metrics: LedgerMetrics, token: bytes
    ) -> None:
        self._collector = collector
        self._committer = committer
        self._keeper = keeper
        self._metrics = metrics
        self._token = token

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=MAX_BATCH_BYTES)
        app.router.add_post(PATH_EVENTS, self.events)
        app.router.add_get(PATH_USAGE, self._reading(self.usage))
        app.router.add_get(PATH_AUDIT, self._reading(self.audit))
        app.router.add_get(PATH_METRICS, self._reading(self.metrics))
        app.router.add_get(PATH_HEALTH, self.health)
        app.router.add_get(PATH_READY, self.ready)
        return app

    def _reading(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not may_read(request, self._token):
                return problem(401, "ask from this machine, or send the ledger's token as Authorization: Bearer")
            return await handler(request)

        return guarded

    async def events(self, request: web.Request) -> web.Response:
        """`POST /v1/events`: a batch in, an acknowledgement out once it is on disk."""
        if not may_write(request, self._token):
            return problem(401, "POST /v1/events needs the ledger's token as Authorization: Bearer")
        try:
            answer = await self._collector.take(await request.read())
        except web.HTTPRequestEntityTooLarge:
            answer = Refusal(413, f"the batch is larger than {MAX_BATCH_BYTES} bytes: send fewer events at once")
        if isinstance(answer, Refusal):
            return self._refused(answer)
        self._metrics.batches_taken.inc()
        return web.Response(body=encode_ack(answer), content_type="application/json")

    def _refused(self, refusal: Refusal) -> web.Response:
        (self._metrics.batches_later if refusal.retry_after_s else self._metrics.batches_wrong).inc()
        return problem(refusal.status, refusal.reason, retry_after_s=refusal.retry_after_s)

    async def usage(self, request: web.Request) -> web.Response:
        """`GET /usage`: sums of a time, by groups."""
        return await answers.usage(request, self._keeper, self._complete_through)

    async def _complete_through(self, store: Store, now: datetime) -> datetime:  # noqa: ARG002 - a cluster's asks it
        waiting_ms = self._committer.waiting_since_ms
        return now if waiting_ms is None else datetime.fromtimestamp(waiting_ms / 1000, UTC)

    async def audit(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's signature
        """`GET /ccproxy/v1/audit`: every difference between the tables; none is the only right answer."""
        return await answers.audit(self._keeper)

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's signature
        """`GET /metrics`."""
        return web.Response(body=self._metrics.registry.render(), headers={"content-type": CONTENT_TYPE})

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's signature
        """`GET /healthz`: the process answers."""
        return json({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's signature
        """`GET /readyz`: the database is there; if not, why."""
        return await answers.database_ready(self._keeper)
