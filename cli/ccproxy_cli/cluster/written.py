"""What stands in a cluster, and what would stand there with a folder applied over it: as documents, by name.

Of a Secret only the names of its keys are asked for, never a value. Must not compile. Next: `checking.py`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ccproxy_cli.cluster.kubectl import Kubectl
from ccproxy_contract.names import ANNOTATION_HOSTS, GROUP, LABEL_CREDENTIALS
from ccproxy_policy.cluster.objects import Key, cluster_document
from ccproxy_policy.documents import Document

KINDS: Final = ("routingpolicies", "modelbackends", "tenants")
UNREAD: Final = base64.b64encode(b"unread").decode()
"""Stands for a value that nobody asked for."""
SECRETS: Final = (
    "{{range .items}}{{.metadata.namespace}}\t{{.metadata.name}}\t"
    '{{if .metadata.annotations}}{{with index .metadata.annotations "' + ANNOTATION_HOSTS + '"}}{{.}}{{end}}{{end}}\t'
    "{{range $key, $value := .data}}{{$key}} {{end}}\n{{end}}"
)
"""A go-template: one line per Secret, without values."""


@dataclass(frozen=True)
class World:
    """Documents by kind, namespace and name; labels of the namespaces."""

    documents: dict[Key, Document] = field(default_factory=dict)
    namespaces: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def find(self, kind: str, namespace: str, name: str) -> Document | None:
        """One document, as compile looks it up."""
        return self.documents.get((kind, namespace, name))

    def of(self, *kinds: str, namespace: str | None = None) -> list[Document]:
        """All documents of some kinds."""
        wanted = (key for key in self.documents if key[0] in kinds and namespace in (None, key[1]))
        return [self.documents[key] for key in wanted]


def world(kubectl: Kubectl) -> World:
    """What the cluster holds now. Raises `Failure`."""
    made = World()
    for item in kubectl.items("namespaces"):
        made.namespaces[item["metadata"]["name"]] = item["metadata"].get("labels") or {}
    for kind in KINDS:
        _add(made, (cluster_document(item) for item in kubectl.items(f"{kind}.{GROUP}")), "")
    label = f"--selector={LABEL_CREDENTIALS}=true"
    listed = kubectl.text("get", "secrets", "--all-namespaces", label, f"--output=go-template={SECRETS}")
    _add(made, map(_secret, listed.splitlines()), "")
    return made


def applied(present: World, documents: Iterable[Document], namespace: str) -> World:
    """The world after `kubectl apply -n NAMESPACE` of these documents."""
    made = World(dict(present.documents), dict(present.namespaces))
    made.namespaces.setdefault(namespace, {})
    _add(made, documents, namespace)
    return made


def _add(made: World, documents: Iterable[Document], namespace: str) -> None:
    for document in documents:
        value = document.value
        metadata = value.get("metadata") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(metadata, dict):
            made.documents["", "", f"{document.file}:{document.line}"] = document
            continue
        kind = str(value.get("kind", ""))
        where = "" if kind == "Tenant" else str(metadata.get("namespace") or namespace)
        made.documents[kind, where, str(metadata.get("name", ""))] = document


def _secret(line: str) -> Document:
    namespace, name, hosts, keys = line.split("\t")
    metadata = {
        "namespace": namespace,
        "name": name,
        "labels": {LABEL_CREDENTIALS: "true"},
        "annotations": {ANNOTATION_HOSTS: hosts} if hosts else {},
    }
    data = dict.fromkeys(keys.split(), UNREAD)
    return cluster_document({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
