"""CompressorReady: one sentence that names what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from ccproxy_operator.children.condition import compressor_condition
from ccproxy_operator.children.manifests import Site, Wish, children
from ccproxy_policy.kinds.compressor import Compressor

SITE = Site(namespace="ccproxy-system", images={"Cpu": "cpu:1", "QRHead": "gpu:1"})


def deployment(ready: int, updated: int, *, generation: int = 1, observed: int = 1) -> dict[str, Any]:
    status = {"readyReplicas": ready, "updatedReplicas": updated, "observedGeneration": observed}
    return {"metadata": {"generation": generation}, "status": status}


def waiting(reason: str, **more: object) -> dict[str, Any]:
    container = {"image": "cpu:1", "state": {"waiting": {"reason": reason, "message": "Back-off 10s"}}, **more}
    return {"status": {"containerStatuses": [container]}}


UNSCHEDULABLE = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]}}
CRASHED = waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 137}})


@pytest.mark.parametrize(
    ("found", "pods", "status", "reason", "words"),
    [
        (deployment(2, 2), [], "True", "Ready", "2 of 2 replicas ready."),
        (deployment(1, 2), [UNSCHEDULABLE], "True", "Ready", "1 of 2 replicas ready: no node takes the pod: 0/3 nodes"),
        (deployment(2, 2, generation=2), [], "True", "Ready", "2 of 2 replicas ready: starting."),
        (deployment(0, 0), [], "False", "Pending", "0 of 2 replicas ready: starting."),
        (None, [], "False", "Pending", "0 of 2 replicas ready: starting."),
        (deployment(0, 2), [waiting("ErrImagePull")], "False", "Pending", "image cpu:1 cannot be pulled."),
        (deployment(0, 2), [waiting("ImagePullBackOff")], "False", "Pending", "image cpu:1 cannot be pulled."),
        (deployment(0, 2), [CRASHED], "False", "Pending", "exit code 137"),
        (deployment(0, 2), [UNSCHEDULABLE, CRASHED], "False", "Pending", "exit code 137"),
        (deployment(0, 2), [waiting("ContainerCreating")], "False", "Pending", "starting."),
    ],
)
def test_the_condition_says_how_many_and_why(
    found: dict[str, Any] | None, pods: list[dict[str, Any]], status: str, reason: str, words: str
) -> None:
    said = compressor_condition(found, pods, replicas=2)
    assert (said.status, said.reason) == (status, reason)
    assert words in said.message


def test_none_wanted_is_not_ready() -> None:
    assert compressor_condition(deployment(0, 0), [], replicas=0).reason == "ScaledToZero"


def test_names_of_children_fit_a_service_and_never_meet() -> None:
    cpu = Compressor.model_validate({"engine": "Cpu"})
    wishes = [Wish("a-b", "c", cpu), Wish("a", "b-c", cpu), Wish("n" * 63, "x." * 100 + "y", cpu)]
    names = [wish.child_name for wish in wishes]
    assert len(set(names)) == 3
    assert all(len(name) <= 63 and "." not in name and name[-1].isalnum() for name in names)
    for wish in wishes:
        for child in children(wish, SITE):
            assert all(len(value) <= 63 for value in child["metadata"]["labels"].values())
