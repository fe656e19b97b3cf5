"""Whether a pod gets a sidecar, and with what of its own choosing; every other outcome has a coded reason.

Only pods that ask are sent here (`matchConditions`), so a pod without the annotation is in a namespace that asks for
it. Pure: no clock, no I/O. Next: `quantities.py`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from ccproxy_contract.names import (
    ANNOTATION_IMAGE,
    ANNOTATION_INJECT,
    ANNOTATION_INJECTED,
    ANNOTATION_NO_CONFIG,
    ANNOTATION_RESOURCES,
    ANNOTATION_SKIPPED,
    CONTAINER,
    DATA_PORT,
    OPS_PORT,
)
from ccproxy_operator.injector.pods import Pod
from ccproxy_operator.injector.quantities import quantity
from ccproxy_operator.injector.settings import Amounts, Resources, Settings

MIRROR: Final = "kubernetes.io/config.mirror"
"""On pods that a kubelet shows for its static ones; changing them changes nothing."""
ALWAYS_EXCLUDED: Final = ("kube-system", "kube-node-lease")
OS_LABEL: Final = "kubernetes.io/os"

SkipReason = Literal["OptedOut", "SkipRequested", "SystemNamespace", "MirrorPod", "WindowsNode"]
RefuseReason = Literal[
    "HostNetwork", "HostPid", "SharedProcesses", "NameTaken", "PortTaken", "ImageNotAllowed", "BadResources",
    "ResourcesOverLimit", "BadNoConfig",
]  # fmt: skip


class Inject(msgspec.Struct, frozen=True):
    """Add the sidecar, as the pod wants it."""

    image: str
    resources: Resources
    no_config: str
    """`hold` or `pass`: what becomes of calls before the first snapshot."""
    warnings: tuple[str, ...] = ()


class Skip(msgspec.Struct, frozen=True):
    """Let the pod in as it is. `mark`: write the reason on the pod, so that repair leaves it alone."""

    reason: SkipReason
    message: str
    mark: bool = False


class Refuse(msgspec.Struct, frozen=True):
    """Do not let the pod in: it asked for a sidecar that cannot work."""

    reason: RefuseReason
    message: str


def decide(pod: Pod, namespace: str, settings: Settings) -> Inject | Skip | Refuse:
    """The verdict on a pod that is to be made in `namespace`."""
    return kept_out(pod, namespace, settings.namespace) or _wish(pod.annotations, settings)


def kept_out(pod: Pod, namespace: str, system_namespace: str) -> Skip | Refuse | None:
    """What keeps a sidecar out of it, whatever else it wishes; repair asks this of running pods."""
    return _skip(pod, namespace, system_namespace) or _refuse(pod)


def has_sidecar(pod: Pod) -> bool:
    """Was it here before: this is the second call for the same pod, or a copy of an injected one."""
    return ANNOTATION_INJECTED in pod.annotations and any(c.name == CONTAINER for c in pod.init_containers)


def _skip(pod: Pod, namespace: str, system_namespace: str) -> Skip | None:
    annotations = pod.annotations
    if annotations.get(ANNOTATION_INJECT) == "false":
        return Skip("OptedOut", f"{ANNOTATION_INJECT} is false")
    if ANNOTATION_SKIPPED in annotations:
        return Skip("SkipRequested", f"the pod carries {ANNOTATION_SKIPPED}")
    if namespace in ALWAYS_EXCLUDED or namespace == system_namespace:
        return Skip("SystemNamespace", f"pods of {namespace} are never injected")
    if MIRROR in annotations:
        return Skip("MirrorPod", "a static pod cannot be changed here; change its file on the node")
    if _is_windows(pod):
        return Skip("WindowsNode", "the sidecar runs on Linux only", mark=True)
    return None


def _is_windows(pod: Pod) -> bool:
    named = pod.spec.os.name if pod.spec.os else (pod.spec.node_selector or {}).get(OS_LABEL, "")
    return named == "windows"


def _refuse(pod: Pod) -> Refuse | None:
    spec = pod.spec
    if spec.host_network:
        text = "its sidecar would listen on the node's own 127.0.0.1, for every other pod of the node; drop hostNetwork"
        return Refuse("HostNetwork", text)
    if spec.share_process_namespace:
        text = "its containers could read the sidecar's keys; drop shareProcessNamespace"
        return Refuse("SharedProcesses", text)
    if spec.host_pid:
        return Refuse("HostPid", "its containers could read the keys of every sidecar of the node; drop hostPID")
    return _taken(pod)


def _taken(pod: Pod) -> Refuse | None:
    ours = has_sidecar(pod)
    for container in pod.all_containers:
        if container.name == CONTAINER:
            if ours and container in pod.init_containers:
                continue
            return Refuse("NameTaken", f"a container is called {CONTAINER}, as the sidecar would be; rename it")
        for port in container.ports or ():
            if port.container_port in (DATA_PORT, OPS_PORT):
                text = f"container {container.name} has port {port.container_port}, which the sidecar needs"
                return Refuse("PortTaken", f"{text}; take another")
    return None


def _wish(annotations: dict[str, str], settings: Settings) -> Inject | Refuse:
    image = annotations.get(ANNOTATION_IMAGE, settings.image)
    if not _image_is_allowed(image, settings):
        allowed = ", ".join(settings.image_prefixes) or "none but its own"
        return Refuse("ImageNotAllowed", f"{ANNOTATION_IMAGE} is {image[:200]!r}; this cluster allows: {allowed}")
    resources = _resources(annotations.get(ANNOTATION_RESOURCES, ""), settings)
    if isinstance(resources, Refuse):
        return resources
    no_config = annotations.get(ANNOTATION_NO_CONFIG, "hold")
    if no_config not in ("hold", "pass"):
        return Refuse("BadNoConfig", f"{ANNOTATION_NO_CONFIG} is {no_config[:40]!r}; it can be hold or pass")
    return Inject(image, resources, no_config, _warnings(annotations))


def _warnings(annotations: dict[str, str]) -> tuple[str, ...]:
    asked = annotations.get(ANNOTATION_INJECT, "true")
    if asked == "true":
        return ()
    return (f"{ANNOTATION_INJECT} is {asked[:40]!r}, neither true nor false: its namespace's default, true, holds",)


def _image_is_allowed(image: str, settings: Settings) -> bool:
    return image == settings.image or any(_is_below(image, prefix) for prefix in settings.image_prefixes)


def _is_below(image: str, prefix: str) -> bool:
    """`r.example/ccproxy` allows its tags and what lies below, but not `r.example/ccproxy-other`."""
    rest = image.removeprefix(prefix)
    return rest != image and (prefix.endswith(("/", ":", "@")) or rest[:1] in ("", "/", ":", "@"))


def _resources(text: str, settings: Settings) -> Resources | Refuse:
    if not text:
        return settings.resources
    try:
        asked = msgspec.json.decode(text, type=_Asked)
    except ValueError as wrong:
        return Refuse("BadResources", f"{ANNOTATION_RESOURCES}: {wrong}")
    merged = Resources(
        requests=_merged(settings.resources.requests, asked.requests),
        limits=_merged(settings.resources.limits, asked.limits),
    )
    return _fault(asked, merged, settings) or merged


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The annotation: what it leaves out stays as it is."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()


def _merged(usual: Amounts, asked: Amounts) -> Amounts:
    return Amounts(cpu=asked.cpu or usual.cpu, memory=asked.memory or usual.memory)


def _fault(asked: _Asked, merged: Resources, settings: Settings) -> Refuse | None:
    """Only what the pod asks for is held against the limits: the usual amounts are the platform owner's own."""
    most = {"cpu": settings.max_cpu, "memory": settings.max_memory_bytes}
    for part, amounts in (("requests", asked.requests), ("limits", asked.limits)):
        for name, text in msgspec.structs.asdict(amounts).items():
            amount = quantity(text) if text else None
            if text and not amount:
                return Refuse("BadResources", f"{ANNOTATION_RESOURCES}: {part}.{name} {text[:40]!r} is no amount")
            if amount is not None and amount > most[name]:
                return Refuse(
                    "ResourcesOverLimit", f"{ANNOTATION_RESOURCES}: {part}.{name} {text} is over this cluster's limit"
                )
    for name in most:
        wanted, limit = (quantity(getattr(amounts, name)) for amounts in (merged.requests, merged.limits))
        if wanted is not None and limit is not None and wanted > limit:
            return Refuse("BadResources", f"{ANNOTATION_RESOURCES}: requests.{name} is over limits.{name}")
    return None
