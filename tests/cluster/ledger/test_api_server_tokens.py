"""Tokens and keys of a real API server: a collector takes what its TokenRequest gives, and nothing else.

kube-apiserver signs the tokens, publishes the keys, and is killed in between.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccproxy_contract.names import AUDIENCE_COMPRESSOR, AUDIENCE_CONFIG, AUDIENCE_LEDGER
from ccproxy_runtime.issuer_keys import ApiServer, IssuerKeys
from ccproxy_runtime.service_tokens import ServiceToken, TokenVerifier, Unverified
from tests.cluster.control_plane import ControlPlane
from tests.ledger.cluster import SYSTEM, house
from tests.ledger.sending import life, new_src
from tests.waiting import until, wait_until

POD = """
apiVersion: v1
kind: Pod
metadata: {name: coder-1, namespace: team-a}
spec: {serviceAccountName: coder, containers: [{name: app, image: none}]}
"""


@pytest.fixture(scope="module")
def tenants(settled: ControlPlane) -> ControlPlane:
    """A namespace with a pod of its own ServiceAccount, and the system namespace with a reader."""
    for command in (
        ("create", "namespace", "team-a"),
        ("create", "namespace", SYSTEM),
        ("-n", "team-a", "create", "serviceaccount", "coder"),
        ("-n", SYSTEM, "create", "serviceaccount", "ccproxy-ledger"),
        ("-n", SYSTEM, "create", "serviceaccount", "ccproxy-reader"),
    ):
        settled.kubectl(*command)
    settled.kubectl("create", "-f", "-", stdin=POD)
    return settled


def token(cluster: ControlPlane, account: str, *, namespace: str, audience: str = "", pod: str = "") -> str:
    """By the TokenRequest API, as kubelet asks for a projected token; without an audience the API server's own."""
    bound = ["--bound-object-kind=Pod", f"--bound-object-name={pod}"] if pod else []
    asked = [f"--audience={audience}"] if audience else []
    return cluster.kubectl("-n", namespace, "create", "token", account, *asked, *bound).stdout.strip()


def api_server(cluster: ControlPlane, folder: Path) -> ApiServer:
    """As a pod of the ledger sees it: its own token, and the root of the API server."""
    config = json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    folder.mkdir(exist_ok=True)
    (folder / "ca.crt").write_bytes(base64.b64decode(config["certificate-authority-data"]))
    (folder / "token").write_text(token(cluster, "ccproxy-ledger", namespace=SYSTEM))
    return ApiServer(url=config["server"], ca_file=folder / "ca.crt", token_file=folder / "token")


def verifier(keys: IssuerKeys, audience: str = AUDIENCE_LEDGER) -> TokenVerifier:
    return TokenVerifier(keys, audience=audience, clock_s=time.time)


async def test_a_pods_token_is_verified_without_asking_the_api_server(tenants: ControlPlane, tmp_path: Path) -> None:
    api = api_server(tenants, tmp_path)
    keys = IssuerKeys(api, kept=tmp_path / "issuer.json", clock_s=time.monotonic)
    assert await keys.refresh()
    shown = token(tenants, "coder", namespace="team-a", audience=AUDIENCE_LEDGER, pod="coder-1")
    uid = json.loads(tenants.kubectl("-n", "team-a", "get", "pod", "coder-1", "-o", "json").stdout)["metadata"]["uid"]
    found = await verifier(keys).verify(f"Bearer {shown}")
    assert isinstance(found, ServiceToken), found
    assert (found.namespace, found.service_account, found.pod, found.pod_uid) == ("team-a", "coder", "coder-1", uid)
    assert 0 < found.expires_s - time.time() <= 3607
    for audience in (AUDIENCE_CONFIG, AUDIENCE_COMPRESSOR):
        assert await verifier(keys, audience).verify(f"Bearer {shown}") == Unverified("audience")


async def test_the_pods_own_token_for_the_api_server_is_no_token_for_us(tenants: ControlPlane, tmp_path: Path) -> None:
    keys = IssuerKeys(api_server(tenants, tmp_path), kept=None, clock_s=time.monotonic)
    assert await keys.refresh()
    shown = token(tenants, "coder", namespace="team-a", pod="coder-1")
    assert await verifier(keys).verify(f"Bearer {shown}") == Unverified("audience")


async def test_a_ledger_takes_real_tokens_and_outlives_the_api_server(tenants: ControlPlane, tmp_path: Path) -> None:
    async with house(tmp_path, "") as (here, client):
        api = api_server(tenants, tmp_path / "account")
        real = {"CCPROXY_API_SERVER": api.url, "CCPROXY_SERVICE_ACCOUNT": str(tmp_path / "account")}
        ledger = here.process("both", "ledger-0", CCPROXY_PGDATA=str(tmp_path / "pg"), **real).start()
        pod = _bearer(token(tenants, "coder", namespace="team-a", audience=AUDIENCE_LEDGER, pod="coder-1"))
        config = _bearer(token(tenants, "coder", namespace="team-a", audience=AUDIENCE_CONFIG, pod="coder-1"))
        reader = _bearer(token(tenants, "ccproxy-reader", namespace=SYSTEM, audience=AUDIENCE_LEDGER))
        await client.until_ready(ledger)
        await client.deliver(ledger, life(new_src(), 2), pod)
        assert (await client.post(ledger, life(new_src(), 1), config))[0] == 401
        assert (await client.post(ledger, life(new_src(), 1), reader))[0] == 403
        assert (await client.post(ledger, life(new_src(), 1), here.header()))[0] == 401  # another cluster's
        with without_api_server(tenants):
            ledger.kill()
            ledger.start()
            await client.until_ready(ledger)
            await client.deliver(ledger, life(new_src(), 2), pod)
            await until(lambda: "database_ready" in ledger.log.rpartition('"serving"')[2])
            assert (await client.get(f"{ledger.url}/usage", headers=pod))[0] == 403
            assert (await client.get(f"{ledger.url}/usage", headers=reader))[0] == 200


@contextmanager
def without_api_server(plane: ControlPlane) -> Iterator[None]:
    """Killed as a crash would, and started again."""
    status = plane.localkube("status")
    pid = int(next(line for line in status.splitlines() if line.startswith("kube-apiserver")).split()[1])
    os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        plane.localkube("start", "kube-apiserver")
        wait_until(lambda: plane.kubectl("get", "--raw=/readyz", check=False).returncode == 0, within_s=30)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
