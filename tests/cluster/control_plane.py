"""A real API server with etcd and controllers, without a node: for CRDs, CEL, RBAC, admission, tokens, Leases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOCALKUBE = Path(__file__).resolve().parents[2] / "e2e" / "localkube" / "localkube"
PROGRAMS = Path(os.environ.get("LOCALKUBE_HOME", "~/.cache/localkube")).expanduser() / "bin"


class ControlPlane:
    """One running cluster; `kubectl` acts as its administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl. Raises `AssertionError` with its complaint when `check` and it fails."""
        command = [str(PROGRAMS / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    def apply(self, manifest: str) -> None:
        """Apply YAML on the server's side."""
        self.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)

    def localkube(self, *arguments: str) -> str:
        """Kill, start or look at one of its programs (`start kube-apiserver`, `status`)."""
        return _localkube(self.kubeconfig.parent, *arguments)


@contextmanager
def control_plane(state: Path, *, fresh: bool = False) -> Iterator[ControlPlane]:
    """A control plane under `state`, or the one of CCPROXY_TEST_KUBECONFIG unless it must be `fresh`.

    Skips, saying why, where its programs are not built.
    """
    running = os.environ.get("CCPROXY_TEST_KUBECONFIG")
    if running and not fresh:
        yield ControlPlane(Path(running))
        return
    if not (PROGRAMS / "stamp").exists():
        pytest.skip("no cluster programs: run `e2e/localkube/localkube build` (5 min, needs Go)")
    kubeconfig = _localkube(state, "up", "--control-plane-only").strip().splitlines()[-1]
    try:
        yield ControlPlane(Path(kubeconfig))
    finally:
        _localkube(state, "down")


def _localkube(state: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(LOCALKUBE), *arguments],
        env=os.environ | {"LOCALKUBE_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
