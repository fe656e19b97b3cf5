"""The MutatingWebhookConfiguration of the injector: what it is (pure), and the leader's duty to keep it so.

It is there as soon as the injector's certificate is, whether or not an injector runs yet: a pod that asks for a sidecar
and would come up without one is worse than one that waits for its controller's next try, and nobody else's pod is ever
sent. It is looked at each second, so that after a deletion or an edit by hand it is right again within about a second;
pods that slipped through meanwhile are `repair.py`'s. Must not decide who gets a sidecar (`injector/` does).
Next: `children/manifests.py`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Final

from ccproxy_contract.names import ANNOTATION_INJECT, PATH_INJECT
from ccproxy_operator.api import ApiFailed
from ccproxy_operator.certificates.stored import secret_name, trusted_roots
from ccproxy_operator.cluster import Cluster
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry

NAME: Final = "ccproxy-injector"
SERVICE_PORT: Final = 443
NEVER: Final = ("kube-system", "kube-node-lease")
"""Besides the system namespace: an injector that must not wait for itself, and the cluster's own pods."""
LOOK_S: Final = 1.0
TIMEOUT_S: Final = 5

_HAS: Final = f"has(object.metadata.annotations) && '{ANNOTATION_INJECT}' in object.metadata.annotations"
_SAYS: Final = f"object.metadata.annotations['{ANNOTATION_INJECT}']"
_log = logger("webhook")


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
        "metadata": {
            "name": NAME,
            "labels": {
                "app.kubernetes.io/managed-by": "ccproxy-operator",
                "app.kubernetes.io/part-of": "ccproxy",
                "app.kubernetes.io/component": "injector",
            },
        },
        "webhooks": [by_namespace, by_pod],
    }


def is_right(live: dict[str, Any] | None, wanted: dict[str, Any]) -> bool:
    """Whether nobody has changed what matters; labels and annotations of others may stand beside ours."""
    if live is None:
        return False
    labels = live["metadata"].get("labels") or {}
    labelled: bool = wanted["metadata"]["labels"].items() <= labels.items()
    return labelled and live.get("webhooks") == wanted["webhooks"]


class WebhookKeeper:
    """Keeps the configuration in the cluster. `retired`: ccproxy is being uninstalled, so it is taken away instead."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        registry: Registry,
        retired: Callable[[], bool] = bool,
        look_s: float = LOOK_S,
    ) -> None:
        self._cluster, self._namespace, self._retired, self._look_s = cluster, namespace, retired, look_s
        self._restored = registry.counter("ccproxy_webhook_restored_total", "Times it was missing or not right.")
        self._failed = registry.counter("ccproxy_webhook_failed_looks_total", "Looks that the API server refused.")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except ApiFailed as failed:
                self._failed.child().inc()
                _log.warning("webhook_not_kept", reason=str(failed))
            await asyncio.sleep(self._look_s)

    async def look(self) -> None:
        """Put it right once. Without the injector's roots nothing is changed. Raises: `ApiFailed`."""
        live = await self._cluster.get("MutatingWebhookConfiguration", NAME)
        if self._retired():
            if live is not None:
                await self._cluster.delete("MutatingWebhookConfiguration", NAME)
                _log.info("webhook_removed")
            return
        roots = trusted_roots(await self._cluster.get("Secret", secret_name(NAME), self._namespace))
        if not roots:
            _log.warning("webhook_waits_for_certificate", secret=secret_name(NAME))
            return
        wanted = configuration(roots, namespace=self._namespace)
        if not is_right(live, wanted):
            await self._put(wanted, existed=live is not None)

    async def _put(self, wanted: dict[str, Any], *, existed: bool) -> None:
        """Apply; what another manager has added to our entries (a further condition) only a replacement takes away."""
        self._restored.child().inc()
        _log.info("webhook_put_right", existed=existed)
        stored = await self._cluster.apply(wanted)
        if not is_right(stored, wanted):
            version = stored["metadata"]["resourceVersion"]
            await self._cluster.replace({**wanted, "metadata": wanted["metadata"] | {"resourceVersion": version}})


def _entry(who: str, operator: str, condition: str, *, roots: str, namespace: str) -> dict[str, Any]:
    name_label = "kubernetes.io/metadata.name"
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
        "namespaceSelector": {
            "matchExpressions": [
                {"key": name_label, "operator": "NotIn", "values": [*NEVER, namespace]},
                {"key": ANNOTATION_INJECT, "operator": operator, "values": ["true"]},
            ]
        },
        "objectSelector": {},
        "reinvocationPolicy": "IfNeeded",
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
                "scope": "Namespaced",
            }
        ],
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": TIMEOUT_S,
    }
