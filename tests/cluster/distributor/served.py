"""A distributor on a real API server and a real TLS socket, and what tests do with it: pods, tokens, policies, clients.

Next: `test_streams.py`.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from ccproxy_contract.features import FEATURES
from ccproxy_contract.names import AUDIENCE_CONFIG, PATH_STREAM
from ccproxy_contract.snapshot import Snapshot, snapshot_from_stream
from ccproxy_contract.stream import Ack, Reject, Slice
from ccproxy_operator.api import Api, access_from
from ccproxy_operator.distributor.distributor import Distributor
from ccproxy_operator.distributor.peers import ListReplicas
from ccproxy_policy.cluster.namespaces import CompiledNamespace, compile_namespace
from ccproxy_policy.cluster.objects import cluster_document
from ccproxy_runtime.background import background
from ccproxy_runtime.config_stream import ConfigStream, Source
from ccproxy_runtime.freshness import Running
from ccproxy_runtime.metrics import Registry
from ccproxy_runtime.tls import client_context, server_context
from tests.cluster.control_plane import ControlPlane
from tests.fakes.tls_files import Root, made_root

SYSTEM = "ccproxy-system"
HOST = f"ccproxy-operator.{SYSTEM}.svc"


class Served:
    """One running replica at `url`."""

    def __init__(self, cluster: ControlPlane, distributor: Distributor, root: Root, *, api: Api, port: int) -> None:
        self.cluster, self.distributor, self.root, self.api = cluster, distributor, root, api
        self.url = f"wss://localhost:{port}"
        self.port = port

    def see(self, namespace: str, name: str) -> str:
        """Show a pod to the distributor as the Pod watch would; its uid."""
        obj = json.loads(self.cluster.kubectl("get", "pod", name, "-n", namespace, "-o", "json").stdout)
        self.distributor.pod_seen(obj)
        return str(obj["metadata"]["uid"])

    async def asked(self, path: str, token: str, *, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of a plain request."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method,
                self.url.replace("wss:", "https:") + path,
                headers={"authorization": f"Bearer {token}"},
                ssl=client_context(self.root.pem),
            ) as answer,
        ):
            return answer.status, await answer.read()

    def states(self) -> dict[str, str]:
        """State of each pod by name."""
        return {entry.name: entry.state for entry in self.distributor.acks().sidecars}

    async def refused(self, token: str, path: str = PATH_STREAM) -> int:
        """The HTTP status with which a stream is refused; 101 when it is not."""
        async with aiohttp.ClientSession() as session:
            try:
                headers = {"authorization": f"Bearer {token}"}
                ssl = client_context(self.root.pem)
                async with session.ws_connect(self.url + path, headers=headers, ssl=ssl):
                    return 101
            except aiohttp.WSServerHandshakeError as refusal:
                return refusal.status

    @contextlib.asynccontextmanager
    async def sidecar(
        self,
        folder: Path,
        token: str,
        *,
        path: str = PATH_STREAM,
        features: frozenset[str] = FEATURES,
        reject: str = "",
    ) -> AsyncIterator[Client]:
        """A client as the sidecar has it; `reject`: what it says to every slice."""
        (folder / AUDIENCE_CONFIG).write_text(token)
        source = Source(
            url=self.url,
            path=path,
            token_file=folder / AUDIENCE_CONFIG,
            roots=lambda: (self.root.pem,),
            features=tuple(sorted(features)),
            build="0.2.0",
        )
        client = Client(source, reject)
        async with background(client.stream.run()):
            yield client


class Client:
    """What one client took."""

    def __init__(self, source: Source, reject: str) -> None:
        self.contents: list[bytes] = []
        self._reject = reject
        self.stream = ConfigStream(
            source, take=self._take, running=Running(), random=random.random, clock_s=time.monotonic
        )

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest slice."""
        if not self.contents:
            return None
        book = snapshot_from_stream(self.contents[0]).book
        return snapshot_from_stream(self.contents[-1], known=book)

    async def _take(self, offer: Slice) -> Ack | Reject:
        if self._reject:
            return Reject(offer.hash, self._reject)
        self.contents.append(bytes(offer.content))
        return Ack(offer.hash)


@contextlib.asynccontextmanager
async def served(
    cluster: ControlPlane,
    folder: Path,
    *,
    own_token: str = "",
    own_pod: str = "operator-0",
    peers: ListReplicas | None = None,
) -> AsyncIterator[Served]:
    """A replica that listens on loopback. `peers`: the others, whose pods have no address here."""
    root = Root(folder / "root") if (folder / "root").exists() else made_root(folder / "root")
    context = server_context(root.leaf(folder / "leaf", "localhost", HOST))
    api = Api(await access_from(cluster.kubeconfig))
    distributor = Distributor(
        api=api,
        namespace=SYSTEM,
        own_pod=own_pod,
        replica=f"{own_pod}/1",
        ready=lambda: True,
        own_token=lambda: own_token,
        trust=lambda: client_context(root.pem),
        registry=Registry(),
    )
    if peers is not None:
        distributor._peers._list = peers
    try:
        async with background(distributor.run()), distributor.listening("127.0.0.1", 0, context) as port:
            yield Served(cluster, distributor, root, api=api, port=port)
    finally:
        await api.close()


def make_pod(
    cluster: ControlPlane, namespace: str, name: str, *, account: str = "app", labels: str = "app: coder"
) -> None:
    """A pod that no node will ever run, with its namespace and ServiceAccount."""
    cluster.apply(
        f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {account}, namespace: {namespace}}}
"""
    )
    cluster.apply(
        f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}
spec:
  serviceAccountName: {account}
  containers: [{{name: app, image: none}}]
"""
    )


def bound_token(
    cluster: ControlPlane, namespace: str, pod: str, *, account: str = "app", audience: str = AUDIENCE_CONFIG
) -> str:
    """A token of the pod; of its ServiceAccount alone with an empty `pod`."""
    bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod}") if pod else ()
    arguments = ("create", "token", account, "-n", namespace, f"--audience={audience}", *bound)
    return cluster.kubectl(*arguments).stdout.strip()


def compiled(namespace: str, *manifests: str) -> CompiledNamespace:
    """These objects as the sidecars of `namespace` run them."""
    objects: list[dict[str, Any]] = [obj for text in manifests for obj in yaml.safe_load_all(text)]
    documents = [cluster_document(obj) for obj in objects]
    found = {
        (obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]): doc
        for obj, doc in zip(objects, documents, strict=True)
    }
    return compile_namespace(
        namespace,
        [doc for obj, doc in zip(objects, documents, strict=True) if obj["metadata"]["namespace"] == namespace],
        find=lambda kind, space, name: found.get((kind, space, name)),
        tenant="none",
        namespace_labels=lambda _name: {},
    )


def policy(namespace: str, model: str = "claude-haiku-5-5", *, app: str = "coder") -> str:
    """A backend and a policy for pods labelled `app` that sends everything to `model`."""
    return f"""
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: anthropic-{app}, namespace: {namespace}, uid: b-{app}, creationTimestamp: "2026-11-21T10:00:00Z"}}
spec: {{provider: Anthropic, credentials: {{passThrough: true}}}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {{name: {app}, namespace: {namespace}, uid: p-{app}, creationTimestamp: "2026-11-21T10:00:00Z"}}
spec:
  workloadSelector: {{matchLabels: {{app: {app}}}}}
  priority: 100
  mode: Enforce
  default: {{route: {{targets: [{{backend: anthropic-{app}, model: {model}}}]}}}}
"""
