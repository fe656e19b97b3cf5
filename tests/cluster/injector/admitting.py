"""A real injector in front of a real API server: webhook configuration, rights to write Events, pods to send."""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ccproxy_operator.webhook.configuration import configuration
from tests.cluster.control_plane import ControlPlane
from tests.cluster.reached import new_namespace
from tests.injector.running import Injector, running
from tests.waiting import wait_until

Json = dict[str, Any]
INJECT = "ccproxy.ai/inject"
RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: SYSTEM}
rules: [{apiGroups: [""], resources: [events], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: SYSTEM}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: SYSTEM}
subjects: [{kind: ServiceAccount, name: default, namespace: SYSTEM}]
"""
"""All that an injector may do."""


@contextmanager
def admitting(cluster: ControlPlane, folder: Path) -> Iterator[Injector]:
    """An injector that the API server asks, and that may write Events and nothing else."""
    system = new_namespace(cluster, "system")
    wait_until(lambda: cluster.kubectl("get", "sa", "default", "-n", system, check=False).returncode == 0)
    cluster.apply(RIGHTS.replace("SYSTEM", system))
    (folder / "token").write_text(cluster.kubectl("create", "token", "default", "-n", system).stdout)
    access = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    (folder / "api-ca.crt").write_bytes(_authority(access))
    settings = {
        "CCPROXY_NAMESPACE": system,
        "CCPROXY_API_SERVER": access["server"],
        "CCPROXY_API_TOKEN_FILE": str(folder / "token"),
        "CCPROXY_API_CA_FILE": str(folder / "api-ca.crt"),
    }
    with contextlib.ExitStack() as stack:
        injector = stack.enter_context(running(folder / "tls", **settings))
        webhooks = configuration(injector.root, namespace=system)
        stack.enter_context(asked(cluster, webhooks, injector.url, injector.root))
        yield injector
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", system)


@contextmanager
def asked(cluster: ControlPlane, webhooks: Json, url: str, root: str) -> Iterator[None]:
    """While it lasts the API server asks `url` as `webhooks` say, under a name of its own."""
    name = f"{webhooks['metadata']['name']}-{uuid.uuid4().hex[:6]}"
    where = {"url": url, "caBundle": base64.b64encode(root.encode()).decode()}
    entries = [{**entry, "clientConfig": where} for entry in webhooks["webhooks"]]
    cluster.apply(json.dumps({**webhooks, "metadata": {"name": name}, "webhooks": entries}))
    try:
        yield
    finally:
        cluster.kubectl("delete", "mutatingwebhookconfiguration", name)


def _authority(access: Json) -> bytes:
    if "certificate-authority-data" in access:
        return base64.b64decode(access["certificate-authority-data"])
    return Path(access["certificate-authority"]).read_bytes()


def asking_namespace(cluster: ControlPlane, **labels: str) -> str:
    """A namespace whose pods get the sidecar unless they say no; waits until the API server has noticed."""
    name = new_namespace(cluster, "asking", **{INJECT: "true"}, **labels)
    wait_until(lambda: cluster.kubectl("get", "sa", "default", "-n", name, check=False).returncode == 0)
    wait_until(lambda: has_sidecar(create(cluster, name, pod(), "--dry-run=server")))
    return name


def pod(*, annotation: str = "", **spec: Any) -> Json:
    """A pod that `restricted` Pod Security takes."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "p-", **({"annotations": {INJECT: annotation}} if annotation else {})},
        "spec": template_spec(**spec),
    }


def template_spec(**spec: Any) -> Json:
    security = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    app = {"name": "app", "image": "team/app:1", "securityContext": security}
    return {"containers": [app], **spec}


def create(cluster: ControlPlane, namespace: str, manifest: Json, *more: str) -> Json:
    """Create it; answers what the API server made of it. Fails with its complaint."""
    made = cluster.kubectl("create", "-n", namespace, "-o", "json", "-f", "-", *more, stdin=json.dumps(manifest))
    found: Json = json.loads(made.stdout)
    return found


def refusal(cluster: ControlPlane, namespace: str, manifest: Json) -> str:
    """Why it was not created; fails when it was."""
    made = cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(manifest), check=False)
    assert made.returncode != 0, made.stdout
    return made.stderr


def listed(cluster: ControlPlane, namespace: str, kind: str) -> list[Json]:
    found: list[Json] = json.loads(cluster.kubectl("get", kind, "-n", namespace, "-o", "json").stdout)["items"]
    return found


def events(cluster: ControlPlane, namespace: str) -> list[Json]:
    """Those of the injector."""
    return [e for e in listed(cluster, namespace, "events") if e["reportingComponent"] == "ccproxy-injector"]


def inits(pod: Json) -> list[str]:
    return [container["name"] for container in pod["spec"].get("initContainers", [])]


def has_sidecar(pod: Json) -> bool:
    return "ccproxy" in inits(pod)
