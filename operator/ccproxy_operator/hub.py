"""Hands on what was heard and what was compiled: world → compiling → streams and status. Holds nothing itself.

Must not decide anything. Next: `distributor/identity.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ccproxy_contract.accounts import Accounts
from ccproxy_operator.compiling import Compiling
from ccproxy_operator.liveness import Liveness
from ccproxy_operator.metrics import OperatorMetrics
from ccproxy_operator.objects import Known, World
from ccproxy_operator.status.conditions import Condition
from ccproxy_operator.status.judgement import Judgement
from ccproxy_operator.versions import Named
from ccproxy_operator.watched_kinds import STATUS_KINDS
from ccproxy_policy.cluster.namespaces import CompiledNamespace
from ccproxy_policy.cluster.objects import Key
from ccproxy_policy.cluster.tenancy import Tenancy


class Streams(Protocol):
    """Where slices and accounts go."""

    def publish(self, namespace: str, compiled: CompiledNamespace, resource_versions: Mapping[str, str]) -> None: ...
    def namespace_gone(self, namespace: str) -> None: ...
    def accounts(self, accounts: Accounts) -> None: ...
    def pod_seen(self, obj: Mapping[str, object]) -> None: ...
    def pod_gone(self, uid: str) -> None: ...


class Hub:
    """`look` asks the status writer to look at objects again."""

    def __init__(self, metrics: OperatorMetrics, liveness: Liveness) -> None:
        self.world = World(self)
        self.compiling = Compiling(self.world, metrics, self)
        self.judgement = Judgement(self.world.known, old=self.compiling.is_old, clock_s=time.monotonic)
        self.metrics = metrics
        self._liveness = liveness
        self._streams: Streams | None = None
        self._look: Callable[[Iterable[Key]], None] | None = None
        self._accounts_hash = ""

    def join(self, *, streams: Streams, look: Callable[[Iterable[Key]], None]) -> None:
        """Name those who take what is compiled; before the first event."""
        self._streams, self._look = streams, look

    def event(self, kind: str, deleted: bool, obj: dict[str, Any]) -> None:
        """A watch shows an object, or the last of a deleted one."""
        self.metrics.events.child(kind).inc()
        if deleted:
            if self.world.remove(kind, obj["metadata"]) and kind == "Pod":
                self._pod_gone(str(obj["metadata"]["uid"]))
        elif not self.world.put(kind, obj):
            self.metrics.stale_events.child(kind).inc()
        elif kind == "Pod" and self._streams is not None:
            self._streams.pod_seen(obj)
        self._counted(kind)

    def listed(self, kind: str, versions: dict[Named, int], version: int) -> None:
        """A watch began with this list."""
        self.metrics.lists.child(kind).inc()
        gone: list[Known] = self.world.listed(kind, versions, version)
        if kind == "Pod":
            for pod in gone:
                self._pod_gone(pod.uid)
        self._counted(kind)

    def reached(self, kind: str, version: int) -> None:
        """A watch has shown everything up to `version`."""
        self.world.reached(kind, version)

    def alive(self, kind: str) -> None:
        """A watch is alive."""
        self._liveness.alive(kind)

    def changed(self, key: Key) -> None:
        """What is compiled may depend on this."""
        self.compiling.changed(key)

    def restated(self, key: Key) -> None:
        """Somebody wrote a status: ours, or one that is not as it should be."""
        self._looked((key,))

    def namespace_compiled(self, compiled: CompiledNamespace, versions: Mapping[str, str]) -> None:
        """New slices for the sidecars of one namespace, new findings about its objects."""
        self.judgement.compiled(compiled)
        if self._streams is not None:
            self._streams.publish(compiled.namespace, compiled, versions)
        self.look_at(compiled.namespace)

    def namespace_gone(self, namespace: str) -> None:
        """Its pods are gone with it."""
        self.judgement.gone(namespace)
        if self._streams is not None:
            self._streams.namespace_gone(namespace)

    def round_done(self, tenancy: Tenancy, accounts: Accounts) -> None:
        """All that had changed is compiled."""
        self.judgement.tenancy(tenancy)
        if self._streams is not None and accounts.hash != self._accounts_hash:
            self._accounts_hash = accounts.hash
            self._streams.accounts(accounts)
        self._looked(self.world.keys("Tenant"))

    def report(self, key: Key, condition: Condition | None) -> None:
        """A part of the leader has something to say of an object."""
        self.judgement.report(key, condition)
        self._looked((key,))

    def look_at(self, *namespaces: str) -> None:
        """Status of all objects of these namespaces."""
        for namespace in namespaces:
            self._looked(self.world.own_keys(namespace))

    def look_at_all(self) -> None:
        """Status of every object."""
        for kind in STATUS_KINDS:
            self._looked(self.world.keys(kind))

    def _pod_gone(self, uid: str) -> None:
        if self._streams is not None:
            self._streams.pod_gone(uid)

    def _looked(self, keys: Iterable[Key]) -> None:
        if self._look is not None:
            self._look(keys)

    def _counted(self, kind: str) -> None:
        self.metrics.objects.child(kind).set(self.world.count(kind))
        self.compiling.wake()
