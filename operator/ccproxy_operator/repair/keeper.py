"""The leader's duty: look for pods that lack their sidecar, evict what can be repaired, tell the rest.

Evicts only while the webhook is in place and an injector is ready, else a replacement would be refused or come up
without a sidecar again. Must not decide (`decision.py`). Next: `../retiring/__main__.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from ccproxy_contract.names import ANNOTATION_INJECT, LABEL_INJECTED
from ccproxy_operator.api import ApiRefused
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.events import About, Reason, Recorder, Telling
from ccproxy_operator.looking import keep_looking
from ccproxy_operator.repair.decision import (
    RESTART,
    Lacking,
    asks,
    controller_of,
    is_healed,
    lacking,
    next_step,
    room,
    template_of,
)
from ccproxy_operator.webhook.configuration import NAME
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry

LOOK_S: Final = 20.0
PER_MINUTE: Final = 10
_RUNNING: Final = "status.phase!=Succeeded,status.phase!=Failed"
_log = logger("repair")


class Repair:
    """Repairs the whole cluster. `per_minute` 0: evicts nobody, tells only. `clock` answers Unix seconds."""

    def __init__(
        self,
        cluster: Cluster,
        recorder: Recorder,
        *,
        namespace: str,
        registry: Registry,
        per_minute: int = PER_MINUTE,
        retired: Callable[[], bool] = bool,
        clock: Callable[[], float] = time.time,
        look_s: float = LOOK_S,
    ) -> None:
        self._cluster, self._recorder, self._namespace = cluster, recorder, namespace
        self._per_minute, self._retired, self._clock, self._look_s = per_minute, retired, clock, look_s
        self._wanting = registry.gauge("ccproxy_pods_without_sidecar", "Pods that ask for a sidecar and have none.")
        self._done = registry.counter("ccproxy_repairs_total", "Pods by what repair did.", ("result",))
        self._failed = registry.counter("ccproxy_repair_failed_looks_total", "Looks that the API server refused.")
        self._tried_s: dict[str, float] = {}
        self._evicted_s: list[float] = []
        self._told: set[str] = set()
        self._owners: dict[str, About] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await keep_looking(self._beat, each_s=self._look_s, failed=self._failed.child(), what="repair")

    async def look(self) -> None:
        """Do what can be done now. Raises: `ApiFailed`."""
        asking = await self._asking()
        found = [metadata["uid"] for metadata in asking]
        self._told &= set(found)
        pods = [pod for metadata in asking if (pod := await self._lacking(metadata)) is not None]
        self._wanting.child().set(len(pods) + len(self._told))
        repairable = []
        for pod in pods:
            if hindrance := pod.hindrance or ("" if self._per_minute else f"RepairOff: {RESTART}"):
                await self._give_up(pod, "RepairNotPossible", hindrance)
            else:
                repairable.append(pod)
        if repairable and await self._injector_ready():
            await self._repair(repairable)

    async def _beat(self) -> None:
        if not self._retired():
            await self.look()

    async def _asking(self) -> list[dict[str, Any]]:
        """Metadata of running pods that ask for a sidecar and were not marked as injected."""
        namespaces = await self._cluster.list("Namespace", labels=f"{ANNOTATION_INJECT}=true", metadata_only=True)
        asking = {namespace["metadata"]["name"] for namespace in namespaces}
        pods = await self._cluster.list("Pod", labels=f"{LABEL_INJECTED}!=true", fields=_RUNNING, metadata_only=True)
        every = (pod["metadata"] for pod in pods)
        return [one for one in every if asks(one, asking=asking, system_namespace=self._namespace)]

    async def _lacking(self, metadata: dict[str, Any]) -> Lacking | None:
        if metadata["uid"] in self._told:
            return None
        pod = await self._cluster.get("Pod", metadata["name"], metadata["namespace"])
        if pod is None or pod["metadata"]["uid"] != metadata["uid"]:
            return None
        return lacking(pod, system_namespace=self._namespace)

    async def _repair(self, pods: list[Lacking]) -> None:
        for pod in sorted(pods, key=lambda pod: (pod.created_s, pod.uid)):
            try:
                await self._repair_one(pod)
            except ApiRefused as refused:  # one pod that cannot be evicted (two budgets: 500) must not stop the others
                self._done.child("refused").inc()
                _log.warning("pod_not_repaired", namespace=pod.namespace, pod=pod.name, reason=refused.reason)

    async def _repair_one(self, pod: Lacking) -> None:
        about = await self._about(pod)
        tried_s = await self._first_try_s(pod, about)
        healed = tried_s is not None and await self._is_healed(pod)
        step = next_step(pod, tried_s=tried_s, healed=healed, now_s=self._clock())
        if step == "failed":
            words = "its template was tried once and the replacement has no sidecar, or is not ready; see its Events"
            await self._give_up(pod, "RepairFailed", words)
        elif step == "evict" and room(self._evicted_s, self._clock(), self._per_minute):
            await self._evict(pod, about)

    async def _evict(self, pod: Lacking, about: About) -> None:
        status = await self._cluster.evict(pod.name, pod.namespace, uid=pod.uid)
        self._done.child({201: "evicted", 429: "budget"}.get(status, "gone")).inc()
        if status != 201:
            return
        now_s = self._clock()
        self._evicted_s = [at for at in self._evicted_s if now_s - at < 60] + [now_s]
        self._tried_s.setdefault(pod.template, now_s)
        _log.info("pod_evicted", namespace=pod.namespace, pod=pod.name)
        await self._recorder.tell(_evicted(pod, about))

    async def _give_up(self, pod: Lacking, reason: Reason, why: str) -> None:
        self._told.add(pod.uid)
        self._done.child("told").inc()
        about = await self._about(pod)
        message = f"Pod {pod.name} asks for a sidecar and runs without one. {why}."
        await self._recorder.tell(Telling(about, reason, message, warning=True, key=pod.template))

    async def _first_try_s(self, pod: Lacking, about: About) -> float | None:
        """When the first pod of the template was evicted, also by a leader before this one."""
        if pod.template not in self._tried_s:
            told_s = await self._recorder.first_told_s(_evicted(pod, about))
            if told_s is None:
                return None
            self._tried_s[pod.template] = told_s
        return self._tried_s[pod.template]

    async def _is_healed(self, pod: Lacking) -> bool:
        injected = await self._cluster.list("Pod", pod.namespace, labels=f"{LABEL_INJECTED}=true")
        return any(template_of(one["metadata"]) == pod.template and is_healed(one) for one in injected)

    async def _injector_ready(self) -> bool:
        """A webhook is in place and at least one injector answers."""
        if await self._cluster.get("MutatingWebhookConfiguration", NAME) is None:
            return False
        slices = await self._cluster.list("EndpointSlice", self._namespace, labels=f"kubernetes.io/service-name={NAME}")
        endpoints = [endpoint for one in slices for endpoint in one.get("endpoints") or []]
        return any((endpoint.get("conditions") or {}).get("ready") for endpoint in endpoints)

    async def _about(self, pod: Lacking) -> About:
        """The top owner, as people know it: the Deployment, not its ReplicaSet; the pod itself when it has none."""
        owner = pod.owner
        if owner is None:
            return About("v1", "Pod", pod.namespace, pod.name, pod.uid)
        if owner["uid"] not in self._owners:
            self._owners[owner["uid"]] = await self._top(_about(owner, pod.namespace))
        return self._owners[owner["uid"]]

    async def _top(self, owner: About) -> About:
        if owner.kind not in ("ReplicaSet", "Job"):
            return owner
        references = await self._cluster.owner_references(owner.kind, owner.name, owner.namespace)
        above = controller_of({"ownerReferences": references})
        return _about(above, owner.namespace) if above else owner


def _about(reference: Any, namespace: str) -> About:
    return About(reference["apiVersion"], reference["kind"], namespace, reference["name"], reference["uid"])


def _evicted(pod: Lacking, about: About) -> Telling:
    message = f"Pod {pod.name} asked for a sidecar and came up without one; evicted, so that its replacement gets one."
    return Telling(about, "RepairEvicted", message, key=pod.template)
