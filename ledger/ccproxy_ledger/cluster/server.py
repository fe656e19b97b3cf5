"""The HTTP of a ledger on a cluster: events from pods and figures for readers behind TLS, health and metrics plain.

Must not know how events are kept or summed. Next: `heartbeat.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from ccproxy_contract.events import encode_ack
from ccproxy_contract.names import PATH_EVENTS, PATH_HEALTH, PATH_METRICS, PATH_READY, PATH_USAGE
from ccproxy_ledger import answers
from ccproxy_ledger.answers import problem
from ccproxy_ledger.cluster.accounts import ClusterAccounts
from ccproxy_ledger.cluster.gate import Gate
from ccproxy_ledger.collector import MAX_BATCH_BYTES, Collector, Refusal
from ccproxy_ledger.keeper import Keeper
from ccproxy_ledger.metrics import LedgerMetrics
from ccproxy_ledger.received import Sender
from ccproxy_ledger.server import PATH_AUDIT
from ccproxy_ledger.store_collectors import complete_through
from ccproxy_runtime.exposition import CONTENT_TYPE
from ccproxy_runtime.service_tokens import ServiceToken

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Desk:
    """Takes events: `POST /v1/events`."""

    def __init__(self, gate: Gate, collector: Collector, accounts: ClusterAccounts, *, metrics: LedgerMetrics) -> None:
        self._gate = gate
        self._collector = collector
        self._accounts = accounts
        self._metrics = metrics

    async def events(self, request: web.Request) -> web.Response:
        """A batch in, an acknowledgement out once it is on disk. Tenant and namespace are the token's."""
        caller = await self._gate.sender(request)
        if isinstance(caller, web.Response):
            return caller
        answer = await self._taken(request, caller)
        if isinstance(answer, Refusal):
            (self._metrics.batches_later if answer.retry_after_s else self._metrics.batches_wrong).inc()
            return problem(answer.status, answer.reason, retry_after_s=answer.retry_after_s)
        self._metrics.batches_taken.inc()
        return web.Response(body=answer, content_type="application/json")

    async def _taken(self, request: web.Request, caller: ServiceToken) -> bytes | Refusal:
        tenant = self._accounts.tenant(caller.namespace)
        if tenant is None:
            return Refusal(503, "the accounts are not known yet: no word from the operator or the database", 1)
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return Refusal(413, f"the batch is larger than {MAX_BATCH_BYTES} bytes: send fewer events at once")
        answer = await self._collector.take(raw, Sender(tenant, caller.namespace, caller.pod))
        return answer if isinstance(answer, Refusal) else encode_ack(answer)

    @property
    def problem(self) -> str:
        """What keeps events from being taken; empty when nothing does. A database that is away does not."""
        return "" if self._accounts.known is not None else "the accounts are not known yet"


class Reading:
    """Answers readers: `/usage` and the audit."""

    def __init__(self, gate: Gate, keeper: Keeper) -> None:
        self._gate = gate
        self._keeper = keeper

    async def usage(self, request: web.Request) -> web.Response:
        """`GET /usage`: sums of a time, by groups, over all namespaces."""
        refused = await self._refused(request)
        return refused or await answers.usage(request, self._keeper, complete_through)

    async def audit(self, request: web.Request) -> web.Response:
        """`GET /ccproxy/v1/audit`: every difference between the tables."""
        return await self._refused(request) or await answers.audit(self._keeper)

    async def _refused(self, request: web.Request) -> web.Response | None:
        caller = await self._gate.reader(request)
        return caller if isinstance(caller, web.Response) else None


def guarded_application(desk: Desk | None, reading: Reading | None) -> web.Application:
    """What stands behind TLS."""
    app = web.Application(client_max_size=MAX_BATCH_BYTES)
    if desk is not None:
        app.router.add_post(PATH_EVENTS, desk.events)
    if reading is not None:
        app.router.add_get(PATH_USAGE, reading.usage)
        app.router.add_get(PATH_AUDIT, reading.audit)
    return app


def ops_application(metrics: LedgerMetrics, ready: Handler) -> web.Application:
    """What kubelet and Prometheus ask, without a token and without TLS: no figures of anybody's usage."""

    async def healthy(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's signature
        return answers.json({"status": "ok"})

    async def shown(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler's signature
        return web.Response(body=metrics.registry.render(), headers={"content-type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get(PATH_HEALTH, healthy)
    app.router.add_get(PATH_READY, ready)
    app.router.add_get(PATH_METRICS, shown)
    return app
