"""Short ways to write the objects of a cluster in tests."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ccproxy_contract.features import FEATURES
from ccproxy_contract.snapshot import Snapshot
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import Key, cluster_document
from ccproxy_policy.cluster.workloads import WorkloadSlice, for_workload
from ccproxy_policy.documents import Document

Object = dict[str, Any]
SECRET_VALUE = "sk-secret-1"
DENY: Object = {"deny": {"message": "no"}}


def thing(kind: str, name: str, spec: object, *, namespace: str = "a", created: str = "2026-11-21T09:00:00Z") -> Object:
    """An object as the API server hands it out."""
    metadata: Object = {"name": name, "namespace": namespace, "creationTimestamp": created, "resourceVersion": "7"}
    if not namespace:
        del metadata["namespace"]
    return {"apiVersion": "ccproxy.ai/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def policy(name: str, spec: object, *, namespace: str = "a", created: str = "2026-11-21T09:00:00Z") -> Object:
    return thing("RoutingPolicy", name, spec, namespace=namespace, created=created)


def backend(name: str, spec: Object | None = None, *, namespace: str = "a") -> Object:
    """Anthropic on the client's own key, with `spec` over it."""
    whole = {"provider": "Anthropic", "credentials": {"passThrough": True}} | (spec or {})
    return thing("ModelBackend", name, whole, namespace=namespace)


def keyed(name: str, spec: Object | None = None, *, namespace: str = "a") -> Object:
    """A backend with the key of Secret `keys`."""
    return backend(
        name, {"credentials": {"secretRef": {"name": "keys", "key": "api-key"}}} | (spec or {}), namespace=namespace
    )


def secret(
    *,
    namespace: str = "a",
    label: str = "true",
    hosts: str = "",
    value: str = SECRET_VALUE,
    data: Mapping[str, str] | None = None,
) -> Object:
    made = thing("Secret", "keys", None, namespace=namespace)
    del made["spec"]
    made["apiVersion"], made["type"] = "v1", "Opaque"
    made["data"] = {"api-key": base64.b64encode(value.encode()).decode()} if data is None else dict(data)
    made["metadata"]["labels"] = {"ccproxy.ai/credentials": label, "app": "x"} if label else {}
    made["metadata"]["annotations"] = {"ccproxy.ai/hosts": hosts} if hosts else {}
    return made


def route(*names: str) -> Object:
    return {"route": {"targets": [{"backend": name} for name in names]}}


def rule(name: str, then: Object, match: Object | None = None) -> Object:
    return {"name": name, "match": match or {}, "then": then}


def documents(*objects: Object) -> dict[Key, Document]:
    found = [cluster_document(one) for one in objects]
    return {(d.value["kind"], d.value["metadata"].get("namespace", ""), d.value["metadata"]["name"]): d for d in found}  # type: ignore[index]


def compiled_from(
    known: Mapping[Key, Document], *, namespace: str = "a", labels: Mapping[str, str] | None = None
) -> CompiledNamespace:
    """`namespace` of a cluster that holds these documents; `labels` are the namespace's own."""
    own = [d for (kind, of, _), d in known.items() if of == namespace and kind != "Secret"]
    return compile_namespace(
        namespace, own, find=lambda *key: known.get(key), tenant="t", namespace_labels=lambda _: labels
    )


def compiled(*objects: Object, namespace: str = "a", labels: Mapping[str, str] | None = None) -> CompiledNamespace:
    return compiled_from(documents(*objects), namespace=namespace, labels=labels)


def cut(
    found: CompiledNamespace,
    *,
    labels: Mapping[str, str] | None = None,
    features: frozenset[str] = FEATURES,
    versions: Mapping[str, str] | None = None,
) -> WorkloadSlice:
    return for_workload(
        found, workload="Deployment/w", labels=labels or {}, features=features, resource_versions=versions or {}
    )


def slice_of(found: CompiledNamespace, **labels: str) -> Snapshot:
    return cut(found, labels=labels).snapshot


def told(found: CompiledNamespace) -> list[tuple[str, str, str]]:
    """File, reason and message of each problem."""
    return [(problem.file, problem.reason, problem.message) for problem in found.problems]
