"""The injected pods that the Pod watch knows: who may have a stream, and which workload each belongs to.

A pod that comes with its stream before the watch has shown it is waited for. Must not ask the API server (`owners.py`
does). Next: `owners.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ccproxy_operator.distributor.identity import Identity

GONE_REMEMBERED: Final = 10_000
"""Pods that have gone lately: their streams are refused at once, without waiting for them to appear."""
_OVER: Final = ("Succeeded", "Failed")


class Pod(NamedTuple):
    """One injected pod. `workload` is its top owner as `Kind/name`."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    workload: str


class Owner(NamedTuple):
    """The controller of a pod."""

    kind: str
    name: str


def uid_of(obj: Mapping[str, object]) -> str:
    """The uid of a Kubernetes object."""
    return str(_mapping(obj.get("metadata")).get("uid", ""))


def is_over(obj: Mapping[str, object]) -> bool:
    """Whether all containers of a pod have ended for good: no sidecar runs in it any more."""
    return _mapping(obj.get("status")).get("phase") in _OVER


def pod_of(obj: Mapping[str, object], *, workload: str) -> Pod:
    """A Kubernetes Pod as the distributor needs it."""
    metadata = _mapping(obj.get("metadata"))
    labels = {str(key): str(value) for key, value in _mapping(metadata.get("labels")).items()}
    return Pod(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata.get("name", "")),
        uid=str(metadata.get("uid", "")),
        labels=labels,
        workload=workload,
    )


def owner_of(obj: Mapping[str, object]) -> Owner:
    """The controller of a pod, a ReplicaSet of a Deployment already as the Deployment; without one the pod itself."""
    metadata = _mapping(obj.get("metadata"))
    references = metadata.get("ownerReferences")
    for reference in references if isinstance(references, list) else ():
        if reference.get("controller") is True:
            return _top(Owner(str(reference["kind"]), str(reference["name"])), _mapping(metadata.get("labels")))
    return Owner("Pod", str(metadata.get("name", "")))


def _top(owner: Owner, labels: Mapping[str, object]) -> Owner:
    """A Deployment names its ReplicaSets `NAME-HASH` and labels their pods with the hash."""
    ending = f"-{labels.get('pod-template-hash', '')}"
    if owner.kind == "ReplicaSet" and ending != "-" and owner.name.endswith(ending):
        return Owner("Deployment", owner.name.removesuffix(ending))
    return owner


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


class Pods:
    """All injected pods by uid, and those who wait for one."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Pod] = {}
        self._gone: dict[str, None] = {}
        self._waiting: dict[str, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._by_uid)

    def __iter__(self) -> Iterator[Pod]:
        return iter(self._by_uid.values())

    def count(self, namespace: str) -> int:
        """How many of them are in one namespace."""
        return sum(1 for pod in self._by_uid.values() if pod.namespace == namespace)

    def get(self, uid: str) -> Pod | None:
        """The pod with this uid, while it is there."""
        return self._by_uid.get(uid)

    def seen(self, pod: Pod) -> Pod | None:
        """The watch shows `pod`, new or changed; the answer is what was known of it before."""
        before = self._by_uid.get(pod.uid)
        self._by_uid[pod.uid] = pod
        self._gone.pop(pod.uid, None)
        waiting = self._waiting.pop(pod.uid, None)
        if waiting is not None:
            waiting.set()
        return before

    def gone(self, uid: str) -> Pod | None:
        """The watch says that a pod is gone; the answer is what was known of it."""
        self._gone[uid] = None
        if len(self._gone) > GONE_REMEMBERED:
            del self._gone[next(iter(self._gone))]
        waiting = self._waiting.pop(uid, None)
        if waiting is not None:
            waiting.set()
        return self._by_uid.pop(uid, None)

    def has_gone(self, uid: str) -> bool:
        """Whether the pod with this uid went away lately."""
        return uid in self._gone

    async def of(self, identity: Identity, *, wait_s: float) -> Pod | None:
        """The pod that a token is bound to, waited for up to `wait_s`; None when there is none or it is another."""
        uid = identity.pod_uid
        if uid not in self._by_uid and uid not in self._gone:
            await self._wait(uid, wait_s)
        pod = self._by_uid.get(uid)
        fits = pod is not None and (pod.namespace, pod.name) == (identity.namespace, identity.pod)
        return pod if fits else None

    async def _wait(self, uid: str, wait_s: float) -> None:
        arrived = self._waiting.setdefault(uid, asyncio.Event())
        try:
            async with asyncio.timeout(wait_s):
                await arrived.wait()
        except TimeoutError:
            if self._waiting.get(uid) is arrived:
                del self._waiting[uid]
