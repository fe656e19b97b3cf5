"""The world as the watches tell it: documents, labels of namespaces, the newest resourceVersion per kind.

Events of one object may come late or twice, and what was deleted while no watch was open is seen only by its absence
from the next list: versions and uids decide, never the order of arrival. Must not compile, must not do I/O.
Next: `handlers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ccproxy_operator.versions import Named, named_of, version_of
from ccproxy_operator.watched_kinds import KINDS, OWN_KINDS, STATUS_KINDS
from ccproxy_policy.cluster.objects import Key, cluster_document
from ccproxy_policy.documents import Document


class Audience(Protocol):
    """Who is told of what changed."""

    def changed(self, key: Key) -> None:
        """An object came, went, or changed in a way that matters to compiling."""
        ...

    def restated(self, key: Key) -> None:
        """The status of an object changed, by whomever."""
        ...


@dataclass(slots=True)
class Known:
    """One object of the cluster."""

    uid: str
    version: int
    generation: int
    document: Document | None = field(repr=False)
    """None for pods: they are not compiled."""
    labels: Mapping[str, str]
    spec_written: object = field(repr=False)
    """Changes when something changed that matters."""
    status: Mapping[str, Any]


class World:
    """All objects that the watches have shown. Lives on one event loop."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._known: dict[str, dict[Named, Known]] = {kind: {} for kind in KINDS}
        self._own: dict[str, set[Key]] = {}
        self._newest: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._listed: dict[str, int] = {}
        self._awaited: dict[str, dict[Named, int]] = {kind: {} for kind in KINDS}
        self._complete = False

    @property
    def complete(self) -> bool:
        """Every kind was listed and every listed object has come: true from then on."""
        if not self._complete:
            self._complete = all(kind in self._listed and not self._awaited[kind] for kind in KINDS)
        return self._complete

    def missing(self) -> dict[str, int]:
        """Kind to what is still awaited of it; -1: its list. Empty when complete."""
        awaited = {kind: len(self._awaited[kind]) if kind in self._listed else -1 for kind in KINDS}
        return {kind: number for kind, number in awaited.items() if number}

    def put(self, kind: str, obj: Mapping[str, Any]) -> bool:
        """Take an object as an event shows it; False when it is older than what is known, or gone by now."""
        metadata = obj["metadata"]
        named, version = named_of(metadata), version_of(metadata)
        before = self._known[kind].get(named)
        if before is not None and version < before.version:
            return False
        awaited = self._awaited[kind].get(named)
        if before is None and awaited is None and version <= self._listed.get(kind, -1):
            return False  # a late event of an object that the last list no longer had
        if awaited is not None and version >= awaited:
            del self._awaited[kind][named]
        self._saw(kind, version)
        self._keep(kind, named, obj)
        return True

    def remove(self, kind: str, metadata: Mapping[str, Any]) -> bool:
        """Take a deletion; False when another object has that name by now."""
        named = named_of(metadata)
        self._saw(kind, version_of(metadata))
        before = self._known[kind].get(named)
        if before is not None and before.uid != metadata.get("uid", before.uid):
            return False
        self._awaited[kind].pop(named, None)
        if before is not None:
            self._forget(kind, named)
        return True

    def listed(self, kind: str, versions: Mapping[Named, int], version: int) -> list[Known]:
        """Take a whole list: what it does not name is gone (and returned), what is new in it will come as an event."""
        known = self._known[kind]
        gone = [named for named, one in known.items() if named not in versions and one.version <= version]
        forgotten = [self._forget(kind, named) for named in gone]
        self._awaited[kind] = {
            named: at for named, at in versions.items() if named not in known or known[named].version < at
        }
        self._listed[kind] = version
        self._saw(kind, version)
        return forgotten

    def reached(self, kind: str, version: int) -> None:
        """Take a bookmark: every event of `kind` up to `version` has come."""
        self._saw(kind, version)

    def find(self, kind: str, namespace: str, name: str) -> Document | None:
        """The document of that name."""
        found = self._known.get(kind, {}).get((namespace, name))
        return found.document if found is not None else None

    def known(self, key: Key) -> Known | None:
        """All that is known of one object."""
        return self._known.get(key[0], {}).get((key[1], key[2]))

    def own(self, namespace: str) -> list[Document]:
        """RoutingPolicies and ModelBackends of one namespace, by kind and name."""
        found = (self.find(*key) for key in self.own_keys(namespace))
        return [document for document in found if document is not None]

    def own_keys(self, namespace: str) -> list[Key]:
        """RoutingPolicies and ModelBackends of one namespace."""
        return sorted(self._own.get(namespace, ()))

    def keys(self, kind: str) -> Iterable[Key]:
        """Every object of a kind."""
        return [(kind, *named) for named in self._known[kind]]

    def documents(self, kind: str) -> list[Document]:
        """Every document of a kind."""
        return [one.document for one in self._known[kind].values() if one.document is not None]

    def model_backends(self) -> list[Mapping[str, Any]] | None:
        """As objects (metadata: namespace and name); None while they are not all known."""
        if not self.complete:
            return None
        return [document.value for document in self.documents("ModelBackend") if isinstance(document.value, dict)]

    def namespaces(self) -> dict[str, Mapping[str, str]]:
        """Name to labels."""
        return {named[1]: one.labels for named, one in self._known["Namespace"].items()}

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """Labels of one namespace; None when there is none of that name."""
        found = self._known["Namespace"].get(("", name))
        return found.labels if found is not None else None

    def resource_versions(self) -> dict[str, str]:
        """Per kind the newest version up to which this replica has seen everything."""
        return {kind: str(self._newest[kind]) for kind, watched in KINDS.items() if watched.compiled}

    def count(self, kind: str) -> int:
        """How many objects of a kind are known."""
        return len(self._known[kind])

    def _saw(self, kind: str, version: int) -> None:
        self._newest[kind] = max(self._newest[kind], version)

    def _keep(self, kind: str, named: Named, obj: Mapping[str, Any]) -> None:
        metadata, before = obj["metadata"], self._known[kind].get(named)
        written = _written(obj)
        same = before is not None and before.uid == metadata.get("uid") and before.spec_written == written
        if before is not None and same:
            document = before.document
        else:
            document = cluster_document({**obj, "kind": kind}) if KINDS[kind].compiled else None
        status = obj.get("status") or {} if kind in STATUS_KINDS else {}
        self._known[kind][named] = Known(
            uid=str(metadata.get("uid", "")),
            version=version_of(metadata),
            generation=int(metadata.get("generation") or 0),
            document=document,
            labels=metadata.get("labels") or {},
            spec_written=before.spec_written if before is not None and same else written,
            status=status,
        )
        if kind in OWN_KINDS:
            self._own.setdefault(named[0], set()).add((kind, *named))
        if not same:
            self._audience.changed((kind, *named))
        elif before is not None and before.status != status:
            self._audience.restated((kind, *named))

    def _forget(self, kind: str, named: Named) -> Known:
        gone = self._known[kind].pop(named)
        if kind in OWN_KINDS:
            self._own[named[0]].discard((kind, *named))
            if not self._own[named[0]]:
                del self._own[named[0]]
        self._audience.changed((kind, *named))
        return gone


def _written(obj: Mapping[str, Any]) -> object:
    """What a person wrote: a change of anything else (status, managed fields) is no change."""
    metadata = obj["metadata"]
    return {
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
        "deleted": "deletionTimestamp" in metadata,
        "spec": metadata["generation"] if "generation" in metadata else {key: obj.get(key) for key in ("data", "spec")},
    }
