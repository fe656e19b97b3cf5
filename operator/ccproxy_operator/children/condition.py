"""CompressorReady: how a compressor's pods are, in words that name what stands in the way. Pure.

Messages change when the situation does, not with each retry of kubelet's. Must not reach the cluster.
Next: `keeper.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ccproxy_operator.status.conditions import Condition

TYPE: Final = "CompressorReady"
MAX_CHARS: Final = 400
_NO_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_BLOCKED: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})

Object = Mapping[str, Any]


def no_image(engine: str) -> Condition:
    """The platform brought no image for this engine."""
    message = f"No image is set for engine {engine}; it comes with the chart's value for the compressor's image."
    return Condition(TYPE, "False", "NoImage", message)


def not_written(reason: str) -> Condition:
    """The API server does not take the children; `reason` is its machine word."""
    return Condition(TYPE, "False", "NotWritten", f"The API server refused the compressor's objects: {reason}.")


def compressor_condition(deployment: Object | None, pods: Iterable[Object], *, replicas: int) -> Condition:
    """Ready with all or with some replicas; else Pending, and why.

    `deployment` as the API server has it, `pods` those that its selector selects, `replicas` as the ModelBackend says.
    """
    if replicas == 0:
        return Condition(TYPE, "False", "ScaledToZero", "spec.compressor.replicas is 0: nothing answers.")
    status: Object = (deployment or {}).get("status") or {}
    current = status.get("observedGeneration", 0) >= ((deployment or {}).get("metadata") or {}).get("generation", 1)
    ready = min(int(status.get("readyReplicas") or 0), replicas)
    updated = int(status.get("updatedReplicas") or 0) if current else 0
    if ready == replicas and updated >= replicas:
        return Condition(TYPE, "True", "Ready", f"{_replicas(ready, replicas)}.")
    why = _why(list(pods), status)
    said = f"{_replicas(ready, replicas)}: {why}"[:MAX_CHARS]
    return Condition(TYPE, "True" if ready else "False", "Ready" if ready else "Pending", said)


def _replicas(ready: int, replicas: int) -> str:
    return f"{ready} of {replicas} replica{'' if replicas == 1 else 's'} ready"


def _why(pods: Sequence[Object], status: Object) -> str:
    reasons = [why for pod in pods if (why := _pod_trouble(pod))]
    reasons += [why for condition in status.get("conditions") or [] if (why := _deployment_trouble(condition))]
    return min(reasons)[1] if reasons else "starting."


def _pod_trouble(pod: Object) -> tuple[int, str] | None:
    """(order of importance, sentence); None for a pod that is well, or only young."""
    status: Object = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return 1, f"no node takes the pod: {condition.get('message') or condition.get('reason', '')}"
    for container in status.get("containerStatuses") or []:
        waiting: Object = (container.get("state") or {}).get("waiting") or {}
        ended: Object = (container.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") in _NO_IMAGE:
            return 0, f"image {container.get('image')} cannot be pulled."
        if waiting.get("reason") == "CrashLoopBackOff":
            return 0, f"the container ended with exit code {ended.get('exitCode', 'unknown')}; see its log."
        if waiting.get("reason") in _BLOCKED:
            return 0, f"the container cannot be made ({waiting['reason']}): {waiting.get('message', '')}"
    return None


def _deployment_trouble(condition: Object) -> tuple[int, str] | None:
    if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
        return 2, f"pods cannot be made: {condition.get('message', '')}"
    return None
