"""Every kind of workload gets its sidecar in time, Jobs complete, streams finish, and nobody else is touched."""

from __future__ import annotations

import json
import time

import pytest

from e2e import workloads
from e2e.chart import SYSTEM
from e2e.commands import CommandFailed, wait
from e2e.house import House
from e2e.kubectl import Object

SPACE = "workloads"


@pytest.fixture(scope="module", autouse=True)
def _space(installed: House) -> None:
    installed.tenant_space(SPACE)


def _starts(pod: Object) -> tuple[str, str]:
    """When sidecar and agent started."""
    status = pod["status"]
    sidecar = next(item for item in status["initContainerStatuses"] if item["name"] == "ccproxy")
    agent = next(item for item in status["containerStatuses"] if item["name"] == "agent")
    running = agent["state"].get("running") or agent["state"]["terminated"]
    return sidecar["state"].get("running", {}).get("startedAt", ""), running["startedAt"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_running_workload_has_its_sidecar_first(installed: House, kind: str) -> None:
    name = f"agent-{kind.lower()}"
    installed.kubectl.apply(workloads.deployment(name, SPACE, "0", "1", workloads.MODEL, kind=kind))
    pod = installed.pod_of(f"app={name}", namespace=SPACE)
    first = pod["spec"]["initContainers"][0]
    assert (first["name"], first["restartPolicy"]) == ("ccproxy", "Always")
    sidecar, agent = _starts(pod)
    assert sidecar <= agent
    name = pod["metadata"]["name"]
    logs = wait("answers", lambda: installed.kubectl.logs(name, namespace=SPACE, container="agent"), timeout_s=30)
    answers = [json.loads(line) for line in logs.splitlines()]
    assert {answer["status"] for answer in answers} == {200}


def test_a_job_completes_although_its_sidecar_runs_for_ever(installed: House) -> None:
    installed.kubectl.apply(workloads.job("plain-job", SPACE, "2", "0", workloads.MODEL, "stream"))
    assert installed.job_done("plain-job", namespace=SPACE).count('"status": 200') == 2


def test_a_cron_job_completes_too(installed: House) -> None:
    installed.kubectl.apply(workloads.cron_job("each-minute", SPACE, "1", "0", workloads.MODEL))
    installed.kubectl("create", "job", "from-cron", "--from=cronjob/each-minute", "-n", SPACE)
    assert installed.job_done("from-cron", namespace=SPACE).count('"status": 200') == 1
    installed.kubectl.delete("cronjob", "each-minute", namespace=SPACE)


def test_a_stream_that_is_open_at_deletion_finishes(installed: House) -> None:
    kubectl = installed.kubectl
    installed.plan({"fault": "slow_chunk=0.4", "model": "^gpt-5.1$"})
    kubectl.create(workloads.pod("long-stream", SPACE, "1", "0", "gpt-5.1", "stream"))
    wait("the stream to begin", lambda: "line" in _log(installed, "long-stream"), timeout_s=60)
    follow = kubectl.background("logs", "-f", "long-stream", "-n", SPACE, "-c", "agent")
    kubectl.delete("pod", "long-stream", namespace=SPACE, wait_for_it=False)
    printed, _ = follow.communicate(timeout=60)
    assert '"ended": true' in printed, printed


def test_an_opted_out_pod_is_what_was_sent(installed: House) -> None:
    sent = workloads.pod("opted-out", SPACE, "1", "0", workloads.MODEL, inject="false")
    answered = json.loads(installed.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(sent)))
    plain = workloads.pod("never-asked", SPACE, "1", "0", workloads.MODEL, inject=None)
    other = json.loads(installed.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(plain)))
    for made in (answered, other):
        for generated in ("uid", "creationTimestamp", "name", "annotations", "managedFields", "resourceVersion"):
            made["metadata"].pop(generated, None)
        made["spec"].pop("volumes"), made["spec"]["containers"][0].pop("volumeMounts")  # the token's name is random
    assert answered["spec"] == other["spec"]
    assert [container["name"] for container in answered["spec"]["containers"]] == ["agent"]
    assert "env" not in answered["spec"]["containers"][0]


def test_an_opted_in_pod_is_refused_while_the_injector_is_down(installed: House) -> None:
    kubectl = installed.kubectl
    kubectl("scale", "deployment/ccproxy-injector", "--replicas=0", "-n", SYSTEM)
    try:
        wait("the injector to be gone", lambda: not installed.system_pods("injector"), timeout_s=60)
        with pytest.raises(CommandFailed, match=r"ccproxy"):
            kubectl.create(workloads.pod("unlucky", SPACE, "1", "0", workloads.MODEL))
        kubectl.create(workloads.pod("indifferent", SPACE, "1", "0", workloads.MODEL, inject=None))
    finally:
        kubectl("scale", "deployment/ccproxy-injector", "--replicas=2", "-n", SYSTEM)
        kubectl.rolled_out("deployment", "ccproxy-injector", namespace=SYSTEM)


def test_each_injection_leaves_an_event_with_its_reason(installed: House) -> None:
    kubectl = installed.kubectl
    kubectl.apply(workloads.job("told", SPACE, "1", "0", workloads.MODEL))
    installed.job_done("told", namespace=SPACE)
    reasons = wait("an event", lambda: _reasons(installed, "told"), timeout_s=30)
    assert "Injected" in reasons
    with pytest.raises(CommandFailed, match="hostNetwork"):
        kubectl.create(workloads.pod("host", "default", "1", "0", workloads.MODEL, hostNetwork=True))


def _log(house: House, pod: str) -> str:
    return house.kubectl.logs(pod, namespace=SPACE, container="agent")


def _reasons(house: House, owner: str) -> set[str]:
    events = house.kubectl.items("events", namespace=SPACE)
    return {event["reason"] for event in events if event["involvedObject"]["name"].startswith(owner)}


def test_calls_wait_for_nothing_but_their_first_snapshot(installed: House) -> None:
    began = time.monotonic()
    installed.kubectl.apply(workloads.job("quick", SPACE, "1", "0", workloads.MODEL))
    installed.job_done("quick", namespace=SPACE)
    print(f"annotated Job from create to Complete: {time.monotonic() - began:.1f} s")
