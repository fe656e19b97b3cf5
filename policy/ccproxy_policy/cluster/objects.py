"""Objects of a cluster as documents, and the names under which they are looked up.

Must not keep what would make an object new without meaning (status, managed fields, most metadata). Next:
`credentials.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ccproxy_contract.names import ANNOTATION_HOSTS, LABEL_CREDENTIALS
from ccproxy_policy.documents import Document

Key = tuple[str, str, str]
"""Kind, namespace (empty for what belongs to the whole cluster) and name."""
Find = Callable[[str, str, str], Document | None]
"""The document of a kind, namespace and name, Secrets included; `None` when there is none."""
NamespaceLabels = Callable[[str], Mapping[str, str] | None]
"""The labels of a namespace; `None` when there is none of that name."""

_DROPPED: Final = frozenset({"metadata", "status"})
_MEANT: Final = {"labels": (LABEL_CREDENTIALS,), "annotations": (ANNOTATION_HOSTS,)}
"""What of a Secret's metadata has a meaning; our kinds have none in theirs."""


def cluster_document(obj: Mapping[str, object]) -> Document:
    """An object as the API server hands it out, as a document: `file` is its kind and name, `line` 0.

    The object is copied, so its owner may go on changing it.
    """
    metadata = _mapping(obj.get("metadata"))
    kind, name = str(obj.get("kind", "")), str(metadata.get("name", ""))
    namespace = str(metadata.get("namespace") or "")
    value = {key: _plain(part) for key, part in obj.items() if key not in _DROPPED}
    value["metadata"] = _metadata(metadata, keep=kind == "Secret")
    return Document(object_file(kind, namespace, name), 0, value, created=str(metadata.get("creationTimestamp") or ""))


def object_file(kind: str, namespace: str, name: str) -> str:
    """What a problem of this object says as its `file`."""
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def by_age(document: Document) -> tuple[str, str, str, int]:
    """Sorts the oldest first, then by name; what is not in the cluster yet is the youngest."""
    metadata = _mapping(document.value.get("metadata")) if isinstance(document.value, dict) else {}
    return document.created or "~", str(metadata.get("name", "")), document.file, document.line


def _metadata(metadata: Mapping[str, object], *, keep: bool) -> dict[str, object]:
    found: dict[str, object] = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key) is not None}
    for part, names in _MEANT.items() if keep else ():
        written = _mapping(metadata.get(part))
        found[part] = {name: written[name] for name in names if name in written}
    return found


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_plain(part) for part in value]
    return value
