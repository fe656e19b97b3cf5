"""Which pods lack a sidecar that they asked for, and what can be done about each; pure.

Must not reach the cluster. Next: `keeper.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from ccproxy_contract.names import ANNOTATION_INJECT, CONTAINER
from ccproxy_operator.injector.decide import ALWAYS_EXCLUDED, kept_out
from ccproxy_operator.injector.pods import Pod

REPAIRABLE: Final = ("ReplicaSet", "StatefulSet", "DaemonSet")
"""Owners that make a pod again, the same but new."""
TEMPLATE_LABELS: Final = ("pod-template-hash", "controller-revision-hash")
PATIENCE_S: Final = 120.0
"""How long the first replacement of a template may take to be ready, before its other pods are given up."""
RESTART: Final = "restart it to get one: kubectl rollout restart"

Object = Mapping[str, Any]
Step = Literal["evict", "wait", "failed"]


@dataclass(frozen=True)
class Lacking:
    """A pod without the sidecar that it asked for. `owner`: its controller's reference, None when it has none."""

    namespace: str
    name: str
    uid: str
    created_s: float
    owner: Object | None
    hindrance: str
    """Why it cannot be repaired; empty: it can."""
    template: str
    """The owner and the version of its pod template."""


def asks(metadata: Object, *, asking: Collection[str], system_namespace: str) -> bool:
    """The webhook's own condition, for a pod that is there already. `asking`: namespaces whose label says yes."""
    namespace = metadata["namespace"]
    said = (metadata.get("annotations") or {}).get(ANNOTATION_INJECT)
    if namespace in (*ALWAYS_EXCLUDED, system_namespace) or metadata.get("deletionTimestamp"):
        return False
    return said == "true" or (namespace in asking and said != "false")


def lacking(pod: Object, *, system_namespace: str) -> Lacking | None:
    """What is known of a pod that asks; None when it has a sidecar, has ended, or is to stay without."""
    if _ended(pod) or _has_sidecar(pod):
        return None
    metadata = pod["metadata"]
    reason = kept_out(msgspec.convert(pod, Pod), metadata["namespace"], system_namespace)
    owner = controller_of(metadata)
    return Lacking(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        created_s=datetime.fromisoformat(metadata["creationTimestamp"]).timestamp(),
        owner=owner,
        hindrance=f"{reason.reason}: {reason.message}" if reason else _hindrance(metadata, owner),
        template=template_of(metadata),
    )


def controller_of(metadata: Object) -> Object | None:
    """The reference to what made the pod and makes it again."""
    return next((one for one in metadata.get("ownerReferences") or [] if one.get("controller")), None)


def template_of(metadata: Object) -> str:
    """The pod's owner and the version of its template: pods of the same are alike."""
    labels, owner = metadata.get("labels") or {}, controller_of(metadata)
    version = next((labels[name] for name in TEMPLATE_LABELS if name in labels), "")
    return f"{owner['uid']}/{version}" if owner else str(metadata["uid"])


def is_healed(pod: Object) -> bool:
    """Whether a pod has its sidecar and is ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return _has_sidecar(pod) and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def next_step(pod: Lacking, *, tried_s: float | None, healed: bool, now_s: float) -> Step:
    """What to do with a pod that can be repaired.

    `tried_s`: when the first pod of its template was evicted, None: not yet; `healed`: a pod of its template has a
    sidecar and is ready.
    """
    if tried_s is None:
        return "evict"
    if pod.created_s >= int(tried_s):  # pods know whole seconds; nobody evicts in the second a template is made
        return "failed"
    if healed:
        return "evict"
    return "wait" if now_s - tried_s < PATIENCE_S else "failed"


def room(evicted_s: list[float], now_s: float, per_minute: int) -> int:
    """How many more may be evicted now, after those at `evicted_s`."""
    return max(0, per_minute - sum(1 for at in evicted_s if now_s - at < 60))


def _hindrance(metadata: Object, owner: Object | None) -> str:
    if owner is None:
        return "NoOwner: nobody would make the pod again; delete and create it"
    if owner["kind"] not in REPAIRABLE:
        return f"OwnerNotRepairable: a pod of a {owner['kind']} is not replaced while it runs"
    if (metadata.get("annotations") or {}).get(ANNOTATION_INJECT) != "true":
        return f"AskedByNamespace: it may be older than its namespace's label; {RESTART}"
    return ""


def _ended(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed") or bool(pod["metadata"].get("deletionTimestamp"))


def _has_sidecar(pod: Object) -> bool:
    """By its container: another webhook may have dropped it and left the annotation."""
    return any(container["name"] == CONTAINER for container in pod["spec"].get("initContainers") or [])
