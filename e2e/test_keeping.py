"""What the operator keeps going: certificates, its webhook, one leader, and objects of an earlier version."""

from __future__ import annotations

import base64
import json
import ssl
import time

import pytest

from e2e import workloads
from e2e.chart import SYSTEM
from e2e.commands import CommandFailed, run, wait
from e2e.house import House

SPACE = "keeping"
WEBHOOK = "ccproxy-injector"


@pytest.fixture(scope="module", autouse=True)
def _space(installed: House) -> None:
    installed.tenant_space(SPACE)


def _job_runs(house: House, name: str) -> None:
    house.kubectl.apply(workloads.job(name, SPACE, "1", "0", workloads.MODEL))
    house.job_done(name, namespace=SPACE)


def test_a_webhook_configuration_deleted_by_hand_comes_back(installed: House) -> None:
    installed.kubectl.delete("mutatingwebhookconfiguration", WEBHOOK)
    began = time.monotonic()
    wait("the webhook", lambda: installed.kubectl.exists("mutatingwebhookconfiguration", WEBHOOK), timeout_s=30)
    print(f"webhook configuration restored after {time.monotonic() - began:.1f} s")
    wait("an injected job", lambda: _injected(installed), timeout_s=30)


def _injected(house: House) -> bool:
    name = f"back-{time.monotonic_ns()}"
    house.kubectl.create(workloads.pod(name, SPACE, "1", "0", workloads.MODEL))
    containers = house.kubectl.get("pod", name, namespace=SPACE)["spec"].get("initContainers", [])
    house.kubectl.delete("pod", name, namespace=SPACE, wait_for_it=False)
    return [container["name"] for container in containers][:1] == ["ccproxy"]


def test_leaves_are_renewed_without_a_restart(installed: House) -> None:
    before = {pod["metadata"]["uid"] for pod in installed.system_pods("injector")}
    old = _serial(installed)
    installed.kubectl.delete("secret", "ccproxy-injector-tls", namespace=SYSTEM)
    wait("a new leaf", lambda: _serial(installed) not in ("", old), timeout_s=30)
    wait("it to be served", lambda: _served(installed) == _serial(installed), timeout_s=150, poll_s=2)
    _job_runs(installed, "after-rotation")
    assert {pod["metadata"]["uid"] for pod in installed.system_pods("injector")} == before


def _serial(house: House) -> str:
    if not house.kubectl.exists("secret", "ccproxy-injector-tls", namespace=SYSTEM):
        return ""
    data = house.kubectl.get("secret", "ccproxy-injector-tls", namespace=SYSTEM)["data"]
    return _number(base64.b64decode(data["tls.crt"]).decode())


def _served(house: House) -> str:
    pod = house.system_pods("injector")[0]["metadata"]["name"]
    forward = house.kubectl.background("port-forward", f"pod/{pod}", "-n", SYSTEM, ":9443", "--address=127.0.0.1")
    try:
        assert forward.stdout is not None
        port = forward.stdout.readline().split("127.0.0.1:")[1].split()[0]
        return _number(ssl.get_server_certificate(("127.0.0.1", int(port)), timeout=5))
    finally:
        forward.terminate()
        forward.communicate()


def _number(pem: str) -> str:
    return run("openssl", "x509", "-noout", "-serial", stdin=pem).strip()


def _leader(house: House) -> str:
    return str(house.kubectl.get("lease", "ccproxy-operator", namespace=SYSTEM)["spec"].get("holderIdentity", ""))


def test_a_killed_leader_is_followed_within_fifteen_seconds(installed: House) -> None:
    old = wait("a leader", lambda: _leader(installed), timeout_s=30)
    pods = [pod["metadata"]["name"] for pod in installed.system_pods("operator")]
    leader = next(name for name in pods if name in old)
    for number in range(30):
        installed.kubectl.apply(workloads.policy(f"many-{number}", SPACE, default="scripted", priority=-number))
    installed.kubectl("delete", "pod", leader, "-n", SYSTEM, "--grace-period=0", "--force")
    began = time.monotonic()
    wait("another leader", lambda: _leader(installed) not in ("", old), timeout_s=30)
    print(f"another leader after {time.monotonic() - began:.1f} s")
    for number in range(30):
        installed.kubectl.wait_condition("routingpolicy", f"many-{number}", "Accepted", namespace=SPACE, timeout_s=60)
        installed.kubectl.delete("routingpolicy", f"many-{number}", namespace=SPACE, wait_for_it=False)
    installed.kubectl.rolled_out("deployment", "ccproxy-operator", namespace=SYSTEM)


def test_a_compressor_runs_for_a_backend_and_goes_with_it(installed: House) -> None:
    spec = {"compressor": {"engine": "Cpu", "replicas": 1}}
    item = {"apiVersion": "ccproxy.ai/v1alpha1", "kind": "ModelBackend", "spec": spec}
    installed.kubectl.apply(item | {"metadata": {"name": "folding", "namespace": SYSTEM}})
    installed.kubectl.wait_condition("modelbackend", "folding", "CompressorReady", namespace=SYSTEM, timeout_s=90)
    installed.kubectl.delete("modelbackend", "folding", namespace=SYSTEM)
    wait("its pods to be gone", lambda: not installed.system_pods("compressor"), timeout_s=60)


def test_a_compressor_without_a_gpu_says_what_it_waits_for(installed: House) -> None:
    spec = {"compressor": {"engine": "QRHead", "model": "mistralai/Mistral-7B-v0.2"}}
    item = {"apiVersion": "ccproxy.ai/v1alpha1", "kind": "ModelBackend", "spec": spec}
    installed.kubectl.apply(item | {"metadata": {"name": "judging", "namespace": SYSTEM}})
    found = installed.kubectl.wait_condition(
        "modelbackend", "judging", "CompressorReady", status="False", namespace=SYSTEM, timeout_s=60
    )
    assert found["reason"] == "Pending"
    installed.kubectl.delete("modelbackend", "judging", namespace=SYSTEM)


def test_helm_test_injects_calls_and_reads_usage(installed: House) -> None:
    assert "Succeeded" in installed.chart.test()


def test_an_upgrade_keeps_what_runs(installed: House) -> None:
    pod = wait("an agent", lambda: _running_agent(installed), timeout_s=60)
    installed.install("injector.replicas=1")
    installed.install()
    installed.kubectl.wait_condition("routingpolicy", "everything", "Accepted", namespace=SPACE)
    assert _statuses(installed, pod) == {200}
    with pytest.raises(CommandFailed, match="nope"):
        installed.install("nope=1")


def _running_agent(house: House) -> str | None:
    house.kubectl.apply(workloads.deployment("through", SPACE, "0", "0.5", workloads.MODEL))
    return str(house.pod_of("app=through", namespace=SPACE)["metadata"]["name"])


def _statuses(house: House, pod: str) -> set[int]:
    lines = house.kubectl.logs(pod, namespace=SPACE, container="agent").splitlines()
    return {int(json.loads(line)["status"]) for line in lines}
