"""Leaders that die or stall, an API server that stalls, dies or forgets: the operator gets over all of it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.operator.replicas import (
    backend,
    holder,
    install_kinds,
    policy,
    replica,
    secret,
    started,
    told,
)
from tests.cluster.reached import new_namespace
from tests.waiting import wait_until

WRITTEN = 'ccproxy_operator_status_writes_total{result="written"}'


@pytest.fixture
def own_system(cluster: ControlPlane) -> str:
    install_kinds(cluster)
    return new_namespace(cluster, "system")


def test_the_other_replica_writes_when_the_leader_is_killed(
    cluster: ControlPlane, own_system: str, tmp_path: Path
) -> None:
    space = new_namespace(cluster)
    with (
        replica(cluster, own_system, "first", tmp_path) as first,
        replica(cluster, own_system, "second", tmp_path) as second,
    ):
        wait_until(lambda: holder(cluster, own_system) == "first")
        cluster.apply("---".join((secret(space), backend(space), policy(space, "before"))))
        wait_until(lambda: len(told(cluster, "routingpolicy", space, "before")) == 3)
        assert first.metric(WRITTEN) > 0
        assert second.metric(WRITTEN) == 0
        first.signal(signal.SIGKILL)
        cluster.apply(policy(space, "after"))
        wait_until(lambda: len(told(cluster, "routingpolicy", space, "after")) == 3, within_s=15)
        assert holder(cluster, own_system) == "second"


def test_a_leader_that_stalled_writes_no_more(cluster: ControlPlane, own_system: str, tmp_path: Path) -> None:
    space = new_namespace(cluster)
    with (
        replica(cluster, own_system, "first", tmp_path) as first,
        replica(cluster, own_system, "second", tmp_path) as second,
    ):
        wait_until(lambda: holder(cluster, own_system) == "first" and first.metric("ccproxy_operator_leading") == 1)
        before = first.metric(WRITTEN)
        first.signal(signal.SIGSTOP)
        cluster.apply("---".join((secret(space), backend(space), policy(space, "p"))))
        wait_until(lambda: len(told(cluster, "routingpolicy", space, "p")) == 3, within_s=15)
        first.signal(signal.SIGCONT)
        wait_until(lambda: first.metric("ccproxy_operator_leading") == 0)
        assert first.metric(WRITTEN) == before
        assert holder(cluster, own_system) == "second"
        second.process.terminate()  # a clean stop gives the Lease back: the other leads within seconds
        wait_until(lambda: holder(cluster, own_system) == "first", within_s=8)
        assert second.process.wait(10) == 0


def test_a_paused_api_server_is_waited_for(cluster: ControlPlane, own_system: str, tmp_path: Path) -> None:
    space = new_namespace(cluster)
    with replica(cluster, own_system, "only", tmp_path) as only:
        cluster.apply("---".join((secret(space), backend(space), policy(space, "p"))))
        wait_until(lambda: told(cluster, "routingpolicy", space, "p").get("ResolvedRefs", ("",))[0] == "True")
        with paused(cluster):
            time.sleep(8)  # longer than the Lease is renewed
            assert only.asked("/healthz")[0] == 200
            assert only.asked("/readyz")[0] == 200
        cluster.kubectl("delete", "secret", "anthropic", "-n", space)
        wait_until(lambda: told(cluster, "routingpolicy", space, "p")["ResolvedRefs"][0] == "False", within_s=30)
        assert only.process.poll() is None


def test_a_lost_history_is_listed_anew_and_what_was_deleted_meanwhile_is_gone(
    cluster: ControlPlane, own_system: str, tmp_path: Path
) -> None:
    """Watches ask from a version that etcd has compacted and a new API server never saw: 410."""
    space = new_namespace(cluster)
    with replica(cluster, own_system, "only", tmp_path) as only:
        cluster.apply("---".join((secret(space), backend(space), policy(space, "p"))))
        wait_until(lambda: told(cluster, "routingpolicy", space, "p").get("ResolvedRefs", ("",))[0] == "True")
        lists = only.metric('ccproxy_operator_lists_total{kind="Secret"}')
        only.signal(signal.SIGSTOP)
        restart(cluster)  # cuts the watches, so that nothing of what follows lies in their sockets
        cluster.kubectl("delete", "secret", "anthropic", "-n", space)
        compact(cluster)
        restart(cluster)
        only.signal(signal.SIGCONT)
        wait_until(lambda: told(cluster, "routingpolicy", space, "p")["ResolvedRefs"][0] == "False", within_s=30)
        assert only.metric('ccproxy_operator_lists_total{kind="Secret"}') > lists
        assert only.process.poll() is None


def test_the_kinds_may_come_after_the_operator(cluster: ControlPlane, own_system: str, tmp_path: Path) -> None:
    cluster.kubectl("delete", "crd", "tenants.ccproxy.ai")
    with started(cluster, own_system, "early", tmp_path) as early:
        wait_until(lambda: "waiting for Tenant" in early.asked("/readyz")[1])
        install_kinds(cluster)
        wait_until(lambda: early.asked("/readyz")[0] == 200, within_s=40)


@contextmanager
def paused(cluster: ControlPlane) -> Iterator[None]:
    """The API server is stopped, as by a machine that swaps."""
    process = api_server(cluster)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def restart(cluster: ControlPlane) -> None:
    """Kill the API server and start another."""
    process = api_server(cluster)
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{process}").exists())
    cluster.localkube("start", "kube-apiserver")
    wait_until(lambda: cluster.kubectl("get", "--raw", "/readyz", check=False).returncode == 0, within_s=30)


def api_server(cluster: ControlPlane) -> int:
    """Its process id."""
    found = re.search(r"kube-apiserver\s+(\d+)", cluster.localkube("status"))
    assert found is not None
    return int(found.group(1))


def compact(cluster: ControlPlane) -> None:
    """Have etcd forget all but the newest revision."""
    port = json.loads((cluster.kubeconfig.parent / "addresses.json").read_text())["etcd"][0]
    newest = _etcd(port, "kv/range", {"key": "AA==", "range_end": "AA==", "limit": "1"})["header"]["revision"]
    _etcd(port, "kv/compaction", {"revision": newest, "physical": True})


def _etcd(port: int, path: str, asked: dict[str, object]) -> dict[str, dict[str, str]]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/{path}", data=json.dumps(asked).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, dict[str, str]] = json.load(answer)
    return found
