"""The MutatingWebhookConfiguration of the injector, every default spelled out; pure.

Must not decide who gets a sidecar (`injector/` does). Next: `keeper.py`.
"""

from __future__ import annotations

import base64
from typing import Any, Final

from ccproxy_contract.names import ANNOTATION_INJECT, PATH_INJECT
from ccproxy_operator.injector.decide import ALWAYS_EXCLUDED
from ccproxy_operator.marks import MADE

NAME: Final = "ccproxy-injector"
SERVICE_PORT: Final = 443
TIMEOUT_S: Final = 5

_HAS: Final = f"has(object.metadata.annotations) && '{ANNOTATION_INJECT}' in object.metadata.annotations"
_SAYS: Final = f"object.metadata.annotations['{ANNOTATION_INJECT}']"


def configuration(roots: str, *, namespace: str) -> dict[str, Any]:
    """The whole object, every default spelled out, so that it can be compared. `roots`: PEM that the API server trusts.

    A pod is sent by one of two entries: its namespace says yes and the pod does not say `false`, or the namespace does
    not say yes and the pod says `true`.
    """
    by_namespace = _entry("namespace", "In", f"!({_HAS}) || {_SAYS} != 'false'", roots=roots, namespace=namespace)
    by_pod = _entry("pod", "NotIn", f"{_HAS} && {_SAYS} == 'true'", roots=roots, namespace=namespace)
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": NAME, "labels": {**MADE, "app.kubernetes.io/component": "injector"}},
        "webhooks": [by_namespace, by_pod],
    }


def is_right(live: dict[str, Any] | None, wanted: dict[str, Any]) -> bool:
    """Whether nobody has changed what matters; labels and annotations of others may stand beside ours."""
    if live is None:
        return False
    labels = live["metadata"].get("labels") or {}
    labelled: bool = wanted["metadata"]["labels"].items() <= labels.items()
    return labelled and live.get("webhooks") == wanted["webhooks"]


def _entry(who: str, operator: str, condition: str, *, roots: str, namespace: str) -> dict[str, Any]:
    return {
        "name": f"{who}.inject.ccproxy.ai",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "caBundle": base64.b64encode(roots.encode()).decode(),
            "service": {"name": NAME, "namespace": namespace, "path": PATH_INJECT, "port": SERVICE_PORT},
        },
        "failurePolicy": "Fail",
        "matchConditions": [{"name": "asks", "expression": condition}],
        "matchPolicy": "Equivalent",
        "namespaceSelector": _namespaces(operator, namespace),
        "objectSelector": {},
        "reinvocationPolicy": "IfNeeded",
        "rules": [_new_pods()],
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": TIMEOUT_S,
    }


def _namespaces(operator: str, system_namespace: str) -> dict[str, Any]:
    """Never ours: an injector must not wait for itself; nor those of the cluster's own pods."""
    never = [*ALWAYS_EXCLUDED, system_namespace]
    return {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": never},
            {"key": ANNOTATION_INJECT, "operator": operator, "values": ["true"]},
        ]
    }


def _new_pods() -> dict[str, Any]:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "Namespaced",
    }
