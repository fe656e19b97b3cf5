"""The operator's own client on the test's control plane, and namespaces to work in."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ccproxy_operator.api import Api, access_from
from tests.cluster.control_plane import ControlPlane


@asynccontextmanager
async def reached(cluster: ControlPlane) -> AsyncIterator[Api]:
    """An `Api` as the cluster's administrator."""
    api = Api(await access_from(cluster.kubeconfig))
    try:
        yield api
    finally:
        await api.close()


def new_namespace(cluster: ControlPlane, stem: str = "b", **labels: str) -> str:
    """A namespace that no other test uses."""
    name = f"{stem}-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    for label, value in labels.items():
        cluster.kubectl("label", "namespace", name, f"{label}={value}")
    return name
