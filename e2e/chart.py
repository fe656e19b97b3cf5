"""The chart as a user handles it: install, upgrade, test, uninstall.

Must not know what is in it. Next: `house.py`.
"""

from __future__ import annotations

from pathlib import Path

from e2e.commands import run
from e2e.settings import ROOT

CHART = ROOT / "charts" / "ccproxy"
RELEASE = "ccproxy"
SYSTEM = "ccproxy-system"


class Chart:
    """One release in the system namespace."""

    def __init__(self, helm: Path, kubeconfig: Path) -> None:
        self._helm = helm
        self._kubeconfig = kubeconfig

    def __call__(self, *arguments: str, timeout_s: float = 300) -> str:
        """Run helm. Raises `CommandFailed`."""
        command: list[str | Path] = [
            self._helm,
            f"--kubeconfig={self._kubeconfig}",
            f"--namespace={SYSTEM}",
            *arguments,
        ]
        return run(*command, timeout_s=timeout_s)

    def install(self, *settings: str, chart: Path = CHART, wait_s: int = 180) -> str:
        """Install or upgrade, and wait until everything runs. `settings`: `key=value` of `--set`."""
        chosen = [word for setting in settings for word in ("--set", setting)]
        command = ["upgrade", "--install", RELEASE, str(chart), "--create-namespace", "--wait", f"--timeout={wait_s}s"]
        return self(*command, *chosen, timeout_s=wait_s + 30)

    def uninstall(self, *, wait_s: int = 120) -> str:
        """Uninstall, hooks included."""
        return self("uninstall", RELEASE, "--wait", f"--timeout={wait_s}s", timeout_s=wait_s + 30)

    def test(self, *, wait_s: int = 120) -> str:
        """What `helm test` says."""
        return self("test", RELEASE, f"--timeout={wait_s}s", "--logs", timeout_s=wait_s + 30)
