"""A started ccproxy in front of the scripted provider, and a user who has nothing but an agent's program.

The program is found on PATH or named by CCPROXY_TEST_CLAUDE / CCPROXY_TEST_CODEX. It gets a home of its own, and a
proxy that refuses everything, so that only loopback is reached. Nothing it sends is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.home import Home
from ccproxy_cli.state import running_state
from tests.cli.conftest import temporary_home, wait_for
from tests.fakes.provider.process import RunningProvider, running_provider

CLOSED = "http://127.0.0.1:9"
POLICIES = Path(__file__).parent / "policies.yaml"
RUN_TIMEOUT_S = 90


@dataclass(frozen=True)
class Agents:
    """A machine on which ccproxy serves and a user starts agents in `folder`."""

    home: Home
    user: Path
    provider: RunningProvider

    @property
    def folder(self) -> Path:
        return self.user / "work"

    def run(self, agent: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`ccproxy run AGENT ...`, to its end."""
        return self._ccproxy("run", _program(agent, self.user), *arguments, **variables)

    def attempts(self, session: str, *keys: str, at_least: int) -> dict[tuple[str, ...], int]:
        """Attempts of a session by `keys`, once so many are in the books."""

        def booked() -> dict[tuple[str, ...], int] | None:
            grouped = [argument for key in ("session", *keys) for argument in ("--group-by", key)]
            done = self._ccproxy("usage", "--json", *grouped)
            groups: list[dict[str, Any]] = json.loads(done.stdout)["groups"] if done.returncode == 0 else []
            ours = {tuple(str(g[key]) for key in keys): int(g["attempts"]) for g in groups if g["session"] == session}
            return ours if sum(ours.values()) >= at_least else None

        return wait_for(booked, timeout_s=30)

    def refused(self) -> int:
        """How many calls ccproxy refused itself since it started."""
        state = running_state(self.home.state)
        assert state is not None
        with urllib.request.urlopen(f"{state.address}/metrics", timeout=10) as answer:
            lines = [line.decode() for line in answer if line.startswith(b"ccproxy_refused_total{")]
        return sum(int(float(line.rpartition(" ")[2])) for line in lines)

    def _ccproxy(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ccproxy_cli", *arguments],
            cwd=self.folder, env=self._environment() | variables, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=RUN_TIMEOUT_S,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        own = {
            "HOME": str(self.user), "CODEX_HOME": str(self.user / ".codex"), "CCPROXY_HOME": str(self.home.root),
            "FIRST_KEY": "sk-first", "SECOND_KEY": "sk-second",
            "HTTPS_PROXY": CLOSED, "https_proxy": CLOSED, "HTTP_PROXY": CLOSED, "http_proxy": CLOSED,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLAUDE", "CODEX"))}
        return kept | own


def found(agent: str) -> str | None:
    """The agent's program, `None` on a machine without it."""
    return os.environ.get(f"CCPROXY_TEST_{agent.upper()}") or shutil.which(agent)


def needs(agent: str) -> pytest.MarkDecorator:
    """Skips a test, and says so, where the agent's program is not at hand."""
    reason = f"no agent CLI: {agent} is not on PATH and CCPROXY_TEST_{agent.upper()} names none"
    return pytest.mark.skipif(found(agent) is None, reason=reason)


def _program(agent: str, user: Path) -> str:
    """A path that ends in the agent's name, by which `run` knows it."""
    program, link = found(agent), user / "bin" / agent
    assert program is not None
    if not link.exists():
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(Path(program).resolve())
    return str(link)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    """ccproxy with the policies of this folder; all tests of a module share it."""
    user = tmp_path_factory.mktemp("user")
    (user / "work").mkdir()
    (user / ".codex").mkdir()
    with running_provider() as provider, temporary_home() as home:
        home.create()
        (home.policies / "all.yaml").write_text(POLICIES.read_text().replace("PROVIDER", provider.url))
        made = Agents(home, user, provider)
        done = made._ccproxy("start", "--detach", "--port", "0")
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def agents(machine: Agents) -> Agents:
    """The machine with a provider that has seen nothing and fails nowhere."""
    machine.provider.reset()
    return machine
