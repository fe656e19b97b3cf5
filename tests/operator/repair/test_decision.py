"""Who lacks a sidecar that it asked for, and what may be done about it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_operator.repair.decision import Lacking, Step, asks, is_healed, lacking, next_step, room

TRUE = {"ccproxy.ai/inject": "true"}
OWNED = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app-1", "uid": "rs", "controller": True}]


def pod(**changes: Any) -> dict[str, Any]:
    """A running pod of a ReplicaSet that asks and has no sidecar; `changes` to its metadata, spec and status."""
    metadata = {
        "namespace": "team-a",
        "name": "app-1-x",
        "uid": "u",
        "creationTimestamp": "2026-11-21T10:00:00Z",
        "annotations": TRUE,
        "labels": {"pod-template-hash": "1"},
        "ownerReferences": OWNED,
    }
    spec = {"containers": [{"name": "app"}]}
    return {
        "metadata": metadata | changes.get("metadata", {}),
        "spec": spec | changes.get("spec", {}),
        "status": {"phase": "Running"} | changes.get("status", {}),
    }


def seen(**changes: Any) -> Lacking | None:
    return lacking(pod(**changes), system_namespace="ccproxy-system")


@pytest.mark.parametrize(
    ("namespace", "said", "expected"),
    [
        ("plain", "true", True),
        ("plain", None, False),
        ("plain", "yes", False),
        ("asking", None, True),
        ("asking", "yes", True),
        ("asking", "false", False),
        ("ccproxy-system", "true", False),
        ("kube-system", "true", False),
    ],
)
def test_a_pod_asks_as_the_webhook_sees_it(namespace: str, said: str | None, expected: bool) -> None:
    metadata = {"namespace": namespace, "annotations": None if said is None else {"ccproxy.ai/inject": said}}
    assert asks(metadata, asking={"asking"}, system_namespace="ccproxy-system") == expected


def test_a_pod_with_its_sidecar_or_at_its_end_lacks_nothing() -> None:
    assert seen(spec={"initContainers": [{"name": "ccproxy"}]}) is None
    assert seen(status={"phase": "Succeeded"}) is None
    assert seen(metadata={"deletionTimestamp": "2026-11-21T10:00:00Z"}) is None


@pytest.mark.parametrize(
    ("changes", "hindrance"),
    [
        ({}, ""),
        ({"metadata": {"ownerReferences": [OWNED[0] | {"kind": "DaemonSet"}]}}, ""),
        ({"metadata": {"ownerReferences": [OWNED[0] | {"kind": "StatefulSet"}]}}, ""),
        ({"metadata": {"ownerReferences": [OWNED[0] | {"kind": "Job"}]}}, "OwnerNotRepairable"),
        ({"metadata": {"ownerReferences": []}}, "NoOwner"),
        ({"metadata": {"annotations": {}}}, "AskedByNamespace"),
        ({"metadata": {"annotations": TRUE | {"ccproxy.ai/skipped": "WindowsNode"}}}, "SkipRequested"),
        ({"spec": {"hostNetwork": True}}, "HostNetwork"),
        ({"spec": {"shareProcessNamespace": True}}, "SharedProcesses"),
        ({"spec": {"containers": [{"name": "app", "ports": [{"containerPort": 4141}]}]}}, "PortTaken"),
    ],
)
def test_what_would_not_come_back_better_is_not_repaired(changes: dict[str, Any], hindrance: str) -> None:
    found = seen(**changes)
    assert found is not None
    assert found.hindrance.partition(":")[0] == hindrance


@pytest.mark.parametrize(
    ("created_s", "tried_s", "healed", "now_s", "step"),
    [
        (0, None, False, 1000, "evict"),
        (0, 990, False, 1000, "wait"),
        (0, 990, True, 1000, "evict"),
        (995, 990, False, 1000, "failed"),
        (990, 990.7, False, 1000, "failed"),
        (995, 990, True, 1000, "failed"),
        (0, 800, False, 1000, "failed"),
    ],
)
def test_one_pod_of_a_template_is_tried_and_the_rest_follow_its_success(
    created_s: float, tried_s: float | None, healed: bool, now_s: float, step: Step
) -> None:
    one = Lacking("n", "p", "u", created_s, None, "", "t")
    assert next_step(one, tried_s=tried_s, healed=healed, now_s=now_s) == step


@given(gaps=st.lists(st.floats(min_value=0, max_value=120), max_size=60), per_minute=st.integers(0, 15))
def test_no_minute_sees_more_evictions_than_allowed(gaps: list[float], per_minute: int) -> None:
    now_s, evicted = 0.0, [0.0] * 0
    for gap in gaps:
        now_s += gap
        if room(evicted, now_s, per_minute):
            evicted.append(now_s)
    assert all(sum(1 for other in evicted if at <= other < at + 60) <= per_minute for at in evicted)


def test_healed_is_a_ready_pod_with_the_sidecar() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    sidecar = {"initContainers": [{"name": "ccproxy"}]}
    assert is_healed(pod(spec=sidecar, status=ready))
    assert not is_healed(pod(spec=sidecar))
    assert not is_healed(pod(status=ready))
