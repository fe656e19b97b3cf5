"""The leader's duty: roots and leaves stand in their Secrets, whole and in time. Looks every five seconds.

A Secret that is deleted, broken or altered by hand is right again within one look; kubelet then brings it to the pods
within a minute, and the servers take it without a restart. With cert-manager nobody runs this.
Must not decide what is due (`plan.py`) and must not log what is in a Secret. Next: `served.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ccproxy_operator.api import ApiRefused
from ccproxy_operator.certificates.authority import new_leaf, new_root
from ccproxy_operator.certificates.plan import Roots, leaf_due, settled_roots
from ccproxy_operator.certificates.stored import (
    ROOT_SECRET,
    SERVERS,
    leaf_in,
    leaf_manifest,
    names_of,
    root_manifest,
    roots_in,
    secret_name,
    texts,
)
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.looking import keep_looking
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry

LOOK_S = 5.0
_log = logger("certificates")


def utc_now() -> datetime:
    """The clock that certificates are made by."""
    return datetime.now(UTC)


class Certificates:
    """Keeps the Secrets of `namespace`. One runs at a time: the Lease holder's."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        registry: Registry,
        clock: Callable[[], datetime] = utc_now,
        look_s: float = LOOK_S,
    ) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._clock, self._look_s = clock, look_s
        self._left = registry.gauge(
            "ccproxy_certificate_left_seconds", "Seconds until the certificate ends.", ("name",)
        )
        self._issued = registry.counter("ccproxy_certificates_issued_total", "Leaves issued.", ("name", "reason"))
        self._failed = registry.counter("ccproxy_certificates_failed_looks_total", "Looks that the API server refused.")

    async def run(self) -> None:
        """Until cancelled."""
        await keep_looking(self.look, each_s=self._look_s, failed=self._failed.child(), what="certificates")

    async def look(self) -> None:
        """Do all that is due now. Raises: `ApiFailed`; the next look goes on where this one stopped."""
        now = self._clock()
        leaves = {server: await self._secret(secret_name(server)) for server in SERVERS}
        recovered = "".join({texts(secret).get("ca.crt", ""): None for secret in leaves.values()})
        roots = await self._roots(now, recovered)
        if roots is None:
            return
        self._left.child(ROOT_SECRET).set(int((roots.present.ends - now).total_seconds()))
        for server, secret in leaves.items():
            await self._leaf(server, secret, roots=roots, now=now)

    async def _roots(self, now: datetime, recovered: str) -> Roots | None:
        """The roots that stand in the cluster now; None when another writer was faster (the next look sees it)."""
        secret = await self._secret(ROOT_SECRET)
        found = roots_in(secret)
        roots = settled_roots(found, now, make=new_root, recovered=recovered)
        if roots is found:
            return roots
        _log.info(
            "roots_change", had_any=found is not None, present_changes=not found or found.present != roots.present
        )
        return roots if await self._store_roots(roots, secret) else None

    async def _store_roots(self, roots: Roots, secret: dict[str, Any] | None) -> bool:
        if secret is None:
            return await self._cluster.create(root_manifest(roots, self._namespace))
        seen_version = secret["metadata"]["resourceVersion"]
        try:
            await self._apply(root_manifest(roots, self._namespace, resource_version=seen_version))
        except ApiRefused as refused:
            if refused.status != 409:
                raise
            return False
        return True

    async def _leaf(self, server: str, secret: dict[str, Any] | None, *, roots: Roots, now: datetime) -> None:
        leaf, names = leaf_in(secret), names_of(server, self._namespace)
        due = leaf_due(leaf, names, roots=roots, now=now)
        if due or leaf is None:
            leaf = new_leaf(roots.present, names, now)
            self._issued.child(server, due).inc()
            _log.info("leaf_issued", server=server, reason=due, ends=leaf.ends.isoformat())
        self._left.child(server).set(int((leaf.ends - now).total_seconds()))
        if due or texts(secret).get("ca.crt") != roots.trusted:
            await self._apply(leaf_manifest(server, leaf, trusted=roots.trusted, namespace=self._namespace))

    async def _apply(self, manifest: dict[str, Any]) -> None:
        """Apply; a Secret of another type cannot be changed, only replaced."""
        try:
            await self._cluster.apply(manifest)
        except ApiRefused as refused:
            if refused.status != 422:
                raise
            _log.warning("secret_replaced", name=manifest["metadata"]["name"])
            await self._cluster.delete("Secret", manifest["metadata"]["name"], self._namespace)
            manifest["metadata"].pop("resourceVersion", None)
            await self._cluster.create(manifest)

    async def _secret(self, name: str) -> dict[str, Any] | None:
        return await self._cluster.get("Secret", name, self._namespace)
