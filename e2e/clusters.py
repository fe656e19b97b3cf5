"""A real cluster to test on: `kind` where a Docker engine answers, else the local one of `localkube/`.

Must not know ccproxy. Next: `kubectl.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from e2e.commands import run
from e2e.kubectl import Kubectl
from e2e.settings import KEEP, PROGRAMS, REUSE, ROOT

LOCALKUBE = ROOT / "e2e" / "localkube" / "localkube"
KIND_NAME = "ccproxy-e2e"


class Cluster(Protocol):
    """A running cluster."""

    kubectl: Kubectl
    helm: Path

    def load(self, archive: Path) -> None:
        """Make an image available to pods (imagePullPolicy Never)."""


class LocalCluster:
    """One node of our own programs; needs root, containerd and the built programs."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubectl = Kubectl(PROGRAMS / "kubectl", kubeconfig)
        self.helm = PROGRAMS / "helm"

    def load(self, archive: Path) -> None:
        """Import an archive into the node's containerd."""
        run(LOCALKUBE, "load", archive)

    def program(self, *arguments: str) -> str:
        """`status`, `logs NAME`, `start NAME`: for tests that stop a part of the control plane."""
        return run(LOCALKUBE, *arguments)

    def pid(self, program: str) -> int:
        """Process id of one of the cluster's programs."""
        lines = [line.split() for line in self.program("status").splitlines()]
        return next(int(words[1]) for words in lines if words[0] == program)


class KindCluster:
    """A cluster of `kind` in a Docker engine."""

    def __init__(self, kubeconfig: Path) -> None:
        kubectl, helm = shutil.which("kubectl"), shutil.which("helm")
        assert kubectl is not None, "kubectl is not on PATH"
        assert helm is not None, "helm is not on PATH"
        self.kubectl = Kubectl(Path(kubectl), kubeconfig)
        self.helm = Path(helm)

    def load(self, archive: Path) -> None:
        """Load an archive into the kind node."""
        run("kind", "load", "image-archive", archive, "--name", KIND_NAME)


def has_docker() -> bool:
    """Does a Docker engine answer?"""
    if shutil.which("docker") is None or shutil.which("kind") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def why_not() -> str:
    """Why no cluster can be had here, with what to do; empty when one can."""
    if has_docker():
        return ""
    missing = [name for name in ("containerd", "runc", "nft", "ip", "buildah", "mmdebstrap") if not shutil.which(name)]
    if os.geteuid() != 0:
        return "no cluster: needs root or a Docker engine with kind"
    if missing:
        return f"no cluster: install {', '.join(missing)} (see e2e/localkube/README.md), or a Docker engine with kind"
    if not (PROGRAMS / "stamp").exists() and shutil.which("go") is None:
        return "no cluster: its programs are not built and Go is not here to build them"
    return ""


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A fresh cluster, taken down at the end."""
    with _kind() if has_docker() else _local() as running:
        yield running


@contextmanager
def _local() -> Iterator[Cluster]:
    kubeconfig = PROGRAMS.parent / "state" / "kubeconfig"
    if not (REUSE and kubeconfig.exists()):
        kubeconfig = Path(run(LOCALKUBE, "up", timeout_s=1200).strip().splitlines()[-1])
    try:
        yield LocalCluster(kubeconfig)
    finally:
        if not KEEP:
            run(LOCALKUBE, "down")


@contextmanager
def _kind() -> Iterator[Cluster]:
    kubeconfig = Path(PROGRAMS.parent, "kind.kubeconfig")
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    run("kind", "create", "cluster", "--name", KIND_NAME, "--kubeconfig", kubeconfig, timeout_s=600)
    try:
        yield KindCluster(kubeconfig)
    finally:
        if not KEEP:
            run("kind", "delete", "cluster", "--name", KIND_NAME)
