"""The three objects of one compressor; pure, every run gives the same.

A GPU engine gets the node affinity, the limit and the toleration of GPU nodes; replacing its pods takes no GPU beyond
those it has. One pod may be gone at a time, also when there is one only: a drain must never hang.
Must not reach the cluster. Next: `condition.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ccproxy_contract.names import COMPRESSOR_PORT, GROUP, OPS_PORT, PATH_HEALTH, PATH_READY
from ccproxy_operator.marks import MADE
from ccproxy_policy.kinds.compressor import A10, Compressor

LABEL_BACKEND: Final = f"{GROUP}/backend"
"""On every child: a short hash of its ModelBackend's namespace and name (a label holds no long name)."""
ANNOTATION_BACKEND: Final = f"{GROUP}/backend"
"""On every child: `namespace/name` of its ModelBackend, for people."""
PRODUCT_LABEL: Final = "nvidia.com/gpu.product"
GPU: Final = "nvidia.com/gpu"
TLS_FOLDER: Final = "/etc/ccproxy/tls"
TLS_SECRET: Final = "ccproxy-compressor-tls"
"""One leaf for all compressors; clients verify the name `ccproxy-compressor.<system namespace>.svc`."""
START_WITHIN_S: Final = {"Cpu": 60, "QRHead": 1200}
"""A model of several GB may have to be fetched and loaded first."""
_PRIVATE: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_RESOURCES: Final[dict[str, Any]] = {
    "Cpu": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    "QRHead": {"requests": {"cpu": "1", "memory": "8Gi"}, "limits": {"memory": "16Gi"}},
}


@dataclass(frozen=True)
class Site:
    """What the platform decides: where children live, of which image they are, as whom they run."""

    namespace: str
    images: Mapping[str, str]
    """Engine to image; an engine without one cannot be run here."""
    pull_policy: str = "IfNotPresent"
    service_account: str = "ccproxy-compressor"


@dataclass(frozen=True)
class Wish:
    """One ModelBackend that wants a compressor."""

    namespace: str
    name: str
    compressor: Compressor

    @property
    def id(self) -> str:
        """Short hash of whose it is."""
        return hashlib.sha256(f"{self.namespace}/{self.name}".encode()).hexdigest()[:16]

    @property
    def child_name(self) -> str:
        """Name of all three children: readable, unique, at most 63 characters, good for a Service."""
        words = re.sub(r"[^a-z0-9]+", "-", f"{self.namespace}-{self.name}").strip("-")[:34].strip("-")
        return f"ccproxy-c-{words}-{self.id}"


def children(wish: Wish, site: Site) -> list[dict[str, Any]]:
    """Deployment, Service and PodDisruptionBudget. Raises `KeyError` for an engine without an image."""
    labels = _selector(wish)
    return [
        _child("apps/v1", "Deployment", _deployment(wish, site), wish=wish, site=site),
        _child("v1", "Service", _service(labels), wish=wish, site=site),
        _child("policy/v1", "PodDisruptionBudget", _disruption(labels), wish=wish, site=site),
    ]


def _child(api_version: str, kind: str, spec: dict[str, Any], *, wish: Wish, site: Site) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": wish.child_name,
            "namespace": site.namespace,
            "labels": _labels(wish),
            "annotations": {ANNOTATION_BACKEND: f"{wish.namespace}/{wish.name}"},
        },
        "spec": spec,
    }


