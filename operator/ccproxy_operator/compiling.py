"""Compiles what became old: the namespaces whose own objects, or whose looked-up ones, have changed.

Waits 50 ms for more of the same change, 500 ms at most, and before its first round until the world is complete, so
that no sidecar ever gets half of it. A namespace that cannot be compiled (a bug) keeps its last good result and is
counted. Must not know who listens. Next: `hub.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from ccproxy_contract.accounts import Accounts
from ccproxy_operator.metrics import OperatorMetrics
from ccproxy_operator.objects import World
from ccproxy_operator.watched_kinds import OWN_KINDS
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import Key
from ccproxy_policy.cluster.tenancy import MAX_NAMES_SHOWN, Tenancy, cluster_accounts, left_out, tenants_of
from ccproxy_runtime.logs import logger

IDLE_S = 0.05
LONGEST_S = 0.5
SLICE_S = 0.02
"""Longest time to compile without letting streams have the loop."""
_log = logger("compiling")


class Listener(Protocol):
    """Who takes what was compiled. Calls are quick and do not fail."""

    def namespace_compiled(self, compiled: CompiledNamespace, versions: Mapping[str, str]) -> None:
        """A namespace was compiled (again)."""
        ...

    def namespace_gone(self, namespace: str) -> None:
        """A namespace is deleted."""
        ...

    def round_done(self, tenancy: Tenancy, accounts: Accounts) -> None:
        """Everything that had changed is compiled."""
        ...


class Compiling:
    """Keeps what was compiled, by namespace, and `tenancy`."""

    def __init__(self, world: World, metrics: OperatorMetrics, *listeners: Listener) -> None:
        self.compiled: dict[str, CompiledNamespace] = {}
        self.tenancy = Tenancy({}, ())
        self.ready = asyncio.Event()
        """Set when the first round is done: from then on this replica can serve."""
        self._world = world
        self._metrics = metrics
        self._listeners = listeners
        self._dirty: set[str] = set()
        self._tenancy_dirty = True
        self._used_by: dict[Key, set[str]] = {}
        self._wake = asyncio.Event()
        self._dirty_since_s: float | None = None

    def changed(self, key: Key) -> None:
        """An object came, went or changed."""
        kind, namespace, name = key
        if kind in OWN_KINDS:
            self._dirty.add(namespace)
        elif kind == "Namespace":
            self._dirty.add(name)
        self._dirty |= self._used_by.get(key, set())
        if kind in ("Namespace", "Tenant"):
            self._tenancy_dirty = True
        self.wake()

    def wake(self) -> None:
        """Look whether there is something to do."""
        if self._dirty_since_s is None and (self._dirty or self._tenancy_dirty):
            self._dirty_since_s = _now_s()
        self._wake.set()

    def waiting_s(self) -> float:
        """Seconds since when something waits to be compiled; 0: nothing does."""
        if self._dirty_since_s is None or not self._world.complete:
            return 0.0
        return _now_s() - self._dirty_since_s

    def is_old(self, namespace: str) -> bool:
        """Does `namespace` wait to be compiled again? Empty: do the tenants?"""
        return self._tenancy_dirty or namespace in self._dirty

    async def run(self) -> None:
        """Until cancelled: compile after each burst of changes."""
        while True:
            await self._wake.wait()
            await self._settled()
            if self._world.complete and (self._dirty or self._tenancy_dirty or not self.ready.is_set()):
                await self._round()

    async def _settled(self) -> None:
        """Returns when no change came for a moment, or after the longest wait."""
        deadline_s = _now_s() + LONGEST_S
        while (left_s := deadline_s - _now_s()) > 0:
            self._wake.clear()
            try:
                async with asyncio.timeout(min(IDLE_S, left_s)):
                    await self._wake.wait()
            except TimeoutError:
                return
        self._wake.clear()

    async def _round(self) -> None:
        started_s = _now_s()
        if self._tenancy_dirty:
            self._tenants()
        dirty, self._dirty = self._dirty, set()
        turn_s = _now_s()
        for namespace in sorted(dirty):
            self._namespace(namespace)
            if _now_s() - turn_s > SLICE_S:
                await asyncio.sleep(0)
                turn_s = _now_s()
        accounts = self._accounts()
        for listener in self._listeners:
            listener.round_done(self.tenancy, accounts)
        self._dirty_since_s = started_s if self._dirty or self._tenancy_dirty else None
        self._metrics.compile_seconds.child().observe(_now_s() - started_s)
        self.ready.set()

    def _accounts(self) -> Accounts:
        accounts = cluster_accounts(self.tenancy, self._world.documents("Tenant"), self.compiled.values())
        if missing := left_out(accounts, self.compiled.values()):
            _log.error("prices_left_out", namespaces=len(missing), among_them=", ".join(missing[:MAX_NAMES_SHOWN]))
        return accounts

    def _tenants(self) -> None:
        self._tenancy_dirty = False
        before, self.tenancy = (
            self.tenancy,
            tenants_of(self._world.namespaces(), self._world.documents("Tenant")),
        )
        names = self.tenancy.by_namespace.keys() | before.by_namespace.keys()
        self._dirty |= {name for name in names if self.tenancy.tenant_of(name) != before.tenant_of(name)}

    def _namespace(self, namespace: str) -> None:
        own = self._world.own(namespace)
        if not own and self._world.namespace_labels(namespace) is None:
            self._gone(namespace)
            return
        try:
            compiled = compile_namespace(
                namespace,
                own,
                find=self._world.find,
                tenant=self.tenancy.tenant_of(namespace),
                namespace_labels=self._world.namespace_labels,
            )
        except Exception as error:
            self._metrics.compile_failures.child().inc()
            _log.error("not_compiled", namespace=namespace, error=type(error).__name__)
            return
        self._uses(namespace, compiled.uses)
        self.compiled[namespace] = compiled
        versions = self._world.resource_versions()
        for listener in self._listeners:
            listener.namespace_compiled(compiled, versions)

    def _gone(self, namespace: str) -> None:
        self._uses(namespace, frozenset())
        if self.compiled.pop(namespace, None) is not None:
            for listener in self._listeners:
                listener.namespace_gone(namespace)

    def _uses(self, namespace: str, uses: frozenset[Key]) -> None:
        before = self.compiled[namespace].uses if namespace in self.compiled else frozenset()
        for key in before - uses:
            self._used_by[key].discard(namespace)
            if not self._used_by[key]:
                del self._used_by[key]
        for key in uses - before:
            self._used_by.setdefault(key, set()).add(namespace)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
