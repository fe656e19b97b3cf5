"""What is compiled when: nothing before the world is complete, then only what a change concerns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ccproxy_contract.accounts import Accounts
from ccproxy_operator.hub import Hub
from ccproxy_operator.liveness import Liveness
from ccproxy_operator.metrics import OperatorMetrics
from ccproxy_operator.watched_kinds import KINDS
from ccproxy_policy.cluster.namespaces import CompiledNamespace
from ccproxy_policy.cluster.objects import Key
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry


class Taken:
    """What came out: a place for slices, accounts, pods and looks."""

    def __init__(self) -> None:
        self.published: list[tuple[str, CompiledNamespace, dict[str, str]]] = []
        self.accounted: list[Accounts] = []
        self.pods: list[str] = []
        self.gone: list[str] = []
        self.looks: list[Key] = []

    def publish(self, namespace: str, compiled: CompiledNamespace, resource_versions: Mapping[str, str]) -> None:
        self.published.append((namespace, compiled, dict(resource_versions)))

    def namespace_gone(self, namespace: str) -> None:
        self.gone.append(namespace)

    def accounts(self, accounts: Accounts) -> None:
        self.accounted.append(accounts)

    def pod_seen(self, obj: Mapping[str, Any]) -> None:
        self.pods.append(obj["metadata"]["uid"])

    def pod_gone(self, uid: str) -> None:
        self.gone.append(uid)

    def names(self) -> list[str]:
        """Namespaces in the order in which they were published."""
        return [namespace for namespace, _, _ in self.published]


@asynccontextmanager
async def _hub() -> AsyncIterator[tuple[Hub, Taken]]:
    hub, taken = Hub(OperatorMetrics(Registry()), Liveness(KINDS, lambda: 0.0)), Taken()
    hub.join(streams=taken, look=taken.looks.extend)
    async with background(hub.compiling.run()):
        yield hub, taken


def _object(kind: str, namespace: str, name: str, version: int, **fields: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "uid": f"{kind}/{namespace}/{name}",
        "resourceVersion": str(version),
        "generation": version,
    }
    labels = fields.pop("labels", {})
    if kind in ("Namespace", "Secret", "Pod"):
        del metadata["generation"]
    return {"metadata": metadata | {"labels": labels} | ({"namespace": namespace} if namespace else {}), **fields}


def _backend(namespace: str, version: int) -> dict[str, Any]:
    spec = {"provider": "Anthropic", "credentials": {"secretRef": {"name": "key", "key": "api-key"}}}
    return _object("ModelBackend", namespace, "b", version, apiVersion="ccproxy.ai/v1alpha1", spec=spec)


def _secret(namespace: str, version: int, value: str = "bm90LWEta2V5") -> dict[str, Any]:
    labels = {"ccproxy.ai/credentials": "true"}
    return _object("Secret", namespace, "key", version, labels=labels, data={"api-key": value}, apiVersion="v1")


def _fill(hub: Hub) -> None:
    """Two namespaces with a backend each; the Secret of `a` is there."""
    told: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    told["Namespace"] = [_object("Namespace", "", name, 1) for name in ("a", "b")]
    told["ModelBackend"] = [_backend("a", 2), _backend("b", 3)]
    told["Secret"] = [_secret("a", 4)]
    for kind, objects in told.items():
        keys = {(one["metadata"].get("namespace", ""), one["metadata"]["name"]): 1 for one in objects}
        hub.listed(kind, keys, 5)
        for one in objects:
            hub.event(kind, False, one)


async def _settled(hub: Hub) -> None:
    await asyncio.sleep(0.15)
    assert hub.compiling.waiting_s() == 0


async def test_nothing_is_published_before_the_world_is_complete() -> None:
    async with _hub() as (hub, taken):
        hub.listed("ModelBackend", {("a", "b"): 1}, 5)
        hub.event("ModelBackend", False, _backend("a", 2))
        await asyncio.sleep(0.15)
        assert taken.published == []
        assert not hub.compiling.ready.is_set()
        _fill(hub)
        await _settled(hub)
        assert sorted(taken.names()) == ["a", "b"]
        assert len(taken.accounted) == 1


async def test_a_secret_makes_only_the_namespace_that_uses_it_old() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        taken.published.clear()
        hub.event("Secret", False, _secret("b", 9))
        await _settled(hub)
        assert taken.names() == ["b"]
        assert taken.published[0][1].problems == ()
        assert taken.published[0][2]["Secret"] == "9"


async def test_a_burst_of_changes_is_compiled_once() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        taken.published.clear()
        for version in range(10, 20):
            hub.event("ModelBackend", False, _backend("a", version))
            await asyncio.sleep(0.005)
        await _settled(hub)
        assert taken.names() == ["a"]


async def test_endless_changes_are_compiled_at_least_every_half_second() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        taken.published.clear()
        for version in range(10, 60):
            hub.event("ModelBackend", False, _backend("a", version))
            await asyncio.sleep(0.02)
        assert taken.names().count("a") >= 1


async def test_a_new_tenant_makes_its_namespaces_old() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        taken.published.clear()
        hub.event("Namespace", False, _object("Namespace", "", "b", 20, labels={"team": "x"}))
        spec = {"namespaces": {"matchLabels": {"team": "x"}}}
        hub.event("Tenant", False, _object("Tenant", "", "t", 21, apiVersion="ccproxy.ai/v1alpha1", spec=spec))
        await _settled(hub)
        assert set(taken.names()) == {"b"}
        assert taken.published[-1][1].tenant == "t"
        assert taken.accounted[-1].namespaces == {"b": "t"}


async def test_a_deleted_namespace_is_forgotten() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        hub.event("ModelBackend", True, _backend("b", 30))
        hub.event("Namespace", True, _object("Namespace", "", "b", 31))
        await _settled(hub)
        assert taken.gone == ["b"]


async def test_pods_go_to_the_streams_and_make_nothing_old() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        taken.published.clear()
        hub.event("Pod", False, _object("Pod", "a", "p", 40))
        hub.event("Pod", True, _object("Pod", "a", "p", 41))
        hub.event("Pod", False, _object("Pod", "a", "q", 42))
        hub.listed("Pod", {}, 50)
        await _settled(hub)
        assert taken.pods == ["Pod/a/p", "Pod/a/q"]
        assert taken.gone == ["Pod/a/p", "Pod/a/q"]
        assert taken.published == []


async def test_a_verdict_waits_until_its_namespace_is_compiled_again() -> None:
    async with _hub() as (hub, taken):
        _fill(hub)
        await _settled(hub)
        key = ("ModelBackend", "b", "b")
        verdict = hub.judgement.verdict(key)
        assert verdict is not None
        assert verdict.conditions[1].reason == "SecretNotFound"
        hub.event("Secret", False, _secret("b", 60))
        assert hub.judgement.verdict(key) is None
        taken.looks.clear()
        await _settled(hub)
        assert key in taken.looks
        healed = hub.judgement.verdict(key)
        assert healed is not None
        assert healed.conditions[1].status == "True"
