"""A reference that leads nowhere is told by name, spoils nothing else, and heals without a touch."""

from __future__ import annotations

import json

import pytest

from e2e import workloads
from e2e.commands import CommandFailed, wait
from e2e.house import House

SPACE = "references"


@pytest.fixture(scope="module", autouse=True)
def _space(installed: House) -> None:
    installed.tenant_space(SPACE)


def test_a_broken_reference_is_named_and_heals(installed: House) -> None:
    kubectl = installed.kubectl
    rule = {
        "name": "elsewhere",
        "match": {"models": ["other-*"]},
        "then": {"route": {"targets": [{"backend": "late"}]}},
    }
    kubectl.apply(workloads.policy("hopeful", SPACE, rule), workloads.backend("late", SPACE))
    accepted = kubectl.wait_condition("routingpolicy", "hopeful", "Accepted", namespace=SPACE)
    assert accepted["status"] == "True"
    broken = kubectl.wait_condition("routingpolicy", "hopeful", "ResolvedRefs", status="False", namespace=SPACE)
    assert "late" in broken["message"]
    unresolved = kubectl.wait_condition("modelbackend", "late", "ResolvedRefs", status="False", namespace=SPACE)
    assert "late" in unresolved["message"]
    kubectl.apply(workloads.job("meanwhile", SPACE, "1", "0", workloads.MODEL))
    installed.job_done("meanwhile", namespace=SPACE)
    kubectl.apply(workloads.secret("late", SPACE, hosts=workloads.PROVIDER_URL.split("/")[2]))
    kubectl.wait_condition("routingpolicy", "hopeful", "ResolvedRefs", namespace=SPACE)


def test_a_secret_at_a_host_that_it_does_not_allow_stays_unused(installed: House) -> None:
    kubectl = installed.kubectl
    kubectl.apply(workloads.secret("guarded", SPACE), workloads.backend("guarded", SPACE))
    told = kubectl.wait_condition("modelbackend", "guarded", "ResolvedRefs", status="False", namespace=SPACE)
    assert "kubectl annotate secret" in told["message"]
    command = told["message"][told["message"].index("kubectl annotate") :].split("`")[0]
    kubectl(*command.removeprefix("kubectl ").split())
    kubectl.wait_condition("modelbackend", "guarded", "ResolvedRefs", namespace=SPACE)


def test_an_edit_is_live_and_counted(installed: House) -> None:
    kubectl = installed.kubectl
    kubectl.apply(workloads.deployment("watched", SPACE, "0", "0.2", workloads.MODEL, replicas=2))
    kubectl.rolled_out("deployment", "watched", namespace=SPACE)
    kubectl.apply(workloads.policy("told", SPACE, app="watched", default="scripted", priority=5))
    kubectl.wait_condition("routingpolicy", "told", "Programmed", namespace=SPACE)
    row = wait("2 of 2", lambda: _programmed(installed), timeout_s=60)
    assert "2" in row
    deny = {"name": "stop", "then": {"deny": {"status": 403, "message": "not today"}}}
    kubectl.apply(workloads.policy("told", SPACE, deny, app="watched", priority=5))
    pod = kubectl.items("pods", namespace=SPACE, labels="app=watched")[0]["metadata"]["name"]

    def refused() -> bool:
        last = kubectl.logs(pod, namespace=SPACE, container="agent").splitlines()[-1]
        return bool(json.loads(last)["status"] == 403)

    wait("the edit to be live", refused, timeout_s=20)


def test_laggards_are_named(installed: House) -> None:
    kubectl = installed.kubectl
    nowhere = {"nodeSelector": {"e2e.test/no-such-node": "true"}}
    kubectl.apply(workloads.deployment("ready", SPACE, "0", "5", workloads.MODEL))
    kubectl.apply(workloads.pod("laggard", SPACE, "0", "5", workloads.MODEL, labels={"app": "ready"}, **nowhere))
    kubectl.apply(workloads.policy("slow", SPACE, app="ready", default="scripted"))
    kubectl.rolled_out("deployment", "ready", namespace=SPACE)

    def told() -> str | None:
        message = str(kubectl.condition("routingpolicy", "slow", "Programmed", namespace=SPACE).get("message", ""))
        return message if "1 of 2" in message else None

    assert "laggard" in wait("1 of 2", told, timeout_s=60)
    assert kubectl.condition("routingpolicy", "slow", "Programmed", namespace=SPACE)["status"] == "False"
    row = kubectl("get", "routingpolicy", "slow", "-n", SPACE, "--no-headers").split()
    assert row[3:5] == ["1", "2"], row
    kubectl.delete("pod", "laggard", namespace=SPACE)
    kubectl.wait_condition("routingpolicy", "slow", "Programmed", namespace=SPACE)


def _programmed(house: House) -> str | None:
    message = str(house.kubectl.condition("routingpolicy", "told", "Programmed", namespace=SPACE).get("message", ""))
    return message if "2 of 2" in message else None


def test_no_credential_stands_in_any_status_event_or_log(installed: House) -> None:
    seen = installed.kubectl("get", "routingpolicies,modelbackends,tenants,events", "-A", "-o", "yaml")
    for component in ("operator", "injector", "ledger"):
        for pod in installed.system_pods(component):
            where = pod["metadata"]["namespace"]
            seen += installed.kubectl("logs", pod["metadata"]["name"], "-n", where, "--all-containers")
    for pod in installed.kubectl.items("pods", namespace=SPACE):
        seen += _sidecar_log(installed, pod["metadata"]["name"])
    assert workloads.PROVIDER_KEY not in seen


def _sidecar_log(house: House, pod: str) -> str:
    try:
        return house.kubectl.logs(pod, namespace=SPACE, container="ccproxy")
    except CommandFailed:
        return ""
