"""Starts ccproxy with a home of its own and ends it again. Nothing else on the machine is touched.

Must not know what the session does. Next: `session.py`.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.demo.settings import environment

CCPROXY = Path(sys.executable).with_name("ccproxy")
POLICIES = Path(__file__).with_name("policies")
START_S = 60


class NotStarted(Exception):
    """ccproxy did not start; the text is what it said."""


@contextmanager
def home() -> Iterator[Path]:
    """A folder for everything, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ccproxy-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def write_policies(folder: Path, provider_url: str) -> Path:
    """The demo's policies with the provider's address filled in."""
    policies = folder / "policies"
    policies.mkdir()
    for source in sorted(POLICIES.glob("*.yaml")):
        (policies / source.name).write_text(source.read_text().replace("DEMO_PROVIDER", provider_url))
    return policies


@contextmanager
def running_ccproxy(folder: Path, policies: Path, keys: Mapping[str, str]) -> Iterator[str]:
    """`ccproxy start --detach`, its address, and `ccproxy stop` at the end. Raises `NotStarted`."""
    surroundings = environment(CCPROXY_HOME=str(folder), **keys)
    url = f"http://127.0.0.1:{_free_port()}"
    command = ["start", "--detach", "--port", url.rpartition(":")[2], "--config", str(policies)]
    try:
        started = _ccproxy(command, surroundings)
        if started.returncode:
            raise NotStarted(started.stderr.strip() or started.stdout.strip())
        yield url
    finally:
        _ccproxy(["stop"], surroundings)


def _ccproxy(arguments: list[str], surroundings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CCPROXY), *arguments], env=surroundings, capture_output=True, text=True, timeout=START_S, check=False
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
