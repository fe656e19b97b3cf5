"""What is added to a pod: the sidecar's container and its three volumes. The same for every pod with the same wishes.

Passes Pod Security *restricted*. No preStop hook: a native sidecar's would run before the app has ended; it drains at
SIGTERM, which comes when the app is gone. Pure. Next: `environment.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from ccproxy_contract.hashes import content_hash
from ccproxy_contract.names import (
    AUDIENCE_COMPRESSOR,
    AUDIENCE_CONFIG,
    AUDIENCE_LEDGER,
    CONTAINER,
    OPS_PORT,
    PATH_HEALTH,
    PATH_READY,
    SNAPSHOT_FILE,
    STATE_FOLDER,
    TOKENS,
)
from ccproxy_operator.injector.decide import Inject
from ccproxy_operator.injector.settings import Amounts, Resources, Settings

Json = dict[str, Any]
"""A piece of a Kubernetes object."""
MEMORY_FOLDER: Final = str(PurePosixPath(SNAPSHOT_FILE).parent)
OPS_PORT_NAME: Final = "ccproxy-ops"
"""What a PodMonitor names; Kubernetes takes up to 15 characters."""
START_WITHIN_S: Final = 60


class VolumeNames(msgspec.Struct, frozen=True):
    """How the three volumes are called in one pod: a user's volume may have the usual name already."""

    tokens: str = "ccproxy-tokens"
    memory: str = "ccproxy-memory"
    state: str = "ccproxy-state"


USUAL_NAMES: Final = VolumeNames()
_USUAL: Final = msgspec.structs.astuple(USUAL_NAMES)
MOUNTS: Final = {"tokens": TOKENS, "memory": MEMORY_FOLDER, "state": STATE_FOLDER}
"""Field of `VolumeNames` to the folder it is mounted at."""


class Made(msgspec.Struct, frozen=True):
    """A sidecar ready to be added. `hash` covers all of it."""

    container: Json
    volumes: tuple[Json, ...]
    names: VolumeNames
    hash: str


def made(wish: Inject, settings: Settings, root: str, *, names: VolumeNames = USUAL_NAMES) -> Made:
    """`root`: PEM of what signs the operator's and the ledger's certificates."""
    container = _container(wish, settings, root, names=names)
    volumes = _volumes(settings, names)
    return Made(container, volumes, names, content_hash([container, volumes]))


def free_names(taken: Iterable[str]) -> VolumeNames:
    """The usual names, or with a number where a pod has its own volume of that name."""
    others = set(taken)
    if others.isdisjoint(_USUAL):
        return USUAL_NAMES
    return VolumeNames(*(_free(name, others) for name in _USUAL))


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def _container(wish: Inject, settings: Settings, root: str, *, names: VolumeNames) -> Json:
    return {
        "name": CONTAINER,
        "image": wish.image,
        "imagePullPolicy": settings.pull_policy,
        "restartPolicy": "Always",
        "ports": [{"name": OPS_PORT_NAME, "containerPort": OPS_PORT, "protocol": "TCP"}],
        "env": _environment(wish, settings, root),
        "resources": _resources(wish.resources),
        "startupProbe": _probe(PATH_HEALTH, period_s=1, failures=START_WITHIN_S),
        "readinessProbe": _probe(PATH_READY, period_s=5, failures=3),
        "volumeMounts": [
            {"name": names.tokens, "mountPath": TOKENS, "readOnly": True},
            {"name": names.memory, "mountPath": MEMORY_FOLDER},
            {"name": names.state, "mountPath": STATE_FOLDER},
        ],
        "securityContext": _security(settings.run_as_user),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _environment(wish: Inject, settings: Settings, root: str) -> list[Json]:
    values = {
        "CCPROXY_POD": "$(CCPROXY_POD_NAMESPACE)/$(CCPROXY_POD_NAME)",
        "CCPROXY_OPERATOR_URL": settings.operator_url,
        "CCPROXY_LEDGER_URL": settings.ledger_url,
        "CCPROXY_ROOT_CERTIFICATE": root,
        "CCPROXY_TOKENS": TOKENS,
        "CCPROXY_SNAPSHOT": SNAPSHOT_FILE,
        "CCPROXY_SPOOL": f"{STATE_FOLDER}/spool",
        "CCPROXY_SPOOL_CAP_BYTES": str(settings.spool_cap_bytes),
        "CCPROXY_OPS_HOST": "0.0.0.0",
        "CCPROXY_OPS_PORT": str(OPS_PORT),
        "CCPROXY_NO_CONFIG": wish.no_config,
        "CCPROXY_LOG_LEVEL": settings.sidecar_log_level,
    }
    return [
        _of_pod("CCPROXY_POD_NAMESPACE", "metadata.namespace"),
        _of_pod("CCPROXY_POD_NAME", "metadata.name"),
        *({"name": name, "value": value} for name, value in values.items()),
    ]


def _of_pod(name: str, field: str) -> Json:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}


def _resources(resources: Resources) -> Json:
    return {"requests": _amounts(resources.requests), "limits": _amounts(resources.limits)}


def _amounts(amounts: Amounts) -> Json:
    return {name: text for name, text in msgspec.structs.asdict(amounts).items() if text}


def _probe(path: str, *, period_s: int, failures: int) -> Json:
    get = {"path": path, "port": OPS_PORT}
    return {"httpGet": get, "periodSeconds": period_s, "timeoutSeconds": 2, "failureThreshold": failures}


def _security(run_as_user: int) -> Json:
    """A UID of its own, so that no program of the pod can look into the sidecar's memory or files."""
    user: Json = {"runAsUser": run_as_user, "runAsGroup": run_as_user} if run_as_user else {}
    return user | {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _volumes(settings: Settings, names: VolumeNames) -> tuple[Json, ...]:
    audiences = (AUDIENCE_CONFIG, AUDIENCE_LEDGER, AUDIENCE_COMPRESSOR)
    return (
        {"name": names.tokens, "projected": {"sources": [_token(name, settings.token_s) for name in audiences]}},
        {"name": names.memory, "emptyDir": {"medium": "Memory", "sizeLimit": settings.memory_size}},
        {"name": names.state, "emptyDir": {"sizeLimit": settings.state_size}},
    )


def _token(audience: str, lifetime_s: int) -> Json:
    return {"serviceAccountToken": {"audience": audience, "expirationSeconds": lifetime_s, "path": audience}}
