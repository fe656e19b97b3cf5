"""Which pods are known, and to which workload each belongs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ccproxy_operator.distributor.identity import Identity
from ccproxy_operator.distributor.owners import Owners
from ccproxy_operator.distributor.pods import Pod, Pods, is_over, owner_of

POD = Pod("blue", "coder-1", "u-1", {}, "Deployment/coder")
WHO = Identity("blue", "app", "coder-1", "u-1")


def pod_object(kind: str, name: str, **labels: str) -> dict[str, Any]:
    references = [
        {"kind": "Thing", "name": "no-controller"},
        {"kind": kind, "name": name, "controller": True},
    ]
    return {"metadata": {"name": "p", "uid": "u", "labels": labels, "ownerReferences": references}}


@pytest.mark.parametrize(
    ("obj", "workload"),
    [
        (pod_object("ReplicaSet", "web-6d4c", **{"pod-template-hash": "6d4c"}), "Deployment/web"),
        (pod_object("ReplicaSet", "a-b-6d4c", **{"pod-template-hash": "6d4c"}), "Deployment/a-b"),
        (pod_object("ReplicaSet", "bare"), "ReplicaSet/bare"),
        (pod_object("ReplicaSet", "other", **{"pod-template-hash": "6d4c"}), "ReplicaSet/other"),
        (pod_object("StatefulSet", "db"), "StatefulSet/db"),
        (pod_object("DaemonSet", "agent"), "DaemonSet/agent"),
        ({"metadata": {"name": "alone"}}, "Pod/alone"),
        ({"metadata": {"name": "owned", "ownerReferences": [{"kind": "X", "name": "y"}]}}, "Pod/owned"),
    ],
)
def test_a_pod_belongs_to_its_top_owner(obj: dict[str, Any], workload: str) -> None:
    owner = owner_of(obj)
    assert f"{owner.kind}/{owner.name}" == workload


class Jobs:
    """Jobs as an API server has them; `away` times it does not answer."""

    def __init__(self, away: int = 0) -> None:
        self.asked = 0
        self._away = away

    async def get(self, _namespace: str, name: str) -> dict[str, Any] | None:
        self.asked += 1
        if self.asked <= self._away:
            raise TimeoutError
        if name == "gone":
            return None
        owners = [{"kind": "CronJob", "name": "nightly", "controller": True}] if name.startswith("nightly") else []
        return {"metadata": {"name": name, "ownerReferences": owners}}


@pytest.mark.parametrize(
    ("job", "workload"), [("nightly-123", "CronJob/nightly"), ("once", "Job/once"), ("gone", "Job/gone")]
)
async def test_a_job_is_asked_for_its_cron_job_once(job: str, workload: str) -> None:
    jobs = Jobs(away=1)
    owners = Owners(jobs.get)
    assert owners.workload(pod_object("Job", job), "blue") is None
    assert await owners.find(pod_object("Job", job), "blue") == workload
    assert owners.workload(pod_object("Job", job), "blue") == workload
    assert owners.workload(pod_object("Job", job), "green") is None
    assert jobs.asked == 2


async def test_a_pod_that_comes_after_its_stream_is_waited_for() -> None:
    pods = Pods()
    waiting = asyncio.create_task(pods.of(WHO, wait_s=10))
    await asyncio.sleep(0)
    pods.seen(POD)
    assert await waiting == POD


async def test_a_pod_that_goes_while_it_is_waited_for_is_gone() -> None:
    pods = Pods()
    waiting = asyncio.create_task(pods.of(WHO, wait_s=10))
    await asyncio.sleep(0)
    pods.gone("u-1")
    assert await waiting is None
    assert pods.has_gone("u-1")


@pytest.mark.parametrize(
    "other", [WHO._replace(namespace="green"), WHO._replace(pod="coder-2"), WHO._replace(pod_uid="")]
)
async def test_a_token_is_for_the_very_pod_it_names(other: Identity) -> None:
    pods = Pods()
    pods.seen(POD)
    assert await pods.of(WHO, wait_s=0) == POD
    assert await pods.of(other, wait_s=0) is None


@pytest.mark.parametrize(
    ("phase", "over"), [("Running", False), ("Pending", False), ("Succeeded", True), ("Failed", True)]
)
def test_a_pod_whose_containers_have_ended_runs_no_sidecar(phase: str, over: bool) -> None:
    assert is_over({"status": {"phase": phase}}) is over
