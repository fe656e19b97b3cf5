"""What the distributor asks the API server: whose a token is, who owns a Job, which replicas there are.

Must not keep answers. Next: `metrics.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ccproxy_operator.api import Api, is_name, path_of
from ccproxy_operator.distributor.peers import Replica

_REVIEWS: Final = path_of("authentication.k8s.io/v1", "tokenreviews")
COMPONENT: Final = "app.kubernetes.io/component=operator"


class Questions:
    """Each method raises `ApiFailed` when there is no answer. `namespace` is the system namespace, `own` this pod."""

    def __init__(self, api: Api, *, namespace: str, own: str) -> None:
        self._api = api
        self._namespace = namespace
        self._own = own

    async def review_token(self, token: str, audience: str) -> Mapping[str, object]:
        """The `status` of a TokenReview."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        }
        answer = await self._api.call("POST", _REVIEWS, body=body)
        status = answer.get("status")
        return status if isinstance(status, dict) else {}

    async def job(self, namespace: str, name: str) -> Mapping[str, object] | None:
        """The metadata of a Job; None when there is none."""
        if not is_name(name):
            return None
        return await self._api.get(path_of("batch/v1", "jobs", namespace, name=name), metadata_only=True)

    async def replicas(self) -> tuple[Replica, ...]:
        """The other running pods of the operator."""
        pods, _ = await self._api.list(path_of("v1", "pods", self._namespace), labels=COMPONENT)
        return tuple(found for pod in pods if (found := _replica(pod)) is not None and found.name != self._own)


def _replica(pod: Mapping[str, Any]) -> Replica | None:
    """None for a pod that has no address, has ended or is on its way out."""
    metadata, status = pod.get("metadata") or {}, pod.get("status") or {}
    if status.get("phase") != "Running" or not status.get("podIP") or metadata.get("deletionTimestamp"):
        return None
    return Replica(str(metadata["name"]), str(status["podIP"]))
