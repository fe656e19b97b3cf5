"""Cold start: how long until 2,000 policies in 100 namespaces all have Accepted, and how much memory that takes.

    python -m bench.cluster.operator_start [KUBECONFIG]

Without a kubeconfig it brings up a control plane of its own. The bars: 60 s, 300 MB (resident, at its highest).
Not a test: it prints figures. It needs the programs of `e2e/localkube`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccproxy_contract.names import API_VERSION
from ccproxy_operator.api import Api, access_from, path_of
from tests.cluster.control_plane import ControlPlane, control_plane
from tests.cluster.operator.replicas import Replica, install_kinds, started

NAMESPACES = 100
POLICIES_EACH = 20
SYSTEM = "ccproxy-bench"
AT_ONCE = 16
BAR_S, BAR_MB = 60.0, 300.0


def main() -> int:
    """Print what was measured. 0: the bars hold; 1: they do not."""
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            return 0 if measure(ControlPlane(Path(sys.argv[1])), Path(folder)) else 1
        with control_plane(Path(folder) / "state") as cluster:
            return 0 if measure(cluster, Path(folder)) else 1


def measure(cluster: ControlPlane, folder: Path) -> bool:
    """Fill the cluster, start a replica, watch it work. Do the bars hold?"""
    install_kinds(cluster)
    asyncio.run(_filled(cluster))
    began_s = time.monotonic()
    with started(cluster, SYSTEM, "cold", folder) as replica:
        ready_s = _until(lambda: replica.asked("/readyz")[0] == 200) - began_s
        accepted_s = _until(lambda: asyncio.run(_accepted(cluster)) >= NAMESPACES * POLICIES_EACH) - began_s
        time.sleep(5)
        print(f"policies    {NAMESPACES * POLICIES_EACH} in {NAMESPACES} namespaces")
        print(f"ready       {ready_s:.1f} s: everything compiled, streams served")
        print(f"accepted    {accepted_s:.1f} s: every policy has Accepted with its generation")
        highest_mb, now_mb = (_memory_mb(replica, field) for field in ("VmHWM", "VmRSS"))
        print(f"memory      {highest_mb:.0f} MB at its highest, {now_mb:.0f} MB now")
        print(f"processor   {_processor_s(replica):.1f} s")
        print(f"writes      {replica.metric(WRITTEN):.0f}")
        return accepted_s <= BAR_S and highest_mb < BAR_MB


WRITTEN = 'ccproxy_operator_status_writes_total{result="written"}'


async def _filled(cluster: ControlPlane) -> None:
    api = Api(await access_from(cluster.kubeconfig))
    free = asyncio.Semaphore(AT_ONCE)

    async def create(path: str, body: dict[str, Any]) -> None:
        async with free:
            await api.create(path, body)

    spaces = [f"bench-{number}" for number in range(NAMESPACES)]
    await asyncio.gather(*(create("/api/v1/namespaces", _namespace(name)) for name in (SYSTEM, *spaces)))
    await asyncio.gather(*(create(path, body) for space in spaces for path, body in _objects(space)))
    await api.close()


def _objects(space: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        path_of("v1", "secrets", space),
        {
            "metadata": {"name": "anthropic", "labels": {"ccproxy.ai/credentials": "true"}},
            "stringData": {"api-key": "not-a-key"},
        },
    )
    yield (
        path_of(API_VERSION, "modelbackends", space),
        _own(
            "ModelBackend",
            "anthropic",
            {"provider": "Anthropic", "credentials": {"secretRef": {"name": "anthropic", "key": "api-key"}}},
        ),
    )
    for number in range(POLICIES_EACH):
        rules = [
            {"name": f"rule-{rule}", "match": {"agents": [f"agent-{rule}"]}, "then": _route("claude-haiku-5-5")}
            for rule in range(4)
        ]
        spec = {"priority": number, "workloadSelector": {"matchLabels": {"app": f"app-{number}"}}, "rules": rules}
        yield (
            path_of(API_VERSION, "routingpolicies", space),
            _own("RoutingPolicy", f"policy-{number}", {**spec, "default": _route("claude-sonnet-5-5")}),
        )


def _own(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _namespace(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}}


def _route(model: str) -> dict[str, Any]:
    return {"route": {"targets": [{"backend": "anthropic", "model": model}]}}


async def _accepted(cluster: ControlPlane) -> int:
    """How many policies have Accepted for what is written in them now."""
    api = Api(await access_from(cluster.kubeconfig))
    found, _ = await api.list(path_of(API_VERSION, "routingpolicies"))
    await api.close()
    return sum(1 for policy in found if _is_accepted(policy))


def _is_accepted(policy: dict[str, Any]) -> bool:
    conditions = (policy.get("status") or {}).get("conditions") or []
    now = policy["metadata"]["generation"]
    return any(one["type"] == "Accepted" and one.get("observedGeneration") == now for one in conditions)


def _until(holds: Any) -> float:
    while not holds():
        time.sleep(0.2)
    return time.monotonic()


def _memory_mb(replica: Replica, field: str) -> float:
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1e6


def _processor_s(replica: Replica) -> float:
    fields = Path(f"/proc/{replica.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    sys.exit(main())
