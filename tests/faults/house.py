"""Sidecar and ledger as bare processes that a test kills, pauses and starts again, with a link between them.

No supervisor, so that a test alone decides when a process comes back. Must not judge. Next: `load.py`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from ccproxy_cli.compiling import compile_folder, write_outputs
from ccproxy_ledger.postgres_leftover import is_postmaster_of, postmaster_pid
from ccproxy_runtime.atomic import atomic_write
from tests.conftest import free_port
from tests.faults.link import Link

PROVIDER_KEY = "sk-never-to-be-logged-4711"
POLICIES = """\
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: anthropic}}
spec: {{provider: Anthropic, endpoint: {{url: "{url}"}}, credentials: {{env: KEY}}}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: openai}}
spec: {{provider: OpenAI, endpoint: {{url: "{url}/v1"}}, credentials: {{env: KEY}}}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: ModelBackend
metadata: {{name: gemini}}
spec: {{provider: Gemini, endpoint: {{url: "{url}"}}, credentials: {{env: KEY}}}}
---
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {{name: p}}
spec:
  rules:
    - name: opus-on-haiku
      match: {{models: ["claude-opus-*"]}}
      then:
        route: {{targets: [{{backend: anthropic, model: claude-haiku-5-5}}, {{backend: anthropic}}]}}
    - name: gpt
      match: {{models: ["gpt-*"]}}
      then: {{route: {{targets: [{{backend: openai}}]}}}}
"""


class Process:
    """`python -m MODULE`, again and again; all its starts write into one log."""

    def __init__(self, module: str, settings: dict[str, str], log: Path) -> None:
        self.log = log
        self.settings = settings
        self.starts = 0
        self._module = module
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as out:
            self._running = subprocess.Popen(
                [sys.executable, "-m", self._module], env={**os.environ, **self.settings}, stdout=out, stderr=out
            )

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def signal(self, sign: signal.Signals) -> None:
        assert self._running is not None
        self._running.send_signal(sign)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        assert self._running is not None
        self._running.kill()
        self._running.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self._running is not None
        self._running.terminate()
        return self._running.wait(60)

    def end(self) -> None:
        """Whatever it does now, it is gone after this."""
        if self._running is not None and self._running.poll() is None:
            self.kill()


class House:
    """`sidecar`, `ledger` and the `link` between them, with all their state below `home`."""

    def __init__(self, home: Path, provider_url: str) -> None:
        self.home = home
        self.logs = home / "logs"
        self.spool = home / "sidecar-spool"
        self.pgdata = home / "pg"
        self.ledger_port, port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.ledger_url = f"http://127.0.0.1:{self.ledger_port}"
        self.link = Link(free_port(), self.ledger_port)
        self.logs.mkdir()
        self._write_inputs(provider_url)
        token = {"CCPROXY_LEDGER_TOKEN_FILE": str(home / "token"), "CCPROXY_LOG_LEVEL": "debug"}
        self.sidecar = Process("ccproxy_sidecar", token | self._sidecar_settings(port), self.logs / "sidecar.log")
        self.ledger = Process("ccproxy_ledger", token | self._ledger_settings(), self.logs / "ledger.log")

    def _write_inputs(self, provider_url: str) -> None:
        folder = self.home / "policies"
        folder.mkdir()
        (folder / "a.yaml").write_text(POLICIES.format(url=provider_url))
        compiled = compile_folder(folder, {"KEY": PROVIDER_KEY})
        assert not compiled.report.problems
        write_outputs(compiled, self.home)
        atomic_write(self.home / "token", b"the-token-of-this-run")

    def _sidecar_settings(self, port: int) -> dict[str, str]:
        return {
            "CCPROXY_SNAPSHOT": str(self.home / "snapshot.json"),
            "CCPROXY_SPOOL": str(self.spool),
            "CCPROXY_PORT": str(port),
            "CCPROXY_LEDGER_URL": f"http://127.0.0.1:{self.link.port}",
            "CCPROXY_IDLE_TIMEOUT_MS": "3000",
        }

    def _ledger_settings(self) -> dict[str, str]:
        return {
            "CCPROXY_ACCOUNTS": str(self.home / "accounts.json"),
            "CCPROXY_LEDGER_SPOOL": str(self.home / "ledger-spool"),
            "CCPROXY_LEDGER_PORT": str(self.ledger_port),
            "CCPROXY_PGDATA": str(self.pgdata),
        }

    @property
    def database(self) -> str:
        """URL of the embedded Postgres, from the file where it says where its socket is."""
        socket = (self.pgdata / "data" / "postmaster.pid").read_text().splitlines()[4]
        return f"postgresql://ccproxy@/postgres?host={socket}"

    def postmaster(self) -> int | None:
        """Its process id, when it is beyond doubt ours."""
        pid = postmaster_pid(self.pgdata / "data")
        return pid if pid is not None and is_postmaster_of(pid, self.pgdata / "data") else None

    def logged(self) -> str:
        """All logs of all processes, Postgres included."""
        files = [*self.logs.iterdir(), *self.pgdata.glob("*.log*")]
        return "".join(path.read_text(errors="replace") for path in files)


@contextlib.asynccontextmanager
async def running_house(home: Path, provider_url: str) -> AsyncIterator[House]:
    """Start everything; afterwards nothing of it is left, the postmaster included."""
    house = House(home, provider_url)
    await house.link.mend()
    house.ledger.start()
    house.sidecar.start()
    try:
        yield house
    finally:
        await house.link.cut()
        house.sidecar.end()
        house.ledger.end()
        if (pid := house.postmaster()) is not None:
            os.kill(pid, signal.SIGKILL)
