"""What every test stands on: a cluster, the images in it, the chart installed, the scripted provider running.

Must not assert anything about ccproxy. Next: the tests, `test_one_path.py` first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e import images, workloads
from e2e.chart import CHART, SYSTEM, Chart
from e2e.clusters import Cluster, cluster
from e2e.commands import CommandFailed, wait
from e2e.kubectl import Kubectl, Object
from e2e.settings import REUSE

SETTINGS = (
    "image.registry=localhost",
    f"image.tag={images.TAG}",
    "image.pullPolicy=Never",
    "ledger.persistence.enabled=false",
    "images.qrhead.repository=ccproxy-compressor",  # its pods wait for a GPU; only that is looked at
)


class House:
    """One cluster with ccproxy's images in it."""

    def __init__(self, running: Cluster) -> None:
        self.cluster = running
        self.kubectl: Kubectl = running.kubectl
        self.chart = Chart(running.helm, running.kubectl.kubeconfig)

    def install(self, *settings: str, chart: Path = CHART) -> None:
        """Install or upgrade the chart with the images under test."""
        self.chart.install(*SETTINGS, *settings, chart=chart)

    def start_provider(self) -> None:
        """Run the scripted provider."""
        self.kubectl.apply(*workloads.provider())
        self.kubectl.rolled_out("deployment", "scripted", namespace=workloads.PROVIDER_NAMESPACE)

    def provider_calls(self) -> list[dict[str, Any]]:
        """What the provider saw, oldest first."""
        script = "import urllib.request as r;print(r.urlopen('http://127.0.0.1:8000/_fake/calls').read().decode())"
        return [json.loads(line) for line in self._in_provider(script).splitlines() if line.strip()]

    def plan(self, *faults: dict[str, Any]) -> None:
        """Tell the provider what to do with its next calls."""
        script = (
            "import sys,urllib.request as r;"
            "r.urlopen(r.Request('http://127.0.0.1:8000/_fake/plan',data=sys.stdin.buffer.read(),method='POST'))"
        )
        self._in_provider(script, json.dumps(faults))

    def _in_provider(self, script: str, stdin: str = "") -> str:
        where = workloads.PROVIDER_NAMESPACE
        pod = self.kubectl.items("pods", namespace=where, labels="app=scripted")[0]["metadata"]["name"]
        command = ["/venv/bin/python", "-c", script]
        return self.kubectl.execute(pod, command, namespace=where, container="provider", stdin=stdin)

    def tenant_space(self, name: str, **labels: str) -> None:
        """A namespace with a backend `scripted`, its key, and a policy that sends everything there."""
        host = workloads.PROVIDER_URL.split("/")[2]
        self.kubectl.apply(workloads.namespace(name, **labels))
        self.kubectl.apply(
            workloads.secret("scripted", name, hosts=host),
            workloads.backend("scripted", name),
            workloads.policy("everything", name, default="scripted"),
        )
        self.kubectl.wait_condition("modelbackend", "scripted", "ResolvedRefs", namespace=name)

    def job_done(self, name: str, *, namespace: str, timeout_s: int = 90) -> str:
        """Wait for a Job's end; the agent's output. Raises `CommandFailed` when it failed."""

        def ended() -> Object | None:
            status = self.kubectl.get("job", name, namespace=namespace).get("status", {})
            return status if status.get("succeeded") or status.get("failed") else None

        status = wait(f"job {name} to end", ended, timeout_s=timeout_s)
        pod = self.kubectl.items("pods", namespace=namespace, labels=f"job-name={name}")[0]["metadata"]["name"]
        printed = self.kubectl.logs(pod, namespace=namespace, container="agent")
        if not status.get("succeeded"):
            sidecar = self.kubectl.logs(pod, namespace=namespace, container="ccproxy")
            raise CommandFailed(f"job {name} failed: {printed}\n{sidecar}")
        return printed

    def pod_of(self, labels: str, *, namespace: str) -> Object:
        """The only running pod with these labels."""

        def ask() -> Object | None:
            pods = self.kubectl.items("pods", namespace=namespace, labels=labels)
            live = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
            ready = [pod for pod in live if _ready(pod)]
            return ready[0] if len(live) == 1 and ready else None

        return wait(f"a ready pod {labels}", ask, timeout_s=90)

    def system_pods(self, component: str) -> list[Object]:
        """Pods of one of ccproxy's components."""
        return self.kubectl.items("pods", namespace=SYSTEM, labels=f"app.kubernetes.io/component={component}")


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


@contextmanager
def house() -> Iterator[House]:
    """Bring everything up but the chart."""
    began = time.monotonic()
    archives = images.built()
    print(f"images built after {time.monotonic() - began:.0f} s", flush=True)
    with cluster() as running:
        if not REUSE:
            images.load_all(running, archives)
        made = House(running)
        made.start_provider()
        print(f"cluster ready after {time.monotonic() - began:.0f} s", flush=True)
        yield made
