"""Who may do what: a pod's token for the ledger may send its own events, the system namespace's may read.

Tokens of other audiences are 401 here, whoever they belong to. Must not log a token. Next: `server.py`.
"""

from __future__ import annotations

from aiohttp import web

from ccproxy_contract.names import AUDIENCE_LEDGER
from ccproxy_ledger.answers import problem
from ccproxy_ledger.metrics import CallerMetrics
from ccproxy_runtime.service_tokens import ServiceToken, TokenVerifier, Unverified


class Gate:
    """Judges requests; what it refuses it also answers."""

    def __init__(self, verifier: TokenVerifier, *, namespace: str, metrics: CallerMetrics) -> None:
        """`namespace` is the one that ccproxy is installed in."""
        self._verifier = verifier
        self._namespace = namespace
        self._metrics = metrics

    async def sender(self, request: web.Request) -> ServiceToken | web.Response:
        """The pod that sends events."""
        caller = await self._caller(request)
        if isinstance(caller, ServiceToken) and not caller.pod:
            return self._refused(403, "events come from pods: this token is bound to none", "no_pod")
        return caller

    async def reader(self, request: web.Request) -> ServiceToken | web.Response:
        """A ServiceAccount that may see everybody's figures."""
        caller = await self._caller(request)
        if isinstance(caller, ServiceToken) and caller.namespace != self._namespace:
            return self._refused(403, f"only ServiceAccounts of namespace {self._namespace} may read", "namespace")
        return caller

    async def _caller(self, request: web.Request) -> ServiceToken | web.Response:
        caller = await self._verifier.verify(request.headers.get("authorization"))
        if not isinstance(caller, Unverified):
            return caller
        if caller.reason == "no_keys":
            return self._refused(503, "the API server's keys are not known yet, so no token can be verified", "no_keys")
        sentence = f"send a ServiceAccount token of audience {AUDIENCE_LEDGER} as Authorization: Bearer"
        return self._refused(401, f"{sentence} ({caller.reason})", caller.reason)

    def _refused(self, status: int, sentence: str, reason: str) -> web.Response:
        self._metrics.refused.child(reason).inc()
        return problem(status, sentence, retry_after_s=1 if status == 503 else 0)
