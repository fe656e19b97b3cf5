"""A pod and what is added to it, as a JSON patch (RFC 6902) in bytes: only pieces that differ are put together here.

The order of a pod's own containers, volumes and variables is kept. Pure. Next: `present.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from ccproxy_contract.names import ANNOTATION_INJECTED, ANNOTATION_SKIPPED, LABEL_INJECTED
from ccproxy_operator.injector.environment import Additions
from ccproxy_operator.injector.pods import Container, Metadata, Pod
from ccproxy_operator.injector.sidecar import Json, Made

EVICTABLE: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
"""Without it our volumes would keep the cluster autoscaler from ever draining the pod's node."""
Ops = list[bytes]
"""Each one operation, or several with commas between."""
encode: Final = msgspec.json.Encoder().encode


class Encoded(msgspec.Struct, frozen=True):
    """A `Made` with its pieces as JSON, so that equal pods cost no encoding."""

    made: Made
    container: bytes
    volumes: tuple[bytes, ...]

    @property
    def volume_names(self) -> tuple[str, ...]:
        """Those on a disk or in memory, which an eviction may lose."""
        return (self.made.names.memory, self.made.names.state)


def encoded(made: Made) -> Encoded:
    """`made`, ready to be put into many patches."""
    return Encoded(made, encode(made.container), tuple(encode(volume) for volume in made.volumes))


def patch_bytes(ops: Ops) -> bytes:
    """The whole patch."""
    return b"[" + b",".join(ops) + b"]"


def skip_mark(metadata: Metadata, reason: str) -> Ops:
    """Tells repair that this pod shall stay as it is."""
    return _annotated(metadata.annotations, {ANNOTATION_SKIPPED: reason})


def first_injection(pod: Pod, added: Encoded, told: list[Additions]) -> Ops:
    """For a pod without a sidecar. `told`: of each init container, then of each container."""
    return [
        *marks(pod.metadata, added),
        _listed("/spec/initContainers", b"0", (added.container,), exists=bool(pod.spec.init_containers)),
        _listed("/spec/volumes", b"-", added.volumes, exists=bool(pod.spec.volumes)),
        *environments(pod, told, first_init=1),
    ]


def marks(metadata: Metadata, added: Encoded) -> Ops:
    """Label and annotations, as far as they are not there."""
    annotations = metadata.annotations or {}
    wanted = {ANNOTATION_INJECTED: added.made.hash, EVICTABLE: _evictable(annotations.get(EVICTABLE, ""), added)}
    labelled = () if (metadata.labels or {}).get(LABEL_INJECTED) == "true" else _labelled(metadata.labels)
    return [*labelled, *_annotated(metadata.annotations, wanted)]


def environments(pod: Pod, told: list[Additions], *, first_init: int) -> Ops:
    """What the programs are told. `first_init`: place of the pod's first init container once patched."""
    ops: Ops = []
    inits = pod.init_containers
    for place, container in enumerate(inits):
        ops += _told(b"/spec/initContainers/%d/env" % (place + first_init), container, told[place])
    for place, container in enumerate(pod.containers):
        ops += _told(b"/spec/containers/%d/env" % place, container, told[len(inits) + place])
    return ops


def add(path: bytes, value: bytes) -> bytes:
    """Add or, where a member is there, replace."""
    return b'{"op":"add","path":"%b","value":%b}' % (path, value)


def replace(path: bytes, value: Json) -> bytes:
    """Put `value` in the place of what is there."""
    return b'{"op":"replace","path":"%b","value":%b}' % (path, encode(value))


def _told(path: bytes, container: Container, told: Additions) -> Ops:
    ops = [add(b"%b/%d/value" % (path, place), encode(value)) for place, value in told.changed]
    if told.new:
        ops.append(_appended(path, told.new, exists=bool(container.env)))
    return ops


@lru_cache(maxsize=1024)
def _appended(path: bytes, new: tuple[tuple[str, str], ...], *, exists: bool) -> bytes:
    variables = [encode({"name": name, "value": value}) for name, value in new]
    if not exists:
        return add(path, b"[%b]" % b",".join(variables))
    return b",".join(add(b"%b/-" % path, variable) for variable in variables)


def _listed(path: str, at: bytes, values: tuple[bytes, ...], *, exists: bool) -> bytes:
    if not exists:
        return add(path.encode(), b"[%b]" % b",".join(values))
    return b",".join(add(b"%b/%b" % (path.encode(), at), value) for value in values)


def _labelled(labels: dict[str, str] | None) -> Ops:
    if labels is None:
        return [add(b"/metadata/labels", encode({LABEL_INJECTED: "true"}))]
    return [add(_member("labels", LABEL_INJECTED), b'"true"')]


def _annotated(annotations: dict[str, str] | None, wanted: dict[str, str]) -> Ops:
    if annotations is None:
        return [add(b"/metadata/annotations", encode(wanted))]
    missing = {name: value for name, value in wanted.items() if annotations.get(name) != value}
    return [add(_member("annotations", name), encode(value)) for name, value in missing.items()]


@lru_cache(maxsize=16)
def _member(field: str, name: str) -> bytes:
    return f"/metadata/{field}/{name.replace('~', '~0').replace('/', '~1')}".encode()


def _evictable(present: str, added: Encoded) -> str:
    names = [name.strip() for name in present.split(",") if name.strip()]
    return ",".join([*names, *(name for name in added.volume_names if name not in names)])