def _deployment(wish: Wish, site: Site) -> dict[str, Any]:
    surge = {"maxSurge": 0, "maxUnavailable": 1} if _on_gpu(wish) else {"maxSurge": 1, "maxUnavailable": 0}
    annotations = {ANNOTATION_BACKEND: f"{wish.namespace}/{wish.name}"}
    return {
        "replicas": wish.compressor.replicas,
        "selector": {"matchLabels": _selector(wish)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": surge},
        "progressDeadlineSeconds": START_WITHIN_S[wish.compressor.engine] + 300,
        "template": {
            "metadata": {"labels": _labels(wish), "annotations": annotations},
            "spec": _pod(wish, site),
        },
    }


def _pod(wish: Wish, site: Site) -> dict[str, Any]:
    return {
        "serviceAccountName": site.service_account,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(wish, site)],
        "volumes": [
            {"name": "tls", "secret": {"secretName": TLS_SECRET}},
            {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
            {"name": "scratch", "emptyDir": {}},
        ],
        **(_gpu_placement(wish.compressor) if _on_gpu(wish) else {}),
    }


def _container(wish: Wish, site: Site) -> dict[str, Any]:
    return {
        "name": "compressor",
        "image": site.images[wish.compressor.engine],
        "imagePullPolicy": site.pull_policy,
        "env": _environment(wish.compressor),
        "ports": [
            {"name": "compress", "containerPort": COMPRESSOR_PORT, "protocol": "TCP"},
            {"name": "ops", "containerPort": OPS_PORT, "protocol": "TCP"},
        ],
        "startupProbe": _probe(PATH_HEALTH, period_s=2, failures=START_WITHIN_S[wish.compressor.engine] // 2),
        "readinessProbe": _probe(PATH_READY, period_s=3, failures=2),
        "livenessProbe": _probe(PATH_HEALTH, period_s=10, failures=3),
        "resources": _resources(wish.compressor),
        "securityContext": _PRIVATE,
        "volumeMounts": [
            {"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True},
            {"name": "run", "mountPath": "/run/ccproxy"},
            {"name": "scratch", "mountPath": "/tmp"},  # nosec B108 a volume of the pod
        ],
    }


def _environment(compressor: Compressor) -> list[dict[str, Any]]:
    values = {"CCPROXY_TLS": TLS_FOLDER, "CCPROXY_ISSUER_FILE": "/run/ccproxy/issuer-keys.json"}
    if compressor.engine == "QRHead":
        given = {
            "CCPROXY_ENGINE": compressor.engine,
            "CCPROXY_MODEL": compressor.model,
            "CCPROXY_QUANTIZATION": compressor.quantization,
            "CCPROXY_ADAPTER": compressor.adapter_ref,
        }
        values |= {name: value for name, value in given.items() if value is not None}
    return [{"name": name, "value": value} for name, value in values.items()]


def _resources(compressor: Compressor) -> dict[str, Any]:
    wanted = _RESOURCES[compressor.engine]
    if compressor.engine == "Cpu":
        return dict(wanted)
    count = str(compressor.gpu.count if compressor.gpu else 1)
    return {"requests": wanted["requests"] | {GPU: count}, "limits": wanted["limits"] | {GPU: count}}


def _gpu_placement(compressor: Compressor) -> dict[str, Any]:
    products = list(compressor.gpu.product if compressor.gpu else A10)
    term = {"matchExpressions": [{"key": PRODUCT_LABEL, "operator": "In", "values": products}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    toleration = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
    return {"affinity": {"nodeAffinity": required}, "tolerations": [toleration]}


def _service(labels: dict[str, str]) -> dict[str, Any]:
    port = {"name": "compress", "port": COMPRESSOR_PORT, "targetPort": "compress", "protocol": "TCP"}
    return {"type": "ClusterIP", "selector": labels, "ports": [port]}


def _disruption(labels: dict[str, str]) -> dict[str, Any]:
    return {"maxUnavailable": 1, "selector": {"matchLabels": labels}}


def _probe(path: str, *, period_s: int, failures: int) -> dict[str, Any]:
    get = {"path": path, "port": "ops", "scheme": "HTTP"}
    return {"httpGet": get, "periodSeconds": period_s, "timeoutSeconds": 3, "failureThreshold": failures}


def _selector(wish: Wish) -> dict[str, str]:
    """Never changes: a Deployment's selector cannot."""
    return {"app.kubernetes.io/component": "compressor", LABEL_BACKEND: wish.id}


def _labels(wish: Wish) -> dict[str, str]:
    return {
        **_selector(wish),
        "app.kubernetes.io/name": "ccproxy",
        **MADE,
    }


def _on_gpu(wish: Wish) -> bool:
    return wish.compressor.engine == "QRHead"
