"""The scripted provider as a process of its own: for clients that block, and for the demo.

Must not hold what the provider does. Next: `control.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.fakes.provider.faults import Planned
from tests.fakes.provider.records import Seen, seen_from_line

ROOT = Path(__file__).resolve().parents[3]
SETTLE_S = 10.0


@dataclass(frozen=True)
class RunningProvider:
    """Where it listens, what it saw, what it shall do."""

    url: str

    def calls(self) -> list[Seen]:
        """Everything that it saw since the last reset."""
        with urllib.request.urlopen(f"{self.url}/_fake/calls", timeout=10) as answer:
            return [seen_from_line(line) for line in answer]

    def settled_calls(self) -> list[Seen]:
        """The same, once no call is open any more. Raises `TimeoutError` after 10 s."""
        deadline_s = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline_s:
            calls = self.calls()
            if all(seen.outcome != "open" for seen in calls):
                return calls
            time.sleep(0.02)
        raise TimeoutError("the provider still has open calls")

    def plan(self, *entries: Planned) -> None:
        """Replace the plan of faults."""
        self._post("plan", msgspec.json.encode(entries))

    def reset(self) -> None:
        """Forget calls, caches and the plan."""
        self._post("reset", b"{}")

    def advance(self, seconds: float) -> None:
        """Let time pass for the caches."""
        self._post("advance", msgspec.json.encode({"seconds": seconds}))

    def _post(self, what: str, body: bytes) -> None:
        request = urllib.request.Request(f"{self.url}/_fake/{what}", body, {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def running_provider(*, port: int = 0, seed: int = 0) -> Iterator[RunningProvider]:
    """Start it, wait until it listens, end it afterwards. Raises `RuntimeError` when it does not come up."""
    command = [sys.executable, "-m", "tests.fakes.provider", "--port", str(port), "--seed", str(seed), "--quiet"]
    command += ["--exit-with-parent", str(os.getpid())]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said.startswith("listening on "):
            raise RuntimeError(f"the scripted provider did not come up (exit {process.poll()})")
        yield RunningProvider(said.removeprefix("listening on ").strip())
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
