"""The two servers that the convergence bench can measure: the operator as it is, and its streams alone.

Each is told of an edit and tells when it began; and says when all acknowledgements have reached it.
Next: `convergence_static.py`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any, Protocol

from bench.cluster.convergence_world import NAMESPACE, policies, policy
from ccproxy_operator.api import Api, access_from, path_of
from tests.cluster.control_plane import ControlPlane
from tests.conftest import free_port
from tests.fakes.tls_files import made_root

CRDS = Path(__file__).resolve().parents[2] / "crds"
SYSTEM = "ccproxy-system"
HOST = f"ccproxy-operator.{SYSTEM}.svc"
"""The name in the operator's certificate; clients resolve it to loopback."""
_COUNT = re.compile(rb"ccproxy_config_convergence_seconds_count (\d+)")


class Server(Protocol):
    """A process with streams at `port`, whose root certificate is `root` (PEM)."""

    process: subprocess.Popen[str]
    port: int
    root: str

    def edit(self, generation: int) -> float:
        """Change a policy; the monotonic time just before."""
        ...

    def synced_s(self) -> float:
        """Wait until the server has all acknowledgements; the monotonic time then."""
        ...


class Static:
    """`convergence_static.py`: told on stdin to publish."""

    def __init__(self, cluster: ControlPlane, folder: Path, _sidecars: int) -> None:
        root = made_root(folder / "root")
        tls = root.leaf(folder / "tls", HOST)
        self.root = root.pem
        self.process = started("bench.cluster.convergence_static", str(cluster.kubeconfig), str(tls))
        self.port = int(told(self.process)["port"])
        self._done: dict[str, Any] = {}

    def edit(self, generation: int) -> float:
        pipe(self.process.stdin).write(f"{generation}\n")
        pipe(self.process.stdin).flush()
        self._done = {}
        return time.monotonic()

    def synced_s(self) -> float:
        return float(told(self.process)["in_sync_s"])


class Operator:
    """`python -m ccproxy_operator` with the kinds, its own certificates, Lease and status writes; edits by the API."""

    def __init__(self, cluster: ControlPlane, folder: Path, sidecars: int) -> None:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        cluster.kubectl("create", "namespace", SYSTEM, check=False)
        cluster.kubectl("delete", "lease", "--all", "-n", SYSTEM)
        self._cluster, self._sidecars, self._seen = cluster, sidecars, 0
        self._loop = asyncio.new_event_loop()
        self._api = self._loop.run_until_complete(_api(cluster))
        for obj in policies(0):
            self._apply(obj)
        self.port, self._ops_port = free_port(), free_port()
        self.process = self._start(folder)
        self._wait_until_ready()
        secret = cluster.kubectl(
            "get", "secret", "ccproxy-operator-tls", "-n", SYSTEM, "-o", "jsonpath={.data.ca\\.crt}"
        )
        self.root = base64.b64decode(secret.stdout).decode()

    def edit(self, generation: int) -> float:
        self._seen = self._seen or self._count()
        self._seen += self._sidecars
        started_s = time.monotonic()
        self._apply(policy(0, generation))
        return started_s

    def synced_s(self) -> float:
        while self._count() < self._seen:
            time.sleep(0.01)
        return time.monotonic()

    def _apply(self, obj: dict[str, Any]) -> None:
        plural = {"RoutingPolicy": "routingpolicies", "ModelBackend": "modelbackends"}[obj["kind"]]
        path = path_of(obj["apiVersion"], plural, NAMESPACE, name=obj["metadata"]["name"])
        self._loop.run_until_complete(self._api.apply(path, obj, manager="bench"))

    def _start(self, folder: Path) -> subprocess.Popen[str]:
        settings = {
            "CCPROXY_NAMESPACE": SYSTEM,
            "CCPROXY_KUBECONFIG": str(self._cluster.kubeconfig),
            "CCPROXY_POD_NAME": "bench-0",
            "CCPROXY_OPERATOR_HOST": "127.0.0.1",
            "CCPROXY_OPERATOR_PORT": str(self.port),
            "CCPROXY_OPS_PORT": str(self._ops_port),
        }
        log = (folder / "operator.log").open("w")
        return subprocess.Popen(
            [sys.executable, "-m", "ccproxy_operator"], env=os.environ | settings, stderr=log, text=True
        )

    def _count(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._ops_port}/metrics", timeout=10) as answer:
            found = _COUNT.search(answer.read())
        return int(found[1]) if found else 0

    def _wait_until_ready(self) -> None:
        ends_s = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self._ops_port}/readyz", timeout=2).close()
                return
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < ends_s, "the operator is not ready after 60 s"
                assert self.process.poll() is None, "the operator has ended"
                time.sleep(0.2)


async def _api(cluster: ControlPlane) -> Api:
    return Api(await access_from(cluster.kubeconfig))


def started(module: str, *arguments: str) -> subprocess.Popen[str]:
    """A bench process that is talked to over its pipes."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The process's next line."""
    line = pipe(process.stdout).readline()
    assert line, f"a process ended with {process.poll()}"
    found: dict[str, Any] = json.loads(line)
    assert "rejected" not in found, found
    return found


def pipe(end: IO[str] | None) -> IO[str]:
    """The pipe, which is there."""
    assert end is not None
    return end


def scratch() -> Path:
    """A folder in memory, as a pod's volume for its snapshot."""
    return Path(tempfile.mkdtemp(prefix="convergence-", dir="/dev/shm"))
