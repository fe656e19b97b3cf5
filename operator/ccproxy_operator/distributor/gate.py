"""Who may do what here: a request's token to an identity, an identity to a permission, and the refusals.

Must not speak WebSocket. Next: `server.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from ccproxy_operator.distributor.identity import Identity
from ccproxy_operator.distributor.pods import Pod, Pods
from ccproxy_operator.distributor.reviews import Reviews
from ccproxy_operator.marks import OPERATOR
from ccproxy_runtime.metrics import Counter, Family

POD_APPEARS_S: Final = 5.0
"""How long a stream waits for the Pod watch to show its pod."""
PEER_FRESH_S: Final = 30.0
"""Other replicas ask each second; their token is reviewed this often."""
RETRY_S: Final = 2
LEDGERS: Final = frozenset({"ccproxy-ledger"})
UNINSTALLER: Final = "ccproxy-uninstall"
"""ServiceAccounts of the system namespace."""


class Refused(web.HTTPException):
    """An answer in place of a stream."""

    def __init__(self, status: int, text: str) -> None:
        self.status_code = status
        headers = {"retry-after": str(RETRY_S)} if status == 503 else {}
        super().__init__(text=text, headers=headers)


class Gate:
    """`namespace` is the system namespace; `ready` says whether this replica knows the cluster yet."""

    def __init__(
        self,
        *,
        reviews: Reviews,
        pods: Pods,
        namespace: str,
        ready: Callable[[], bool],
        refused: Family[Counter],
    ) -> None:
        self._reviews = reviews
        self._pods = pods
        self._namespace = namespace
        self._ready = ready
        self._refused = refused

    async def sidecar(self, request: web.Request) -> Pod:
        """The injected pod that asks for its slice. Raises: `Refused`."""
        identity = await self._identity(request)
        if not identity.pod_uid:
            raise self._refusal(403, "this token is not bound to a pod")
        pod = await self._pods.of(identity, wait_s=POD_APPEARS_S)
        if pod is None and self._pods.has_gone(identity.pod_uid):
            raise self._refusal(410, "the pod of this token is gone")
        if pod is None and not self._ready():
            raise self._refusal(503, "this replica does not know all pods yet")
        if pod is None:
            raise self._refusal(403, "the pod of this token is not known here, or has no sidecar")
        return pod

    async def ledger(self, request: web.Request) -> Identity:
        """A ledger's pod that asks for accounts. Raises: `Refused`."""
        identity = await self._identity(request)
        if not self._is(identity, LEDGERS) or not identity.pod_uid:
            raise self._refusal(403, "accounts are for the ledger alone")
        return identity

    async def still_good(self, token: str) -> bool:
        """Whether a token is still good; also while nobody can tell."""
        return await self._reviews.verdict(token) != "bad"

    async def peer(self, request: web.Request) -> None:
        """Another replica. Raises: `Refused`."""
        identity = await self._identity(request, fresh_s=PEER_FRESH_S)
        if not self._is(identity, frozenset({OPERATOR})):
            raise self._refusal(403, "this is for the operator's replicas alone")

    async def uninstaller(self, request: web.Request) -> bool:
        """The hook before an uninstall (True) or another replica that passes its word on (False). Raises: `Refused`."""
        identity = await self._identity(request)
        if not self._is(identity, frozenset({OPERATOR, UNINSTALLER})):
            raise self._refusal(403, "this is for the uninstall hook alone")
        return identity.service_account == UNINSTALLER

    async def _identity(self, request: web.Request, *, fresh_s: float = 0.0) -> Identity:
        verdict = await self._reviews.verdict(bearer(request), fresh_s=fresh_s)
        if verdict == "bad":
            raise self._refusal(401, "a token of audience ccproxy-config is needed")
        if verdict == "later":
            raise self._refusal(503, "tokens cannot be reviewed now")
        return verdict

    def _is(self, identity: Identity, accounts: frozenset[str]) -> bool:
        return identity.namespace == self._namespace and identity.service_account in accounts

    def _refusal(self, status: int, text: str) -> Refused:
        self._refused.child(str(status)).inc()
        return Refused(status, text)


def bearer(request: web.Request) -> str:
    """The token of a request; empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
