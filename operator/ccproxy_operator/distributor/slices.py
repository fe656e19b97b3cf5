"""The slice of every pod, encoded once for all pods that get the same one, until its namespace is compiled anew.

Pods that agree in workload, in the labels that any policy of the namespace selects by, and in features get the same
bytes. Holds secrets (a slice holds keys): never logged. Must not know connections. Next: `outbox.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from ccproxy_contract.snapshot import lean_bytes, snapshot_bytes
from ccproxy_contract.stream import MAX_FRAME_BYTES, Slice, word_bytes
from ccproxy_operator.distributor.pods import Pod
from ccproxy_policy.cluster.namespaces import CompiledNamespace
from ccproxy_policy.cluster.workloads import LeftOut, for_workload
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Counter

_log = logger("slices")
ROOM: Final = 64
"""Slices that a namespace keeps encoded at least; a pod may change its labels and say what features it likes."""
SETS: Final = 1_024
"""Sets of features that are remembered."""
_Key = tuple[str, tuple[str | None, ...], frozenset[str]]


class Encoded(NamedTuple):
    """One slice as the frame to send. `published_s`: when its namespace was published, on the caller's clock."""

    hash: str
    frame: bytes
    book: str
    """Name of its price book."""
    lean_frame: bytes
    """For a sidecar that runs a slice with the same book: nine tenths of a slice are prices."""
    left_out: tuple[LeftOut, ...]
    published_s: float

    def __repr__(self) -> str:
        return f"Encoded({self.hash})"


class _Namespace(NamedTuple):
    compiled: CompiledNamespace
    labels: tuple[str, ...]
    """Keys of the labels that matter here."""
    needs: frozenset[str]
    """Features that matter here."""
    kept: _Kept
    published_s: float


class _Kept:
    """Encoded slices of one namespace, two per pod at most. Then those go that nobody asked for again meanwhile."""

    def __init__(self, pods: Callable[[], int]) -> None:
        self._pods = pods
        self._by_key: dict[_Key, Encoded | None] = {}
        self._asked_again: set[_Key] = set()
        self._room = ROOM

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, key: _Key, make: Callable[[], Encoded | None]) -> Encoded | None:
        """What is kept under `key`, made when it is not there."""
        if key in self._by_key:
            self._asked_again.add(key)
        else:
            if len(self._by_key) >= self._room:
                self._make_room()
            self._by_key[key] = make()
        return self._by_key[key]

    def _make_room(self) -> None:
        self._room = max(ROOM, 2 * self._pods())
        if len(self._by_key) >= self._room:
            self._by_key = {key: self._by_key[key] for key in self._asked_again}
            self._asked_again = set()


class Slices:
    """All compiled namespaces. `too_large` counts slices that no frame holds.

    `clock_s` is a monotonic clock; `pods` answers how many injected pods a namespace has.
    """

    def __init__(self, clock_s: Callable[[], float], pods: Callable[[str], int]) -> None:
        self.too_large, self.made = Counter(), Counter()
        self.versions: Mapping[str, str] = {}
        self._clock_s, self._pods = clock_s, pods
        self._namespaces: dict[str, _Namespace] = {}
        self._features: dict[frozenset[str], frozenset[str]] = {}
        self._next_root = ""
        self._retired = False

    def publish(self, namespace: str, compiled: CompiledNamespace, versions: Mapping[str, str]) -> None:
        """From now on this is what `namespace` runs; `versions` are the newest resourceVersions seen, per kind."""
        self.versions = dict(versions)
        keys = {key for policy in compiled.policies for key in policy.selector}
        needs = frozenset().union(*(policy.needs for policy in compiled.policies))
        kept = self._nothing_kept(namespace)
        self._namespaces[namespace] = _Namespace(compiled, tuple(sorted(keys)), needs, kept, self._clock_s())

    def forget(self, namespace: str) -> None:
        """A namespace is deleted."""
        self._namespaces.pop(namespace, None)

    def next_root(self, pem: str) -> None:
        """Put the root certificate that signs next into every slice (empty: none)."""
        if pem != self._next_root:
            self._next_root = pem
            self._encode_anew()

    @property
    def retired(self) -> bool:
        """Was the last word said?"""
        return self._retired

    def retire(self) -> None:
        """From now on every slice is a last one."""
        self._retired = True
        self._encode_anew()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those that were published."""
        return tuple(self._namespaces)

    def of(self, pod: Pod, features: frozenset[str]) -> Encoded | None:
        """What `pod` shall run now; None while its namespace is not compiled, or when no frame holds the slice."""
        namespace = self._namespaces.get(pod.namespace)
        if namespace is None:
            return None
        known = self._same(features & namespace.needs)
        key = (pod.workload, tuple(map(pod.labels.get, namespace.labels)), known)
        return namespace.kept.of(key, lambda: self._encoded(namespace, pod, known))

    def _encoded(self, namespace: _Namespace, pod: Pod, features: frozenset[str]) -> Encoded | None:
        self.made.inc()
        cut = for_workload(
            namespace.compiled,
            workload=pod.workload,
            labels=pod.labels,
            features=features,
            resource_versions=self.versions,
            next_root=self._next_root,
            retired=self._retired,
        )
        frame = _frame(cut.snapshot.hash, snapshot_bytes(cut.snapshot))
        if len(frame) > MAX_FRAME_BYTES:
            self.too_large.inc()
            _log.error("slice_too_large", namespace=pod.namespace, workload=pod.workload, bytes=len(frame))
            return None
        return Encoded(
            hash=cut.snapshot.hash,
            frame=frame,
            book=cut.snapshot.book.version,
            lean_frame=_frame(cut.snapshot.hash, lean_bytes(cut.snapshot)),
            left_out=cut.left_out,
            published_s=namespace.published_s,
        )

    def _same(self, features: frozenset[str]) -> frozenset[str]:
        """The one object for equal sets, so that keys compare quickly."""
        if len(self._features) >= SETS:
            self._features.clear()
        return self._features.setdefault(features, features)

    def _encode_anew(self) -> None:
        now_s = self._clock_s()
        for name, namespace in self._namespaces.items():
            self._namespaces[name] = namespace._replace(kept=self._nothing_kept(name), published_s=now_s)

    def _nothing_kept(self, namespace: str) -> _Kept:
        return _Kept(lambda: self._pods(namespace))


def _frame(hash: str, content: bytes) -> bytes:
    return word_bytes(Slice(hash=hash, content=msgspec.Raw(content)))
