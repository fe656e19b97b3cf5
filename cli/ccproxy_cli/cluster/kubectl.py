"""kubectl with one context: the user's own rights, nothing of ours. What it refuses, the user is told in its words.

Must not know what is asked. Next: `written.py`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import msgspec

from ccproxy_cli.exits import Failure

TIMEOUT_S = 30.0


class Kubectl:
    """`context` is a name of the kubeconfig; empty: its current one."""

    def __init__(self, context: str) -> None:
        program = shutil.which("kubectl")
        if program is None:
            raise Failure("kubectl is not on PATH; install it, ccproxy speaks to clusters through it")
        self.command = [program, *([f"--context={context}"] if context else [])]

    def text(self, *arguments: str) -> str:
        """What kubectl prints. Raises `Failure` with its complaint."""
        try:
            done = subprocess.run(
                [*self.command, f"--request-timeout={TIMEOUT_S:.0f}s", *arguments],
                capture_output=True, text=True, timeout=TIMEOUT_S + 5, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Failure("the cluster did not answer in time") from None
        if done.returncode:
            raise Failure(f"kubectl {arguments[0]}: {done.stderr.strip()[:500]}")
        return done.stdout

    def items(self, kind: str) -> list[Mapping[str, Any]]:
        """All objects of a kind in all namespaces. Raises `Failure`."""
        answer = msgspec.json.decode(self.text("get", kind, "--all-namespaces", "--output=json"))
        found: list[Mapping[str, Any]] = answer["items"]
        return found

    def through(self, *arguments: str, stdin: int | None = None) -> int:
        """Run kubectl with the user's own input and output; its exit status."""
        return subprocess.run([*self.command, *arguments], stdin=stdin, check=False).returncode
