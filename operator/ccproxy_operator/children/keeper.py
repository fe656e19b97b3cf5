"""The leader's duty: each ModelBackend with `compressor` has its children, right to the field; nobody else has any.

What is wanted is compared each second (memory only); the cluster is looked at when that changes, each two seconds while
a compressor is not ready, else each ten. Edits by others are put right at the next look, also fields that they added.
Must not know what children are made of (`manifests.py`). Next: `../repair/decision.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from ccproxy_operator.api import ApiFailed, ApiRefused
from ccproxy_operator.children.condition import compressor_condition, no_image, not_written
from ccproxy_operator.children.manifests import LABEL_BACKEND, Site, Wish, children
from ccproxy_operator.cluster import Cluster
from ccproxy_operator.marks import MADE_SELECTOR, OPERATOR
from ccproxy_operator.status.conditions import Condition
from ccproxy_policy.kinds.compressor import Compressor
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Registry

TICK_S: Final = 1.0
PENDING_S: Final = 2.0
SETTLED_S: Final = 10.0
KINDS: Final = ("Deployment", "Service", "PodDisruptionBudget")
_log = logger("children")

Backends = Callable[[], Sequence[Mapping[str, Any]] | None]
"""All ModelBackend objects of the cluster; None while they are not all known: nothing is removed then."""
Report = Callable[[tuple[str, str, str], Condition | None], None]
"""Takes (kind, namespace, name) and its CompressorReady; None: it has no compressor any more."""


class Children:
    """Keeps the compressors of `site.namespace`."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        site: Site,
        backends: Backends,
        report: Report,
        registry: Registry,
        tick_s: float = TICK_S,
    ) -> None:
        self._cluster, self._site, self._backends, self._report = cluster, site, backends, report
        self._tick_s = tick_s
        self._written = registry.counter("ccproxy_children_written_total", "Children applied, by kind.", ("kind",))
        self._removed = registry.counter("ccproxy_children_removed_total", "Children removed.", ("kind",))
        self._failed = registry.counter("ccproxy_children_failed_looks_total", "Looks that the API server refused.")
        self._right: dict[tuple[str, str], tuple[object, ...]] = {}
        self._reported: dict[tuple[str, str, str], Condition] = {}

    async def run(self) -> None:
        """Until cancelled."""
        self._right.clear()
        self._reported.clear()
        seen: list[Wish] | None = None
        waited_s = SETTLED_S
        while True:
            wishes = self._wishes()
            if wishes is not None and (wishes != seen or waited_s >= self._patience_s()):
                seen, waited_s = wishes, 0.0
                try:
                    await self.look(wishes)
                except ApiFailed as failed:
                    seen = None
                    self._failed.child().inc()
                    _log.warning("children_not_kept", reason=str(failed))
            await asyncio.sleep(self._tick_s)
            waited_s += self._tick_s

    async def look(self, wishes: Sequence[Wish]) -> None:
        """Put everything right once and report. Raises: `ApiFailed`."""
        live = {kind: await self._owned(kind) for kind in (*KINDS, "Pod")}
        for wish in wishes:
            self._tell(wish, await self._wish(wish, live))
        wanted = {wish.id for wish in wishes}
        for kind in KINDS:
            for child in live[kind]:
                if child["metadata"]["labels"][LABEL_BACKEND] not in wanted:
                    await self._remove(kind, child["metadata"]["name"])
        keys = {("ModelBackend", wish.namespace, wish.name) for wish in wishes}
        for key in [key for key in self._reported if key not in keys]:
            del self._reported[key]
            self._report(key, None)

    async def _wish(self, wish: Wish, live: Mapping[str, list[dict[str, Any]]]) -> Condition:
        if not self._site.images.get(wish.compressor.engine):
            return no_image(wish.compressor.engine)
        deployment = None
        for manifest in children(wish, self._site):
            found = _named(live[manifest["kind"]], wish.child_name)
            try:
                stored = await self._child(manifest, found)
            except ApiRefused as refused:
                _log.warning("child_refused", kind=manifest["kind"], reason=refused.reason)
                return not_written(refused.reason)
            deployment = stored if manifest["kind"] == "Deployment" else deployment
        pods = [pod for pod in live["Pod"] if pod["metadata"]["labels"].get(LABEL_BACKEND) == wish.id]
        return compressor_condition(deployment, pods, replicas=wish.compressor.replicas)

    async def _child(self, manifest: dict[str, Any], found: dict[str, Any] | None) -> dict[str, Any]:
        """The child as it stands, after it was put right where that is needed."""
        key = (manifest["kind"], manifest["metadata"]["name"])
        if found is not None and self._right.get(key) == _stamp(found, manifest):
            return found
        stored = await self._cluster.apply(manifest)
        if _foreign(stored):
            version = stored["metadata"]["resourceVersion"]
            await self._cluster.replace({**manifest, "metadata": manifest["metadata"] | {"resourceVersion": version}})
            return stored
        if found is None or _version(found) != _version(stored):
            self._written.child(manifest["kind"]).inc()
            _log.info("child_written", kind=manifest["kind"], name=key[1])
        self._right[key] = _stamp(stored, manifest)
        return stored

    async def _remove(self, kind: str, name: str) -> None:
        self._right.pop((kind, name), None)
        if await self._cluster.delete(kind, name, self._site.namespace):
            self._removed.child(kind).inc()
            _log.info("child_removed", kind=kind, name=name)

    async def _owned(self, kind: str) -> list[dict[str, Any]]:
        labels = f"{LABEL_BACKEND},{MADE_SELECTOR}"
        return await self._cluster.list(kind, self._site.namespace, labels=labels)

    def _wishes(self) -> list[Wish] | None:
        backends = self._backends()
        if backends is None:
            return None
        return sorted(_wishes_of(backends), key=lambda wish: (wish.namespace, wish.name))

    def _patience_s(self) -> float:
        settled = all(condition.status == "True" for condition in self._reported.values())
        return SETTLED_S if settled else PENDING_S

    def _tell(self, wish: Wish, condition: Condition) -> None:
        key = ("ModelBackend", wish.namespace, wish.name)
        if self._reported.get(key) != condition:
            self._reported[key] = condition
            self._report(key, condition)


def _wishes_of(backends: Iterable[Mapping[str, Any]]) -> Iterable[Wish]:
    """A compressor that is not valid wishes for nothing; its ModelBackend's Accepted says why."""
    for backend in backends:
        written = (backend.get("spec") or {}).get("compressor")
        if written is None or backend["metadata"].get("deletionTimestamp"):
            continue
        try:
            compressor = Compressor.model_validate(written)
        except ValidationError:
            continue
        yield Wish(backend["metadata"]["namespace"], backend["metadata"]["name"], compressor)


def _foreign(stored: Mapping[str, Any]) -> bool:
    """Whether somebody else owns a field of the spec: an apply would leave what they added."""
    for entry in stored["metadata"].get("managedFields") or []:
        theirs = entry.get("manager") != OPERATOR and entry.get("subresource") != "status"
        if theirs and "f:spec" in (entry.get("fieldsV1") or {}):
            return True
    return False


def _stamp(stored: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[object, ...]:
    """Changes when the spec was written by anybody, or when another one is wanted. A Service has no generation."""
    metadata = stored["metadata"]
    return metadata["uid"], metadata.get("generation") or metadata["resourceVersion"], repr(manifest)


def _version(stored: Mapping[str, Any]) -> object:
    return stored["metadata"].get("generation") or stored["metadata"]["resourceVersion"]


def _named(objects: Iterable[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((one for one in objects if one["metadata"]["name"] == name), None)
