"""The webhook configuration on a real API server: who is sent, who never is, and that it cannot be lost."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ccproxy_operator.api import Api
from ccproxy_operator.certificates.authority import new_leaf, new_root
from ccproxy_operator.certificates.keeper import Certificates, utc_now
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.webhook.configuration import NAME, configuration, is_right
from ccproxy_operator.webhook.keeper import WebhookKeeper
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace, reached

KIND = "mutatingwebhookconfiguration"


@asynccontextmanager
async def kept(cluster: ControlPlane, system: str) -> AsyncIterator[Api]:
    """A running keeper of a system namespace that has its certificates."""
    async with reached(cluster) as api:
        await Certificates(Cluster(api), namespace=system, registry=Registry()).look()
        keeper = WebhookKeeper(Cluster(api), namespace=system, registry=Registry(), look_s=0.05)
        async with background(keeper.run()):
            try:
                await until_right(api, system)
                yield api
            finally:
                cluster.kubectl("delete", KIND, NAME, "--ignore-not-found")
    cluster.kubectl("delete", KIND, NAME, "--ignore-not-found")


async def wanted(api: Api, system: str) -> dict[str, Any]:
    secret = await Cluster(api).get("Secret", "ccproxy-injector-tls", system)
    assert secret is not None
    return configuration(base64.b64decode(secret["data"]["ca.crt"]).decode(), namespace=system)


async def until_right(api: Api, system: str) -> None:
    right = await wanted(api, system)
    while True:
        if is_right(await Cluster(api).get("MutatingWebhookConfiguration", NAME), right):
            return
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "harm",
    [
        ("delete", KIND, NAME),
        ("patch", KIND, NAME, "--type=json", "-p", '[{"op":"remove","path":"/webhooks/0"}]'),
        ("patch", KIND, NAME, "--type=json", "-p",
         '[{"op":"replace","path":"/webhooks/1/failurePolicy","value":"Ignore"}]'),
        ("patch", KIND, NAME, "--type=json", "-p", '[{"op":"remove","path":"/webhooks/1/clientConfig/caBundle"}]'),
        ("patch", KIND, NAME, "--type=json", "-p",
         '[{"op":"add","path":"/webhooks/1/matchConditions/-","value":{"name":"never","expression":"false"}}]'),
        ("label", KIND, NAME, "app.kubernetes.io/part-of-"),
    ],
    ids=["deleted", "an entry removed", "fails open", "no roots", "a condition added", "a label removed"],
)  # fmt: skip
async def test_it_is_put_right_after_harm_by_hand(cluster: ControlPlane, harm: tuple[str, ...]) -> None:
    system = new_namespace(cluster)
    async with kept(cluster, system) as api:
        cluster.kubectl(*harm)
        await until_right(api, system)


async def test_once_it_is_right_nothing_is_written(cluster: ControlPlane) -> None:
    system = new_namespace(cluster)
    async with kept(cluster, system) as api:
        before = await Cluster(api).get("MutatingWebhookConfiguration", NAME)
        await WebhookKeeper(Cluster(api), namespace=system, registry=Registry()).look()
        assert await Cluster(api).get("MutatingWebhookConfiguration", NAME) == before


async def test_there_is_none_without_a_certificate_and_none_once_retired(cluster: ControlPlane) -> None:
    system = new_namespace(cluster)
    async with reached(cluster) as api:
        await WebhookKeeper(Cluster(api), namespace=system, registry=Registry()).look()
        assert await Cluster(api).get("MutatingWebhookConfiguration", NAME) is None
    async with kept(cluster, system) as api:
        pass
    async with reached(cluster) as api:
        await WebhookKeeper(Cluster(api), namespace=system, registry=Registry()).look()
        leaving = WebhookKeeper(Cluster(api), namespace=system, registry=Registry(), retired=lambda: True)
        await leaving.look()
        await leaving.look()
        assert await Cluster(api).get("MutatingWebhookConfiguration", NAME) is None


def pod(name: str, annotation: str | None) -> str:
    annotations = {} if annotation is None else {"ccproxy.ai/inject": annotation}
    metadata = {"name": name, "annotations": annotations}
    spec = {"containers": [{"name": "app", "image": "app"}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


SENT = [
    ("plain", "true", True),
    ("plain", "false", False),
    ("plain", None, False),
    ("plain", "yes", False),
    ("asking", None, True),
    ("asking", "true", True),
    ("asking", "false", False),
    ("declining", "true", True),
    ("declining", None, False),
    ("system", "true", False),
    ("kube-system", "true", False),
]


async def test_only_pods_that_ask_wait_for_the_injector(cluster: ControlPlane, tmp_path: Path) -> None:
    """Once with a webhook that notes who comes, then with none: exactly those who asked are refused, with a reason."""
    system = new_namespace(cluster)
    spaces = {
        "plain": new_namespace(cluster),
        "asking": new_namespace(cluster, **{"ccproxy.ai/inject": "true"}),
        "declining": new_namespace(cluster, **{"ccproxy.ai/inject": "false"}),
        "system": system,
        "kube-system": "kube-system",
    }
    cluster.kubectl("label", "namespace", system, "ccproxy.ai/inject=true")
    async with reached(cluster) as api, noting(tmp_path) as (port, roots, seen):
        local = configuration(roots, namespace=system)
        for entry in local["webhooks"]:
            entry["clientConfig"] = {
                "url": f"https://localhost:{port}/inject",
                "caBundle": entry["clientConfig"]["caBundle"],
            }
        await Cluster(api).apply(local)
        try:
            while not seen:  # a new configuration takes a moment to be in force
                await dry_run(cluster, spaces["plain"], pod("probe", "true"))
            seen.clear()
            for index, (space, annotation, _) in enumerate(SENT):
                await dry_run(cluster, spaces[space], pod(f"pod-{index}", annotation))
            assert [f"pod-{i}" in seen for i in range(len(SENT))] == [asked for _, _, asked in SENT]
            assert max(seen.values()) == 1
        finally:
            cluster.kubectl("delete", KIND, NAME)
    async with kept(cluster, system):
        await until_refused(cluster, spaces["plain"])
        for index, (space, annotation, asked) in enumerate(SENT):
            refusal = await dry_run(cluster, spaces[space], pod(f"pod-{index}", annotation))
            assert ("inject.ccproxy.ai" in refusal) == asked, refusal


async def until_refused(cluster: ControlPlane, namespace: str) -> None:
    while True:
        if "inject.ccproxy.ai" in await dry_run(cluster, namespace, pod("probe", "true")):
            return
        await asyncio.sleep(0.05)


async def dry_run(cluster: ControlPlane, namespace: str, manifest: str) -> str:
    """Create without storing; what the API server complains of, or empty."""
    arguments = ("-n", namespace, "create", "--dry-run=server", "-f", "-")
    done = await asyncio.to_thread(cluster.kubectl, *arguments, stdin=manifest, check=False)
    return "" if done.returncode == 0 else done.stderr


@asynccontextmanager
async def noting(folder: Path) -> AsyncIterator[tuple[int, str, dict[str, int]]]:
    """A webhook that lets everybody in and counts their names: (port, roots, name → reviews)."""
    seen: dict[str, int] = {}
    root = new_root(utc_now())
    leaf = new_leaf(root, ["localhost"], utc_now())
    (folder / "tls.crt").write_text(leaf.certificate)
    (folder / "tls.key").write_text(leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    app = web.Application()
    app.router.add_post("/inject", noted(seen))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        yield runner.addresses[0][1], root.certificate, seen
    finally:
        await runner.cleanup()


def noted(seen: dict[str, int]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        review = await request.json()
        name = review["request"]["object"]["metadata"]["name"]
        seen[name] = seen.get(name, 0) + 1
        response = {"uid": review["request"]["uid"], "allowed": True}
        return web.json_response({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})

    return answer
