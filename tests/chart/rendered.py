"""The chart as Helm renders it, read back as objects."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "ccproxy"
HELM = Path(os.environ.get("LOCALKUBE_HOME", "~/.cache/localkube")).expanduser() / "bin" / "helm"
NAMESPACE = "ccproxy-system"
Object = dict[str, Any]
EXTERNAL = ("ledger.postgres.existingSecret=books-url", "ledger.persistence.storageClassName=fast")
EVERYTHING = (
    *EXTERNAL,
    "certManager.enabled=true",
    "monitoring.podMonitor=true",
    "monitoring.serviceMonitor=true",
    "crds.keep=false",
    "image.registry=registry.example",
    "image.pullSecrets[0]=pull",
)
SMALL = ("crds.install=false", "networkPolicy.enabled=false", "ledger.persistence.enabled=false", "operator.replicas=1")
CASES = {"trial": (), "external": EXTERNAL, "everything": EVERYTHING, "small": SMALL}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Skips, saying so, where Helm is not built."""
    if not HELM.exists():
        pytest.skip("no helm: run `e2e/localkube/localkube build` (5 min, needs Go)")
    return subprocess.run([str(HELM), *arguments], capture_output=True, text=True, check=False)


def text(*settings: str, arguments: tuple[str, ...] = ()) -> str:
    """What Helm would send. Raises `AssertionError` with Helm's complaint."""
    done = helm("template", "ccproxy", str(CHART), f"--namespace={NAMESPACE}", *arguments, *chosen(settings))
    assert done.returncode == 0, done.stderr
    return done.stdout


def chosen(settings: tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def objects(*settings: str) -> list[Object]:
    """The objects of one rendering."""
    return [found for found in yaml.safe_load_all(text(*settings)) if found]


def pod_specs(found: list[Object]) -> Iterator[tuple[str, Object]]:
    """`Kind name` and pod spec of everything that runs."""
    for one in found:
        name = f"{one['kind']} {one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield name, one["spec"]
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, one["spec"]["template"]["spec"]


def containers(found: list[Object]) -> Iterator[tuple[str, Object]]:
    """`Kind name` and container."""
    for name, spec in pod_specs(found):
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            yield name, container


def environment(container: Object) -> dict[str, str]:
    """As kubelet would fill it in; fields of the pod are words."""
    env = {item["name"]: item.get("value", "of-the-pod") for item in container.get("env", ())}
    return {name: value.replace("$(CCPROXY_POD_NAME)", "of-the-pod") for name, value in env.items()}
