"""With the control plane away, sidecars serve: running ones, and one that was restarted meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e import workloads
from e2e.chart import SYSTEM
from e2e.clusters import LocalCluster
from e2e.commands import wait
from e2e.house import House
from e2e.usage import usage

SPACE = "outages"
STOPPED_S = 10
AGAIN_S = 25
"""Kubelet waits up to ten seconds before it starts a container again."""
END = "import os, signal; os.kill(1, signal.SIGTERM)"


@pytest.fixture(scope="module", autouse=True)
def _space(installed: House) -> None:
    installed.tenant_space(SPACE)
    installed.kubectl.apply(workloads.deployment("steady", SPACE, "0", "1", workloads.MODEL))


def _called(house: House, pod: str) -> object:
    command = ["/venv/bin/python", "/e2e/agent.py", "1", "0", workloads.MODEL]
    answer = json.loads(house.kubectl.execute(pod, command, namespace=SPACE, container="agent"))
    return [answer["status"], answer["x-ccproxy-target"]]


def _gone(house: House, component: str) -> None:
    wait(f"{component} to be gone", lambda: not house.system_pods(component), timeout_s=60)


@contextmanager
def _scaled_down(house: House, *workload: str) -> Iterator[None]:
    """Operator and ledger gone."""
    before = {name: house.kubectl.get(*name.split("/"), namespace=SYSTEM)["spec"]["replicas"] for name in workload}
    for name in workload:
        house.kubectl("scale", name, "--replicas=0", "-n", SYSTEM)
    for component in ("operator", "ledger"):
        _gone(house, component)
    try:
        yield
    finally:
        for name, replicas in before.items():
            house.kubectl("scale", name, f"--replicas={replicas}", "-n", SYSTEM)
            house.kubectl.rolled_out(*name.split("/"), namespace=SYSTEM, timeout_s=180)


def test_running_and_restarted_sidecars_serve_without_operator_and_ledger(installed: House) -> None:
    pod = installed.pod_of("app=steady", namespace=SPACE)
    name = pod["metadata"]["name"]
    with _scaled_down(installed, "deployment/ccproxy-operator", "statefulset/ccproxy-ledger"):
        assert _called(installed, name) == [200, f"scripted/{workloads.MODEL}"]
        before = _restarts(installed, name)
        installed.kubectl.execute(name, ["/venv/bin/python", "-c", END], namespace=SPACE, container="ccproxy")
        wait("the sidecar to be restarted", lambda: _restarts(installed, name) > before, timeout_s=60)
        answer = wait("an answer of the restarted sidecar", lambda: _called(installed, name), timeout_s=30)
        assert answer == [200, f"scripted/{workloads.MODEL}"]


def _restarts(house: House, pod: str) -> int:
    statuses = house.kubectl.get("pod", pod, namespace=SPACE)["status"]["initContainerStatuses"]
    return int(next(item["restartCount"] for item in statuses if item["name"] == "ccproxy"))


def test_a_restarted_ledger_has_the_figures_of_before(installed: House) -> None:
    def calls() -> int:
        groups = usage(installed.kubectl, group_by="namespace")["groups"]
        return sum(int(group["calls"]) for group in groups if group["namespace"] == SPACE)

    before = wait("calls in /usage", calls, timeout_s=60)
    (ledger,) = installed.system_pods("ledger")
    name = ledger["metadata"]["name"]
    installed.kubectl.execute(name, ["/venv/bin/python", "-c", END], namespace=SYSTEM, container="ledger")
    wait("it to be started again", lambda: _ledger_restarts(installed) > 0, timeout_s=60)
    assert wait("more calls than before", lambda: calls() > before, timeout_s=90)


def _ledger_restarts(house: House) -> int:
    (ledger,) = house.system_pods("ledger")
    return int(ledger["status"]["containerStatuses"][0]["restartCount"])


def test_a_sidecar_killed_with_everything_away_serves_again(installed: House) -> None:
    """Operator and ledger gone, the API server stopped: kubelet alone starts it again, from its last good snapshot."""
    if not isinstance(installed.cluster, LocalCluster):
        pytest.skip("only the local cluster's API server can be stopped")
    pod = str(installed.pod_of("app=steady", namespace=SPACE)["metadata"]["name"])
    with _scaled_down(installed, "deployment/ccproxy-operator", "statefulset/ccproxy-ledger"):
        sidecar = _process(f"CCPROXY_POD={SPACE}/{pod}")
        with _stopped(installed.cluster.pid("kube-apiserver")):
            os.kill(sidecar, signal.SIGKILL)
            killed_s = time.time()
            time.sleep(AGAIN_S)
        answers = [one for one in _answers(installed, pod) if killed_s < one["at"] < killed_s + AGAIN_S]
    assert answers[-1]["status"] == 200, answers
    assert answers[-1]["x-ccproxy-target"] == f"scripted/{workloads.MODEL}"


def test_sidecars_serve_while_the_api_server_stands_still(installed: House) -> None:
    if not isinstance(installed.cluster, LocalCluster):
        pytest.skip("only the local cluster's API server can be stopped")
    pod = str(installed.pod_of("app=steady", namespace=SPACE)["metadata"]["name"])
    before = len(_answers(installed, pod))
    with _stopped(installed.cluster.pid("kube-apiserver")):
        time.sleep(STOPPED_S)
    answers = _answers(installed, pod)[before:]
    assert len(answers) >= STOPPED_S / 2
    assert {answer["status"] for answer in answers} == {200}


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _answers(house: House, pod: str) -> list[dict[str, Any]]:
    logs = wait("its log", lambda: house.kubectl.logs(pod, namespace=SPACE, container="agent"), timeout_s=60)
    return [json.loads(line) for line in logs.splitlines() if "status" in line]


def _process(mark: str) -> int:
    """The process of this machine that has `mark` in its environment."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(f"no process with {mark}")
