"""Objects by kind instead of by path, and writes only while this replica leads.

Must not decide what to write, must not retry. Next: `looking.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from ccproxy_contract.names import API_VERSION
from ccproxy_operator.api import TIMEOUT_S, Api, ApiAway, ApiRefused, Object, is_name, path_of

KINDS: Final = {
    "Namespace": ("v1", "namespaces"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "Pod": ("v1", "pods"),
    "Event": ("v1", "events"),
    "Deployment": ("apps/v1", "deployments"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices"),
    "MutatingWebhookConfiguration": ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"),
    "ModelBackend": (API_VERSION, "modelbackends"),
}
"""Kind → (API version, plural) of what the leader reads and writes."""


def _always() -> float:
    return math.inf


class Cluster:
    """The API server, seen from one part of the operator. `remaining_s`: for how long a write may still take."""

    def __init__(self, api: Api, *, remaining_s: Callable[[], float] = _always) -> None:
        self._api = api
        self._remaining_s = remaining_s

    async def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """The object, or None when there is none. Raises: `ApiFailed`."""
        return await self._api.get(_path(kind, namespace, name))

    async def owner_references(self, kind: str, name: str, namespace: str) -> list[Object]:
        """Who owns the object; nothing when it is gone, or nothing can be called so. Raises: `ApiFailed`."""
        if not is_name(name):
            return []
        found = await self._api.get(_path(kind, namespace, name), metadata_only=True)
        return list((found or {}).get("metadata", {}).get("ownerReferences") or [])

    async def list(
        self, kind: str, namespace: str = "", *, labels: str = "", fields: str = "", metadata_only: bool = False
    ) -> list[Object]:
        """All objects of a kind; without `namespace` of the whole cluster. Raises: `ApiFailed`."""
        path = _path(kind, namespace)
        found, _ = await self._api.list(path, labels=labels, fields=fields, metadata_only=metadata_only)
        return found

    async def apply(self, manifest: Mapping[str, Any]) -> Object:
        """Server-side apply, taking fields from others. Raises: `ApiFailed`."""
        return await self._api.apply(_path_of(manifest), manifest, timeout_s=self._write_s())

    async def create(self, manifest: Mapping[str, Any]) -> bool:
        """False when one of its name is there. Raises: `ApiFailed`."""
        path = _path(manifest["kind"], manifest["metadata"].get("namespace", ""))
        return await self._api.create(path, manifest, timeout_s=self._write_s()) is not None

    async def replace(self, manifest: Mapping[str, Any]) -> bool:
        """Put it in the place of what is there; False when that has changed meanwhile. Raises: `ApiFailed`."""
        return await self._api.replace(_path_of(manifest), manifest, timeout_s=self._write_s()) is not None

    async def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """False when there was nothing to delete. Raises: `ApiFailed`."""
        return await self._api.delete(_path(kind, namespace, name), timeout_s=self._write_s())

    async def evict(self, name: str, namespace: str, *, uid: str) -> int:
        """Ask for the pod's eviction; the HTTP status: 201 granted, 404 or 409 gone, 429 a budget is in the way.

        Raises: `ApiFailed` for anything else.
        """
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        try:
            path = _path("Pod", namespace, name) + "/eviction"
            await self._api.call("POST", path, body=body, timeout_s=self._write_s())
        except ApiRefused as refused:
            if refused.status in (404, 409, 429):
                return refused.status
            raise
        return 201

    def _write_s(self) -> float:
        """Seconds that a write may take. Raises: `ApiAway` when this replica no longer leads."""
        left_s = self._remaining_s()
        if left_s <= 0:
            raise ApiAway("no longer leading")
        return min(TIMEOUT_S, left_s)


def _path_of(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    return _path(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def _path(kind: str, namespace: str = "", name: str = "") -> str:
    api_version, plural = KINDS[kind]
    return path_of(api_version, plural, namespace, name=name)
