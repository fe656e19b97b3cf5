"""Replicas of the operator as real processes against the test's control plane, and what one asks of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cluster.control_plane import ControlPlane
from tests.waiting import wait_until

CRDS = Path(__file__).resolve().parents[3] / "crds"
LEASE = "ccproxy-operator"


class Replica:
    """One running process."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.process, self._log = name, process, log
        self.ops_port = 0

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def asked(self, path: str) -> tuple[int, str]:
        """Status and text of its operations port; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def metric(self, series: str) -> float:
        """The value of one series; 0 while there is none."""
        for line in self.asked("/metrics")[1].splitlines():
            if line.startswith(f"{series} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)


@contextlib.contextmanager
def replica(cluster: ControlPlane, namespace: str, name: str, folder: Path) -> Iterator[Replica]:
    """A replica that is ready."""
    with started(cluster, namespace, name, folder) as running:
        wait_until(lambda: running.asked("/readyz")[0] == 200, within_s=40)
        yield running


@contextlib.contextmanager
def started(cluster: ControlPlane, namespace: str, name: str, folder: Path) -> Iterator[Replica]:
    """A replica that was just started."""
    environment = {
        "PATH": os.environ["PATH"],
        "CCPROXY_KUBECONFIG": str(cluster.kubeconfig),
        "CCPROXY_NAMESPACE": namespace,
        "CCPROXY_POD_NAME": name,
        "CCPROXY_OPERATOR_HOST": "127.0.0.1",
        "CCPROXY_OPERATOR_PORT": "0",
        "CCPROXY_OPS_PORT": "0",
        "CCPROXY_TOKENS": str(folder),
    }
    log = folder / f"{name}.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "ccproxy_operator"], env=environment, stderr=stderr)
    running = Replica(name, process, log)
    try:
        wait_until(lambda: _ops_port(running) > 0, within_s=20)
        running.ops_port = _ops_port(running)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ops_port(running: Replica) -> int:
    return next((line["ops_port"] for line in running.lines() if line["event"] == "started"), 0)


def install_kinds(cluster: ControlPlane) -> None:
    """The three kinds."""
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=20s")


def holder(cluster: ControlPlane, namespace: str) -> str:
    """Who leads."""
    found = cluster.kubectl(
        "get", "lease", LEASE, "-n", namespace, "-o", "jsonpath={.spec.holderIdentity}", check=False
    )
    return found.stdout


def told(cluster: ControlPlane, kind: str, namespace: str, name: str) -> dict[str, tuple[str, str, str]]:
    """Type of each condition to its status, reason and message; empty while there are none."""
    found = cluster.kubectl("get", kind, name, *_in(namespace), "-o", "json", check=False)
    status = json.loads(found.stdout or "{}").get("status", {})
    return {one["type"]: (one["status"], one["reason"], one["message"]) for one in status.get("conditions", ())}


def version(cluster: ControlPlane, kind: str, namespace: str, name: str) -> str:
    """An object's resourceVersion."""
    return cluster.kubectl("get", kind, name, "-n", namespace, "-o", "jsonpath={.metadata.resourceVersion}").stdout


def policy(namespace: str, name: str, *, backend: str = "anthropic", model: str = "claude-haiku-5-5") -> str:
    """A RoutingPolicy that sends everything to one backend."""
    return f"""
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{default: {{route: {{targets: [{{backend: {backend}, model: {model}}}]}}}}}}
"""


def backend(namespace: str, name: str = "anthropic", *, secret: str = "anthropic") -> str:
    """A ModelBackend whose key is in a Secret."""
    return f"""
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{provider: Anthropic, credentials: {{secretRef: {{name: {secret}, key: api-key}}}}}}
"""


def secret(namespace: str, name: str = "anthropic") -> str:
    """A Secret that is given free for ccproxy."""
    return f"""
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: {namespace}, labels: {{ccproxy.ai/credentials: "true"}}}}
stringData: {{api-key: not-a-real-key-of-anybody}}
"""


def _in(namespace: str) -> tuple[str, ...]:
    return ("-n", namespace) if namespace else ()
