"""What the operator made and Helm does not know of, taken away once the operator is gone and cannot make it again.

Must not touch what the chart made, nor an object of a user unless the kinds shall go. Next: `uninstall.py`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from ccproxy_contract.names import GROUP
from ccproxy_operator.api import Api, path_of
from ccproxy_operator.certificates.stored import ROOT_SECRET, SERVERS, secret_name
from ccproxy_operator.marks import MADE_SELECTOR, OPERATOR
from ccproxy_operator.webhook.configuration import NAME as WEBHOOK

TEST_POD: Final = "ccproxy-test"
MADE_KINDS: Final = (("apps/v1", "deployments"), ("v1", "services"), ("policy/v1", "poddisruptionbudgets"))
KINDS: Final = tuple(f"{plural}.{GROUP}" for plural in ("modelbackends", "routingpolicies", "tenants"))
LOOK_S: Final = 0.5


async def remove_webhook(api: Api) -> bool:
    """False when there was none. Raises: `ApiFailed`."""
    return await api.delete(
        path_of("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "", name=WEBHOOK)
    )


async def stop_operator(api: Api, namespace: str, *, timeout_s: float) -> bool:
    """Scale it to nothing; False when a replica is still there after `timeout_s`. Raises: `ApiFailed`."""
    path = path_of("apps/v1", "deployments", namespace, name=OPERATOR)
    if await api.get(path) is None:
        return True
    patch = {"Content-Type": "application/merge-patch+json"}
    await api.call("PATCH", f"{path}/scale", body={"spec": {"replicas": 0}}, headers=patch)
    ends_s = time.monotonic() + timeout_s
    pods = path_of("v1", "pods", namespace)
    while (await api.list(pods, labels="app.kubernetes.io/component=operator"))[0]:
        if time.monotonic() > ends_s:
            return False
        await asyncio.sleep(LOOK_S)
    return True


async def remove_made(api: Api, namespace: str) -> int:
    """Compressors, certificates, Lease, the last test's pod; how many objects there were. Raises: `ApiFailed`."""
    removed = 0
    for version, plural in MADE_KINDS:
        for found in (await api.list(path_of(version, plural, namespace), labels=MADE_SELECTOR))[0]:
            removed += await api.delete(path_of(version, plural, namespace, name=found["metadata"]["name"]))
    for secret in (ROOT_SECRET, *(secret_name(server) for server in SERVERS)):
        removed += await api.delete(path_of("v1", "secrets", namespace, name=secret))
    removed += await api.delete(path_of("v1", "pods", namespace, name=TEST_POD))
    return removed + await api.delete(path_of("coordination.k8s.io/v1", "leases", namespace, name=OPERATOR))


async def remove_kinds(api: Api, *, timeout_s: float) -> bool:
    """The three kinds and all objects of them; False when one is still there after `timeout_s`. Raises: `ApiFailed`."""
    paths = [path_of("apiextensions.k8s.io/v1", "customresourcedefinitions", "", name=name) for name in KINDS]
    for path in paths:
        await api.delete(path)
    ends_s = time.monotonic() + timeout_s
    for path in paths:
        while await api.get(path) is not None:
            if time.monotonic() > ends_s:
                return False
            await asyncio.sleep(LOOK_S)
    return True
