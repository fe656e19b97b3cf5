"""Slices as the operator would cut them for a pod of namespace `shop`. Next: `test_configuration.py`."""

from __future__ import annotations

from typing import Any

import msgspec

from ccproxy_contract.snapshot import Match, Snapshot, Target, sealed
from ccproxy_contract.stream import Slice
from tests.fakes.operator.server import slice_of
from tests.fakes.sidecar import routing_rule, scripted_backends


def pod_snapshot(provider_url: str, **changes: Any) -> Snapshot:
    """Backends at the scripted provider, namespace, workload and tenant; `changes` replace fields."""
    made = Snapshot(
        namespace="shop",
        workload="Deployment/coder",
        tenant="acme",
        backends=scripted_backends(provider_url),
        resource_versions={"RoutingPolicy": "10"},
    )
    return sealed(msgspec.structs.replace(made, **changes))


def pod_slice(provider_url: str, **changes: Any) -> Slice:
    return slice_of(pod_snapshot(provider_url, **changes))


def renaming(provider_url: str, model: str, version: str) -> Slice:
    """Every Messages call goes to `model`."""
    rule = routing_rule(f"to-{model}", Match(), Target(backend="anthropic", model=model))
    return pod_slice(provider_url, rules=(rule,), resource_versions={"RoutingPolicy": version})
