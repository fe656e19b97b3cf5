"""Guards for every test: nothing leaves this machine, nothing of the developer's environment leaks in."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

import pytest

PROVING = os.environ.get("CCPROXY_PROVE") == "1"
"""`make prove`: the bars at full size; else at a tenth."""

_LEAKS = ("CCPROXY_", "ANTHROPIC_", "OPENAI_", "GEMINI_", "GOOGLE_")
for _name in [n for n in os.environ if n.startswith(_LEAKS) and not n.startswith("CCPROXY_TEST_")]:
    del os.environ[_name]

_connect = socket.socket.connect


def _only_loopback(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise AssertionError(f"a test tried to reach {host}")
    _connect(self, address)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _only_loopback)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


ALLOWED_SKIPS = (
    "promtool is not on PATH",
    "no agent CLI",
    "no process namespaces here",
    "cannot mount a small disk here",
    "mounting a small disk needs root",
)
"""What CI may be without: tools that cannot be had everywhere, and root. Any other skip there is a failure: a test that
nobody runs proves nothing."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true, fail the run for skips that are not allowed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("CI") != "true":
        return
    reasons = [str(report.longrepr[2]).removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])]
    refused = sorted({reason for reason in reasons if not reason.startswith(ALLOWED_SKIPS)})
    if refused:
        reporter.write_line("skips that CI should not have:\n  " + "\n  ".join(refused), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
