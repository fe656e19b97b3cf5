"""Compressors on a real API server with its controllers: made, rolled, put right, removed, and what status says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ccproxy_operator.api import Api
from ccproxy_operator.children.keeper import Children
from ccproxy_operator.children.manifests import Site, Wish
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.status.conditions import Condition
from ccproxy_policy.kinds.compressor import Compressor
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace, reached

KINDS = ("Deployment", "Service", "PodDisruptionBudget")


def backend(name: str, **compressor: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "team-a"}, "spec": {"compressor": compressor}}


def child(name: str) -> str:
    return Wish("team-a", name, Compressor.model_validate({"engine": "Cpu"})).child_name


class Kept:
    """A running keeper; a test changes `backends` and reads `said`."""

    def __init__(self, api: Api, cluster: ControlPlane, namespace: str) -> None:
        self.api, self.cluster, self.namespace = Cluster(api), cluster, namespace
        self.backends: list[dict[str, Any]] | None = []
        self.said: dict[str, Condition | None] = {}
        site = Site(namespace=namespace, images={"Cpu": "compressor:1", "QRHead": "compressor-gpu:1"})
        self.keeper = Children(
            self.api, site=site, backends=lambda: self.backends, report=self._report, registry=Registry(), tick_s=0.1
        )

    def _report(self, key: tuple[str, str, str], condition: Condition | None) -> None:
        assert key[:2] == ("ModelBackend", "team-a")
        self.said[key[2]] = condition

    async def there(self, name: str) -> list[dict[str, Any] | None]:
        return [await self.api.get(kind, child(name), self.namespace) for kind in KINDS]

    async def until_there(self, name: str) -> list[dict[str, Any]]:
        while True:
            found = [one for one in await self.there(name) if one is not None]
            if len(found) == len(KINDS):
                return found
            await asyncio.sleep(0.1)

    async def until_said(self, name: str, words: str) -> Condition:
        while True:
            said = self.said.get(name)
            if said is not None and words in said.message:
                return said
            await asyncio.sleep(0.1)

    async def until_gone(self, name: str) -> None:
        while True:
            if await self.there(name) == [None, None, None] and self.said[name] is None:
                return
            await asyncio.sleep(0.1)

    async def until_spec(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        while True:
            found = await self.api.get(kind, child(name), self.namespace)
            if found is not None and found["spec"] == spec:
                return
            await asyncio.sleep(0.1)

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments).stdout


@asynccontextmanager
async def kept(cluster: ControlPlane, *, account: bool = True) -> AsyncIterator[Kept]:
    async with reached(cluster) as api:
        one = Kept(api, cluster, new_namespace(cluster))
        one.kubectl("label", "namespace", one.namespace, "pod-security.kubernetes.io/enforce=restricted")
        if account:
            one.kubectl("create", "serviceaccount", "ccproxy-compressor")
        async with background(one.keeper.run()):
            yield one


async def test_a_gpu_compressor_waits_for_a_gpu_node_and_says_so(cluster: ControlPlane) -> None:
    async with kept(cluster) as one:
        one.backends = [backend("judge", engine="QRHead", model="mistralai/Mistral-7B-v0.2", quantization="Int4")]
        deployment, service, budget = await one.until_there("judge")
        pod = deployment["spec"]["template"]["spec"]
        (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert term["matchExpressions"][0]["values"] == ["NVIDIA-A10", "NVIDIA-A10-SHARED", "NVIDIA-A10G"]
        assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert pod["tolerations"][0]["key"] == "nvidia.com/gpu"
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
        assert pod["containers"][0]["startupProbe"]["failureThreshold"] >= 300
        assert service["spec"]["ports"][0]["port"] == 4144
        assert budget["spec"]["maxUnavailable"] == 1
        said = await one.until_said("judge", "no nodes available")
        assert (said.type, said.status, said.reason) == ("CompressorReady", "False", "Pending")


async def test_a_compressor_becomes_ready_rolls_on_a_change_and_goes_with_its_backend(cluster: ControlPlane) -> None:
    async with kept(cluster) as one:
        one.backends = [backend("folds", engine="Cpu", replicas=1)]
        before = (await one.until_there("folds"))[0]
        assert "affinity" not in before["spec"]["template"]["spec"]
        await one.until_said("folds", "0 of 1 replica ready")
        make_ready(one, "folds")
        said = await one.until_said("folds", "1 of 1 replica ready.")
        assert (said.status, said.reason) == ("True", "Ready")
        one.backends = [backend("folds", engine="QRHead", model="m", replicas=2)]
        await one.until_said("folds", "of 2 replicas ready")
        after = (await one.until_there("folds"))[0]
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "compressor-gpu:1"
        one.backends = None
        await asyncio.sleep(0.5)
        assert None not in await one.there("folds")
        one.backends = []
        await one.until_gone("folds")


def make_ready(one: Kept, name: str) -> None:
    """Play kubelet: there is no node."""
    label = Wish("team-a", name, Compressor.model_validate({"engine": "Cpu"})).id
    names = ""
    while not names:
        names = one.kubectl("get", "pods", "-l", f"ccproxy.ai/backend={label}", "-o", "name")
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    for pod in names.split():
        one.kubectl("patch", pod, "--subresource=status", "-p", json.dumps(ready))


async def test_edits_by_hand_are_put_right_also_what_was_added(cluster: ControlPlane) -> None:
    async with kept(cluster) as one:
        one.backends = [backend("folds", engine="Cpu")]
        deployment, service, budget = await one.until_there("folds")
        name = child("folds")
        one.kubectl("scale", "deployment", name, "--replicas=5")
        one.kubectl("set", "env", f"deployment/{name}", "ADDED=1")
        one.kubectl("patch", "service", name, "-p", '{"spec":{"ports":[{"port":4144,"targetPort":1}]}}')
        one.kubectl("patch", "pdb", name, "--type=merge", "-p", '{"spec":{"maxUnavailable":"50%"}}')
        await one.until_spec("Deployment", "folds", deployment["spec"])
        await one.until_spec("Service", "folds", service["spec"])
        await one.until_spec("PodDisruptionBudget", "folds", budget["spec"])
        one.kubectl("delete", "deployment,service,pdb", name)
        await one.until_there("folds")


async def test_what_stands_in_the_way_of_pods_is_said(cluster: ControlPlane) -> None:
    async with kept(cluster, account=False) as one:
        one.backends = [backend("folds", engine="Cpu")]
        said = await one.until_said("folds", "pods cannot be made")
        assert 'serviceaccount "ccproxy-compressor" not found' in said.message


async def test_a_settled_child_is_not_written_again(cluster: ControlPlane) -> None:
    async with kept(cluster) as one:
        one.backends = [backend("folds", engine="Cpu")]
        await one.until_there("folds")
        await one.until_said("folds", "no nodes available")
        before = await one.there("folds")
        wishes = [Wish("team-a", "folds", Compressor.model_validate({"engine": "Cpu"}))]
        await one.keeper.look(wishes)
        await one.keeper.look(wishes)
        assert await one.there("folds") == before
