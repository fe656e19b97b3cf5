"""Streams on a real API server: who gets which slice, who gets none, and what ends a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ccproxy_contract.names import AUDIENCE_LEDGER, PATH_ACCOUNTS
from tests.cluster.control_plane import ControlPlane
from tests.cluster.distributor.served import SYSTEM, Served, bound_token, compiled, make_pod, policy, served
from tests.waiting import until


@pytest.fixture
async def replica(cluster: ControlPlane, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(cluster, tmp_path) as running:
        yield running


async def test_a_pod_gets_the_slice_of_its_own_workload_and_each_edit(
    replica: Served, cluster: ControlPlane, tmp_path: Path
) -> None:
    make_pod(cluster, "blue", "coder-1")
    replica.see("blue", "coder-1")
    replica.distributor.publish(
        "blue", compiled("blue", policy("blue"), policy("blue", app="other")), {"RoutingPolicy": "7"}
    )
    async with replica.sidecar(tmp_path, bound_token(cluster, "blue", "coder-1")) as client:
        await until(lambda: client.snapshot is not None)
        assert client.snapshot is not None
        assert (client.snapshot.namespace, client.snapshot.workload) == ("blue", "Pod/coder-1")
        assert client.snapshot.resource_versions == {"RoutingPolicy": "7"}
        assert [backend.name for backend in client.snapshot.backends] == ["anthropic-coder"]
        await until(lambda: states(replica) == ["InSync"])
        replica.distributor.publish("blue", compiled("blue", policy("blue", "claude-opus-5-5")), {"RoutingPolicy": "8"})
        await until(lambda: states(replica) == ["InSync"] and len(client.contents) == 2)
        replica.distributor.publish("blue", compiled("blue", policy("blue", "claude-opus-5-5")), {"RoutingPolicy": "9"})
        replica.distributor.publish("blue", compiled("blue", policy("blue")), {"RoutingPolicy": "10"})
        await until(lambda: len(client.contents) == 3)
        assert "claude-haiku-5-5" in client.contents[-1].decode()


def states(replica: Served) -> list[str]:
    return [entry.state for entry in replica.distributor.acks().sidecars]


async def test_a_token_of_one_namespace_cannot_get_the_slice_of_another(
    replica: Served, cluster: ControlPlane, tmp_path: Path
) -> None:
    for namespace in ("blue", "green"):
        make_pod(cluster, namespace, "same-name")
        replica.see(namespace, "same-name")
        replica.distributor.publish(namespace, compiled(namespace, policy(namespace)), {})
    async with replica.sidecar(tmp_path, bound_token(cluster, "green", "same-name")) as client:
        await until(lambda: client.snapshot is not None)
        assert client.snapshot is not None
        assert client.snapshot.namespace == "green"


@pytest.mark.parametrize("audience", [AUDIENCE_LEDGER, "https://kubernetes.default.svc"])
async def test_a_token_for_another_audience_is_no_token_here(
    replica: Served, cluster: ControlPlane, audience: str
) -> None:
    make_pod(cluster, "blue", "coder-2")
    replica.see("blue", "coder-2")
    assert await replica.refused(bound_token(cluster, "blue", "coder-2", audience=audience)) == 401


async def test_no_token_and_rubbish_are_refused(replica: Served) -> None:
    assert await replica.refused("") == 401
    assert await replica.refused("eyJhbGciOi.rubbish.x") == 401


async def test_a_token_that_no_pod_holds_is_refused(replica: Served, cluster: ControlPlane) -> None:
    make_pod(cluster, "blue", "coder-3")
    replica.see("blue", "coder-3")
    assert await replica.refused(bound_token(cluster, "blue", "")) == 403


async def test_a_pod_without_a_sidecar_is_refused(replica: Served, cluster: ControlPlane) -> None:
    make_pod(cluster, "blue", "not-injected")
    assert await replica.refused(bound_token(cluster, "blue", "not-injected")) == 403


async def test_a_stolen_token_dies_with_its_pod(replica: Served, cluster: ControlPlane, tmp_path: Path) -> None:
    make_pod(cluster, "blue", "short")
    uid = replica.see("blue", "short")
    replica.distributor.publish("blue", compiled("blue", policy("blue")), {})
    token = bound_token(cluster, "blue", "short")
    async with replica.sidecar(tmp_path, token) as client:
        await until(lambda: client.snapshot is not None)
        cluster.kubectl("delete", "pod", "short", "-n", "blue", "--now", "--wait")
        replica.distributor.pod_gone(uid)
        await until(lambda: client.stream.connected_since_s is None)
    assert await replica.refused(token) in (401, 410)  # the API server may remember a review for 10 s
    make_pod(cluster, "blue", "short")
    replica.see("blue", "short")
    started_s = time.monotonic()
    while await replica.refused(token) != 401:
        assert time.monotonic() - started_s < 30
    replica.distributor.pod_gone(uid)


async def test_accounts_are_for_the_ledger_alone(replica: Served, cluster: ControlPlane) -> None:
    make_pod(cluster, "blue", "coder-4")
    make_pod(cluster, "blue", "ccproxy-ledger-0", account="ccproxy-ledger")
    make_pod(cluster, SYSTEM, "ccproxy-ledger-0", account="ccproxy-ledger")
    for namespace, pod, account, status in (
        ("blue", "coder-4", "app", 403),
        ("blue", "ccproxy-ledger-0", "ccproxy-ledger", 403),
        (SYSTEM, "ccproxy-ledger-0", "ccproxy-ledger", 101),
        (SYSTEM, "", "ccproxy-ledger", 403),
    ):
        assert await replica.refused(bound_token(cluster, namespace, pod, account=account), PATH_ACCOUNTS) == status
