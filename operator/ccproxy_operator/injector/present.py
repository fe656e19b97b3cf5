"""The sidecar is there already: the second call for one pod, or a copy of an injected pod. What differs is put right.

Another webhook may have dropped our `restartPolicy` (built against old types), an old release may have made the spec:
then the whole container is made anew. Additions alone (defaults, mounts, variables) are no difference.
Pure. Next: `events.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ccproxy_contract.names import CONTAINER
from ccproxy_operator.injector.patch import Ops, add, encode, replace
from ccproxy_operator.injector.quantities import same_quantity
from ccproxy_operator.injector.sidecar import MOUNTS, USUAL_NAMES, Json, Made, VolumeNames, free_names

_KEYS: Final = ("mountPath", "name", "containerPort")
"""By which of these the members of Kubernetes' lists are told apart, in this order."""


def place_of(spec: Mapping[str, Any]) -> int:
    """Where our container stands among the init containers. Raises `StopIteration` when it does not."""
    return next(place for place, each in enumerate(spec["initContainers"]) if each.get("name") == CONTAINER)


def names_in(spec: Mapping[str, Any]) -> VolumeNames:
    """How our volumes are called in this pod: by where they are mounted, new names for those that are not."""
    mounts = spec["initContainers"][place_of(spec)].get("volumeMounts") or ()
    by_path = {mount.get("mountPath"): str(mount.get("name", "")) for mount in mounts}
    taken = {str(volume.get("name")) for volume in spec.get("volumes") or ()}
    free = free_names(taken)
    found = {}
    for field, path in MOUNTS.items():
        name, usual = by_path.get(path, ""), getattr(USUAL_NAMES, field)
        found[field] = name if name.startswith(usual) and name in taken else getattr(free, field)
    return VolumeNames(**found)


def put_right(spec: Mapping[str, Any], made: Made) -> Ops:
    """Nothing when container and volumes are as they should be."""
    place = place_of(spec)
    ops: Ops = []
    if not covers(spec["initContainers"][place], made.container):
        ops.append(replace(b"/spec/initContainers/%d" % place, made.container))
    present = spec.get("volumes") or []
    if not present:
        return [*ops, add(b"/spec/volumes", encode(made.volumes))]
    return [*ops, *(op for volume in made.volumes for op in _volume(present, volume))]


def _volume(present: Sequence[Json], volume: Json) -> Ops:
    for place, each in enumerate(present):
        if each.get("name") == volume["name"]:
            return [] if covers(each, volume) else [replace(b"/spec/volumes/%d" % place, volume)]
    return [add(b"/spec/volumes/-", encode(volume))]


def covers(present: object, wanted: object) -> bool:
    """Is all that is `wanted` there? More may be there as well."""
    if isinstance(wanted, Mapping):
        return isinstance(present, Mapping) and all(
            name in present and covers(present[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return isinstance(present, Sequence) and not isinstance(present, str) and _list_covers(present, wanted)
    if isinstance(wanted, str) and isinstance(present, str):
        return present == wanted or same_quantity(present, wanted)
    return present == wanted


def _list_covers(present: Sequence[object], wanted: Sequence[object]) -> bool:
    for place, each in enumerate(wanted):
        key = next((key for key in _KEYS if isinstance(each, Mapping) and key in each), None)
        if key is None:
            found = present[place] if place < len(present) else None
        else:
            assert isinstance(each, Mapping)
            named = (other for other in present if isinstance(other, Mapping) and other.get(key) == each[key])
            found = next(named, None)
        if not covers(found, each):
            return False
    return True
