"""The cluster under the convergence bench: pods and their tokens on a real API server, and the policies to edit.

Pods are real objects that no node runs. Each belongs to one of fifty workloads (the owner is a ConfigMap, a kind that
no controller acts on). Next: `convergence_clients.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from ccproxy_contract.names import AUDIENCE_CONFIG, LABEL_INJECTED
from ccproxy_operator.api import Api, path_of

NAMESPACE: Final = "convergence"
WORKLOADS: Final = 50
RULES: Final = 10
"""Of each of the two policies."""
AT_ONCE: Final = 24
CREATED: Final = "2026-11-21T10:00:00Z"
T = TypeVar("T")


async def make_world(api: Api, pods: int) -> list[str]:
    """Namespace, ServiceAccount, owners and pods; a bound token per pod, in order."""
    await api.create(path_of("v1", "namespaces"), {"metadata": {"name": NAMESPACE}})
    await api.create(path_of("v1", "serviceaccounts", NAMESPACE), {"metadata": {"name": "app"}})
    owners = [await _owner(api, number) for number in range(WORKLOADS)]
    names = [f"coder-{number:04d}" for number in range(pods)]
    await _all(lambda number: _pod(api, names[number], owners[number % WORKLOADS]), range(pods))
    return await _all(lambda number: _token(api, names[number]), range(pods))


def policies(generation: int) -> list[dict[str, Any]]:
    """Two backends and two policies of ten rules; `generation` is the model of the first policy's default."""
    return [_backend("anthropic", "Anthropic"), _backend("openai", "OpenAI"), policy(0, generation), policy(1, 0)]


def policy(number: int, generation: int) -> dict[str, Any]:
    """One of the two policies."""
    default = {"route": {"targets": [{"backend": "anthropic", "model": f"generation-{generation}"}]}}
    spec = {
        "workloadSelector": {"matchLabels": {"app": "coder"}},
        "priority": 100 - number,
        "default": default,
        "rules": [_rule(number * RULES + each) for each in range(RULES)],
    }
    return _object("RoutingPolicy", f"policy-{number}", spec)


def _rule(number: int) -> dict[str, Any]:
    matches: tuple[dict[str, Any], ...] = (
        {"models": [f"claude-opus-{number}*", "re:^gpt-[0-9]+(\\.[0-9])?-mini$"], "stream": True},
        {"agents": ["Explore", f"agent-{number}"], "tools": ["Bash", "Edit*"]},
        {"promptTokens": {"min": 1000 * number + 1}, "headers": {"x-team": f"team-{number}-*"}},
        {"contains": [f"re:(?i)secret-{number}[a-z]+", "BEGIN PRIVATE KEY"], "clients": ["claude-cli/*"]},
        {"task": ["Utility"], "session": {"minTurns": number + 1}, "paths": ["/v1/messages"]},
    )
    then = {"route": {"targets": [{"backend": "anthropic", "model": "claude-haiku-5-5"}, {"backend": "openai"}]}}
    return {"name": f"rule-{number}", "match": matches[number % len(matches)], "then": then}


def _backend(name: str, provider: str) -> dict[str, Any]:
    return _object("ModelBackend", name, {"provider": provider, "credentials": {"passThrough": True}})


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "ccproxy.ai/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


async def _owner(api: Api, number: int) -> dict[str, Any]:
    name = f"coder-{number:02d}"
    path = path_of("v1", "configmaps", NAMESPACE)
    made = await api.create(path, {"metadata": {"name": name}}) or await api.get(f"{path}/{name}")
    assert made is not None
    uid = made["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "controller": True}


async def _pod(api: Api, name: str, owner: dict[str, Any]) -> None:
    labels = {"app": "coder", LABEL_INJECTED: "true"}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
    container = {"name": "app", "image": "none"}
    spec = {"serviceAccountName": "app", "schedulerName": "nobody", "containers": [container]}
    await api.create(path_of("v1", "pods", NAMESPACE), {"metadata": metadata, "spec": spec})


async def _token(api: Api, pod: str) -> str:
    bound = {"kind": "Pod", "apiVersion": "v1", "name": pod}
    body = {"spec": {"audiences": [AUDIENCE_CONFIG], "expirationSeconds": 3600, "boundObjectRef": bound}}
    answer = await api.call("POST", path_of("v1", "serviceaccounts", NAMESPACE, name="app") + "/token", body=body)
    return str(answer["status"]["token"])


async def _all(work: Callable[[int], Awaitable[T]], numbers: Iterable[int]) -> list[T]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> T:
        async with slots:
            return await work(number)

    return list(await asyncio.gather(*map(one, numbers)))
