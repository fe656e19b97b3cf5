"""kubectl as the tests speak it: objects in and out as plain mappings.

Must not know ccproxy. Next: `images.py`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from e2e.commands import run, wait

Object = dict[str, Any]


class Kubectl:
    """Acts as the cluster's administrator."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        self.program = program
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, stdin: str = "", timeout_s: float = 120) -> str:
        """Run kubectl. Raises `CommandFailed`."""
        return run(self.program, f"--kubeconfig={self.kubeconfig}", *arguments, stdin=stdin, timeout_s=timeout_s)

    def background(self, *arguments: str) -> subprocess.Popen[str]:
        """Run kubectl beside the test (port-forward, logs -f); the caller ends it."""
        command = [str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects on the server's side."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(items))

    def create(self, item: Mapping[str, Any]) -> None:
        """Create one object; the API server's refusal is the `CommandFailed`."""
        self("create", "-f", "-", stdin=json.dumps(item))

    def get(self, kind: str, name: str = "", *, namespace: str = "", labels: str = "") -> Object:
        """One object, or a list (`items`) without a name."""
        arguments = ["get", kind, *([name] if name else []), "-o", "json"]
        arguments += ["-n", namespace] if namespace else []
        arguments += ["-l", labels] if labels else []
        found: Object = json.loads(self(*arguments))
        return found

    def exists(self, kind: str, name: str, *, namespace: str = "") -> bool:
        """Is there such an object?"""
        where = ["-n", namespace] if namespace else []
        return bool(self("get", kind, name, "--ignore-not-found", "-o", "name", *where).strip())

    def items(self, kind: str, *, namespace: str, labels: str = "") -> list[Object]:
        """All objects of a kind in a namespace."""
        found: list[Object] = self.get(kind, namespace=namespace, labels=labels)["items"]
        return found

    def delete(self, kind: str, name: str, *, namespace: str = "", wait_for_it: bool = True) -> None:
        """Delete; nothing to delete is fine."""
        where = ["-n", namespace] if namespace else []
        self("delete", kind, name, "--ignore-not-found", f"--wait={str(wait_for_it).lower()}", *where)

    def logs(self, pod: str, *, namespace: str, container: str = "") -> str:
        """What a container printed."""
        chosen = ["-c", container] if container else []
        return self("logs", pod, "-n", namespace, *chosen)

    def execute(self, pod: str, command: Sequence[str], *, namespace: str, container: str, stdin: str = "") -> str:
        """Run a program in a container."""
        return self("exec", "-i", pod, "-n", namespace, "-c", container, "--", *command, stdin=stdin)

    def rolled_out(self, kind: str, name: str, *, namespace: str, timeout_s: int = 120) -> None:
        """Wait until a workload runs as written."""
        self(
            "rollout", "status", f"{kind}/{name}", "-n", namespace, f"--timeout={timeout_s}s", timeout_s=timeout_s + 10
        )

    def condition(self, kind: str, name: str, condition: str, *, namespace: str = "") -> Object:
        """One condition of an object's status; empty when there is none."""
        status = self.get(kind, name, namespace=namespace).get("status", {})
        found = [item for item in status.get("conditions", []) if item["type"] == condition]
        return found[0] if found else {}

    def wait_condition(
        self, kind: str, name: str, condition: str, *, status: str = "True", namespace: str = "", timeout_s: float = 60
    ) -> Object:
        """The condition once it has this status for the newest generation."""

        def ask() -> Object | None:
            generation = self.get(kind, name, namespace=namespace)["metadata"].get("generation", 1)
            found = self.condition(kind, name, condition, namespace=namespace)
            fits = found.get("status") == status and found.get("observedGeneration", generation) == generation
            return found if fits else None

        return wait(f"{kind}/{name} to be {condition}={status}", ask, timeout_s=timeout_s)
