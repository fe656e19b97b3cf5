"""Two namespaces, two tenants: nobody gets the other's slice, and a stolen token is worth nothing for long."""

from __future__ import annotations

import json

import pytest

from e2e import workloads
from e2e.chart import SYSTEM
from e2e.commands import wait
from e2e.house import House
from e2e.usage import usage

A, B = "team-a", "team-b"
LISTEN = """
import asyncio, json, os, ssl, sys
import aiohttp
from ccproxy_contract.features import FEATURES

async def main():
    token = sys.argv[1] if len(sys.argv) > 1 else open("/var/run/secrets/ccproxy/ccproxy-config").read().strip()
    features = sys.argv[2:] or sorted(FEATURES)
    trust = ssl.create_default_context(cadata=os.environ["CCPROXY_ROOT_CERTIFICATE"])
    url = os.environ["CCPROXY_OPERATOR_URL"] + "/v1/stream"
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url, headers={"authorization": "Bearer " + token}, ssl=trust) as socket:
                await socket.send_str(json.dumps({"type": "hello", "features": features}))
                word = await socket.receive(15)
                text = word.data if isinstance(word.data, str) else repr(word.data)
                print(json.dumps({"status": 101, "close": socket.close_code, "text": text}))
        except aiohttp.WSServerHandshakeError as refused:
            print(json.dumps({"status": refused.status}))

asyncio.run(main())
"""
"""Speaks to the operator as a sidecar would, from inside a pod, with any token."""


@pytest.fixture(scope="module", autouse=True)
def _spaces(installed: House) -> None:
    for name, key in ((A, "sk-of-a-alone"), (B, "sk-of-b-alone")):
        installed.tenant_space(name, team=name)
        host = workloads.PROVIDER_URL.split("/")[2]
        installed.kubectl.apply(workloads.tenant(name, team=name))
        installed.kubectl.apply(workloads.secret("scripted", name, hosts=host, key=key))
        installed.kubectl.apply(workloads.deployment("agent", name, "0", "1", workloads.MODEL))
    for name in (A, B):
        installed.pod_of("app=agent", namespace=name)


def _pod(house: House, space: str) -> str:
    return str(house.pod_of("app=agent", namespace=space)["metadata"]["name"])


def _listen(house: House, space: str, *arguments: str) -> dict[str, object]:
    command = ["/venv/bin/python", "-c", LISTEN, *arguments]
    said = house.kubectl.execute(_pod(house, space), command, namespace=space, container="ccproxy")
    answer: dict[str, object] = json.loads(said)
    return answer


def _token(house: House, space: str, audience: str) -> str:
    command = ["/venv/bin/python", "-c", f"print(open('/var/run/secrets/ccproxy/{audience}').read())"]
    return house.kubectl.execute(_pod(house, space), command, namespace=space, container="ccproxy").strip()


def test_a_pod_gets_its_own_slice_and_no_other(installed: House) -> None:
    own, other = str(_listen(installed, A)["text"]), str(_listen(installed, B)["text"])
    assert "sk-of-a-alone" in own
    assert "sk-of-b-alone" not in own
    assert "sk-of-a-alone" not in other
    assert "sk-of-b-alone" in other


@pytest.mark.parametrize("audience", ["ccproxy-ledger", "ccproxy-compressor"])
def test_a_token_for_another_server_is_nobody_here(installed: House, audience: str) -> None:
    assert _listen(installed, A, _token(installed, A, audience)) == {"status": 401}


def test_a_stolen_token_dies_with_its_pod(installed: House) -> None:
    stolen = _token(installed, B, "ccproxy-config")
    assert _listen(installed, A, stolen)["status"] == 101
    installed.kubectl.delete("deployment", "agent", namespace=B)
    wait("the pods of B to be gone", lambda: not installed.kubectl.items("pods", namespace=B), timeout_s=60)
    wait("the token to be refused", lambda: _refused(_listen(installed, A, stolen)), timeout_s=30)
    installed.kubectl.apply(workloads.deployment("agent", B, "0", "1", workloads.MODEL))


def _refused(answer: dict[str, object]) -> bool:
    return answer["status"] != 101 or answer["close"] is not None


def test_an_old_sidecar_gets_no_rule_that_it_does_not_know(installed: House) -> None:
    rule = {"name": "new-things", "match": {"contains": ["secret plan"]}, "then": {"route": _to("scripted")}}
    installed.kubectl.apply(workloads.policy("newer", A, rule, priority=9))
    wait("the rule", lambda: "new-things" in str(_listen(installed, A)["text"]), timeout_s=20)
    token = _token(installed, A, "ccproxy-config")
    old = _listen(installed, A, token, "match.models", "then.route", "route.Priority")
    assert "new-things" not in str(old["text"])
    installed.kubectl.delete("routingpolicy", "newer", namespace=A)


def _to(backend: str) -> dict[str, object]:
    return {"targets": [{"backend": backend}]}


def test_each_tenant_pays_for_its_own_calls(installed: House) -> None:
    def both() -> dict[str, int] | None:
        groups = usage(installed.kubectl, group_by="tenant")["groups"]
        calls = {group["tenant"]: group["calls"] for group in groups}
        return calls if calls.get(A) and calls.get(B) else None

    wait("calls of both tenants", both, timeout_s=60)


def test_credentials_stand_in_no_log_of_the_system(installed: House) -> None:
    for component in ("operator", "injector", "ledger"):
        for pod in installed.system_pods(component):
            said = installed.kubectl("logs", pod["metadata"]["name"], "-n", SYSTEM, "--all-containers")
            assert "sk-of-" not in said
