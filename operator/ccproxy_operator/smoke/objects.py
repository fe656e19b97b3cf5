"""The objects of the test, all in one namespace of its own; pure. Next: `run.py`."""

from __future__ import annotations

import base64
from typing import Any, Final

from ccproxy_contract.names import (
    ANNOTATION_HOSTS,
    ANNOTATION_INJECT,
    API_VERSION,
    LABEL_CREDENTIALS,
)
from ccproxy_operator.smoke.provider import MODEL
from ccproxy_operator.smoke.settings import Settings

NAME: Final = "ccproxy-test"
KEY: Final = "not-a-secret"
"""What the test's own provider gets; it looks at no key."""
Object = dict[str, Any]


def namespace(name: str) -> Object:
    """Where nothing passes but Pod Security `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "app.kubernetes.io/part-of": NAME}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def secret(where: str, settings: Settings) -> Object:
    """The provider's key, allowed to go to this test's provider alone."""
    metadata = _metadata(where) | {
        "labels": {LABEL_CREDENTIALS: "true"},
        "annotations": {ANNOTATION_HOSTS: settings.provider},
    }
    data = {"api-key": base64.b64encode(KEY.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def backend(where: str, settings: Settings) -> Object:
    """The test's provider."""
    spec = {
        "provider": "VLLM",
        "endpoint": {"url": f"http://{settings.provider}/v1"},
        "credentials": {"secretRef": {"name": NAME, "key": "api-key"}},
        "models": [{"name": MODEL, "price": {"inputPerMTok": "1", "outputPerMTok": "2"}}],
    }
    return {"apiVersion": API_VERSION, "kind": "ModelBackend", "metadata": _metadata(where), "spec": spec}


def policy(where: str) -> Object:
    """Everything goes there."""
    spec = {"default": {"route": {"targets": [{"backend": NAME}]}}}
    return {"apiVersion": API_VERSION, "kind": "RoutingPolicy", "metadata": _metadata(where), "spec": spec}


def job(where: str, settings: Settings) -> Object:
    """One pod that makes one call, tried once."""
    container = {
        "name": "caller",
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "command": ["/venv/bin/python", "-m", "ccproxy_operator.smoke.caller"],
        "args": ["$(OPENAI_BASE_URL)", "$(OPENAI_API_KEY)"],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    template = {
        "metadata": {"annotations": {ANNOTATION_INJECT: "true"}},
        "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]},
    }
    spec = {"backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(where), "spec": spec}


def _metadata(where: str) -> Object:
    return {"name": NAME, "namespace": where}
