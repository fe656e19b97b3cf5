"""Repair on a real API server with its controllers and a webhook that really adds a container."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ccproxy_operator.certificates.authority import new_leaf, new_root
from ccproxy_operator.certificates.keeper import utc_now
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.events import Recorder
from ccproxy_operator.repair.keeper import Repair
from ccproxy_operator.webhook.configuration import NAME, configuration
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace, reached

SIDECAR = {"name": "ccproxy", "image": "sidecar", "restartPolicy": "Always"}
WORKLOAD = """
apiVersion: {api}
kind: {kind}
metadata: {{name: app}}
spec:
  {more}
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata:
      labels: {{app: app}}
      annotations: {{{annotations}}}
    spec:
      containers: [{{name: app, image: app}}]
"""
ASKING = 'ccproxy.ai/inject: "true"'

pytestmark = pytest.mark.usefixtures("settled")  # repair looks at the pods of the whole cluster


class Place:
    """A namespace to repair; `injects` False: the webhook lets pods in as they are."""

    def __init__(self, cluster: ControlPlane, api: Cluster) -> None:
        self.cluster, self.api = cluster, api
        self.namespace, self.system = new_namespace(cluster), new_namespace(cluster)
        self.injects = True
        self.repair = self.new_repair()

    def new_repair(self, per_minute: int = 10) -> Repair:
        recorder = Recorder(self.api, registry=Registry(), clock=lambda: utc_now().timestamp())
        return Repair(self.api, recorder, namespace=self.system, registry=Registry(), per_minute=per_minute, look_s=0.2)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin).stdout

    async def make(self, kind: str, *, replicas: int = 2, annotations: str = ASKING) -> list[dict[str, Any]]:
        """A workload whose pods run, as if a kubelet had them."""
        more = (
            f"replicas: {replicas}"
            if kind != "StatefulSet"
            else f"replicas: {replicas}\n  podManagementPolicy: Parallel"
        )
        text = WORKLOAD.format(api="apps/v1", kind=kind, more=more, annotations=annotations)
        await asyncio.to_thread(self.kubectl, "apply", "-f", "-", stdin=text)
        while len(pods := await self.pods_of(kind)) < replicas:  # noqa: ASYNC110 - the cluster has no event for it
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.1)  # creationTimestamp counts whole seconds: what comes later must show it
        for pod in pods:
            await self.ready(pod)
        return pods

    async def pods(self) -> list[dict[str, Any]]:
        found = await self.api.list("Pod", self.namespace)
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    async def pods_of(self, kind: str) -> list[dict[str, Any]]:
        owner = "ReplicaSet" if kind == "Deployment" else kind
        return [pod for pod in await self.pods() if pod["metadata"]["ownerReferences"][0]["kind"] == owner]

    async def ready(self, pod: dict[str, Any]) -> None:
        conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
        status = json.dumps({"status": {"phase": "Running", "conditions": conditions}})
        await asyncio.to_thread(
            self.kubectl, "patch", "pod", pod["metadata"]["name"], "--subresource=status", "-p", status
        )

    async def play_kubelet(self) -> None:
        """Pods become ready; deleted ones go."""
        while True:
            for pod in await self.pods():
                if pod["status"]["phase"] == "Pending":
                    await self.ready(pod)
            await asyncio.sleep(0.2)

    async def event(self, reason: str, about: str) -> dict[str, Any]:
        while True:
            for event in await self.api.list("Event", self.namespace):
                if (event["reason"], event["involvedObject"]["kind"]) == (reason, about):
                    return event
            await asyncio.sleep(0.1)


@asynccontextmanager
async def place(cluster: ControlPlane, folder: Path) -> AsyncIterator[Place]:
    async with reached(cluster) as api:
        where = Place(cluster, Cluster(api))
        try:
            yield where
        finally:  # repair looks at the whole cluster: leave nothing for the next test
            where.kubectl("delete", "deployment,statefulset,job,pod", "--all", "--grace-period=0", "--force")


@asynccontextmanager
async def webhook(where: Place, folder: Path) -> AsyncIterator[None]:
    """The webhook configuration, a server behind it and the endpoint that says so."""
    async with AsyncExitStack() as stack:
        port, roots = await serving(where, folder, stack)
        local = configuration(roots, namespace=where.system)
        for entry in local["webhooks"]:
            entry["clientConfig"] = {"url": f"https://localhost:{port}/", "caBundle": entry["clientConfig"]["caBundle"]}
        await where.api.apply(local)
        stack.callback(where.cluster.kubectl, "delete", "mutatingwebhookconfiguration", NAME)
        await until_in_force(where)
        endpoints = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                     "metadata": {"name": "e", "labels": {"kubernetes.io/service-name": NAME}},
                     "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]}  # fmt: skip
        where.cluster.kubectl("-n", where.system, "apply", "-f", "-", stdin=json.dumps(endpoints))
        yield


async def until_in_force(where: Place) -> None:
    """A new configuration takes a moment."""
    dry_run = ("run", "probe", "--image=a", "--annotations=ccproxy.ai/inject=true", "--dry-run=server", "-o", "json")
    where.injects, wanted = True, where.injects
    while True:
        if "sidecar" in await asyncio.to_thread(where.kubectl, *dry_run):
            where.injects = wanted
            return
        await asyncio.sleep(0.1)


async def serving(where: Place, folder: Path, stack: AsyncExitStack) -> tuple[int, str]:
    root = new_root(utc_now())
    leaf = new_leaf(root, ["localhost"], utc_now())
    (folder / "tls.crt").write_text(leaf.certificate)
    (folder / "tls.key").write_text(leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")

    async def answer(request: web.Request) -> web.Response:
        review = await request.json()
        patch = [
            {"op": "add", "path": "/spec/initContainers", "value": [SIDECAR]},
            {"op": "add", "path": "/metadata/labels", "value": {
                **(review["request"]["object"]["metadata"].get("labels") or {}), "ccproxy.ai/sidecar": "true"}},
        ]  # fmt: skip
        response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": True}
        if where.injects:
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        return web.json_response({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    return runner.addresses[0][1], root.certificate


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_pods_made_without_the_webhook_are_evicted_and_come_back_with_a_sidecar(
    cluster: ControlPlane, tmp_path: Path, kind: str
) -> None:
    async with place(cluster, tmp_path) as where:
        before = {pod["metadata"]["uid"] for pod in await where.make(kind)}
        async with webhook(where, tmp_path), background(where.repair.run()), background(where.play_kubelet()):
            while True:
                pods = await where.pods()
                healed = [pod for pod in pods if pod["spec"].get("initContainers")]
                if len(healed) == len(pods) == 2:
                    break
                await asyncio.sleep(0.1)
            assert not before & {pod["metadata"]["uid"] for pod in pods}
            told = await where.event("RepairEvicted", kind)
            assert told["involvedObject"]["name"] == "app"


async def test_nothing_is_evicted_while_no_injector_would_help(cluster: ControlPlane, tmp_path: Path) -> None:
    async with place(cluster, tmp_path) as where:
        before = await where.make("Deployment")
        await where.repair.look()
        await where.repair.look()
        assert uids(await where.pods()) == uids(before)


async def test_one_try_per_template_also_after_a_change_of_leader(cluster: ControlPlane, tmp_path: Path) -> None:
    async with place(cluster, tmp_path) as where:
        before = uids(await where.make("Deployment"))
        where.injects = False
        async with webhook(where, tmp_path):
            await where.repair.look()
            while len(pods := await where.pods()) < 2:  # noqa: ASYNC110 - the cluster has no event for it
                await asyncio.sleep(0.1)
            await asyncio.sleep(1.1)
            after = uids(pods)
            assert len(after & before) == 1
            for repair in (where.repair, where.new_repair()):
                await repair.look()
                await repair.look()
            assert uids(await where.pods()) == after
            failed = await where.event("RepairFailed", "Deployment")
            assert failed["type"] == "Warning"


async def test_a_disruption_budget_is_kept(cluster: ControlPlane, tmp_path: Path) -> None:
    async with place(cluster, tmp_path) as where:
        where.kubectl("create", "pdb", "app", "--selector=app=app", "--min-available=2")
        before = uids(await where.make("Deployment"))
        where.kubectl("wait", "pdb/app", "--for=jsonpath={.status.currentHealthy}=2", "--timeout=20s")
        async with webhook(where, tmp_path):
            await where.repair.look()
            assert uids(await where.pods()) == before
            where.kubectl("delete", "pdb", "app")
            await where.repair.look()
            assert len(uids(await where.pods()) & before) == 1


async def test_a_pod_that_the_api_server_cannot_evict_stops_no_others(cluster: ControlPlane, tmp_path: Path) -> None:
    """Two budgets for one pod are a 500 at each try."""
    async with place(cluster, tmp_path) as where:
        stuck = uids(await where.make("Deployment"))
        where.kubectl("label", "pods", "--all", "stuck=yes")
        for budget in ("one", "two"):
            where.kubectl("create", "pdb", budget, "--selector=stuck=yes", "--max-unavailable=1")
        others = uids(await where.make("StatefulSet"))
        async with webhook(where, tmp_path):
            await where.repair.look()
        left = uids(await where.pods())
        assert stuck <= left
        assert len(left & others) == 1


async def test_what_cannot_be_repaired_is_told_on_its_owner(cluster: ControlPlane, tmp_path: Path) -> None:
    async with place(cluster, tmp_path) as where:
        cluster.kubectl("label", "namespace", where.namespace, "ccproxy.ai/inject=true")
        before = uids(await where.make("Deployment", annotations=""))
        where.kubectl("create", "job", "job", "--image=a")
        where.kubectl("run", "bare", "--image=a")
        async with webhook(where, tmp_path), background(where.repair.run()):
            said = {
                kind: (await where.event("RepairNotPossible", kind))["message"] for kind in ("Job", "Deployment", "Pod")
            }
        assert "OwnerNotRepairable" in said["Job"]
        assert "kubectl rollout restart" in said["Deployment"]
        assert "NoOwner" in said["Pod"]
        assert before <= uids(await where.pods())


async def test_the_same_event_is_told_once_and_counts_up_for_another_replica(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    async with place(cluster, tmp_path) as where:
        where.kubectl("run", "bare", "--image=a", "--annotations=ccproxy.ai/inject=true")
        await where.repair.look()
        await where.repair.look()
        assert (await where.event("RepairNotPossible", "Pod"))["count"] == 1
        await where.new_repair().look()
        events = await where.api.list("Event", where.namespace)
        assert [event["count"] for event in events if event["reason"] == "RepairNotPossible"] == [2]


async def test_without_a_budget_pods_are_told_of_and_stay(cluster: ControlPlane, tmp_path: Path) -> None:
    async with place(cluster, tmp_path) as where:
        before = uids(await where.make("Deployment"))
        async with webhook(where, tmp_path):
            await where.new_repair(per_minute=0).look()
        assert "RepairOff" in (await where.event("RepairNotPossible", "Deployment"))["message"]
        assert uids(await where.pods()) == before


def uids(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}
