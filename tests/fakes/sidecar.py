"""A real sidecar process in front of a scripted provider: what end-to-end tests talk to.

Must not reach into the process: it is started, spoken to and ended. Next: `provider/server.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccproxy_contract.names import DEFAULT_RULE, PATH_HEALTH
from ccproxy_contract.prices import EMPTY_BOOK, PriceBook
from ccproxy_contract.snapshot import (
    Backend,
    Credential,
    Match,
    Model,
    Route,
    Rule,
    Snapshot,
    Target,
    Treatment,
    sealed,
    snapshot_bytes,
)
from tests.conftest import free_port
from tests.fakes.provider import models

PROVIDER_KEY = "sk-scripted"
START_S = 20.0


@dataclass(frozen=True, kw_only=True)
class RunningSidecar:
    """Where it listens and what it leaves behind. `url` has no trailing slash and no version."""

    url: str
    pid: int
    snapshot: Path
    """Replace this file (atomically) to give it another snapshot."""
    spool: Path
    log: Path


@contextmanager
def running_sidecar(snapshot: Snapshot, tmp_path: Path, **environment: str) -> Iterator[RunningSidecar]:
    """Start a sidecar with `snapshot`, wait until it is healthy, end it afterwards.

    `environment` adds CCPROXY_* variables by their full names. Raises `RuntimeError` with its log when it does not
    come up.
    """
    port, path, spool, log = free_port(), tmp_path / "snapshot.json", tmp_path / "spool", tmp_path / "sidecar.log"
    path.write_bytes(snapshot_bytes(snapshot))
    path.chmod(0o600)
    spool.mkdir(exist_ok=True)
    ours = {
        "CCPROXY_SNAPSHOT": str(path),
        "CCPROXY_SPOOL": str(spool),
        "CCPROXY_PORT": str(port),
        "CCPROXY_LOG_LEVEL": "debug",
        "CCPROXY_EXIT_WITH_PARENT": str(os.getpid()),
        **environment,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ccproxy_sidecar"], env={**os.environ, **ours}, stdout=out, stderr=out
        )
    sidecar = RunningSidecar(url=f"http://127.0.0.1:{port}", pid=process.pid, snapshot=path, spool=spool, log=log)
    try:
        _await_health(sidecar, process)
        yield sidecar
    finally:
        _end(process)


def laptop_snapshot(provider_url: str, *rules: Rule, book: PriceBook = EMPTY_BOOK) -> Snapshot:
    """Backends `anthropic`, `openai` and `gemini` at the scripted provider; without rules each serves its dialect."""
    return sealed(Snapshot(rules=rules, backends=scripted_backends(provider_url), book=book))


def scripted_backends(provider_url: str) -> tuple[Backend, ...]:
    """One backend per API of the scripted provider, with a key that it takes."""
    key = Credential("Key", PROVIDER_KEY)
    claude, gpt, gemini = (_offered(listed) for listed in (models.ANTHROPIC, models.OPENAI, models.GEMINI))
    return (
        Backend("anthropic", "Anthropic", provider_url, ("anthropic-messages",), key, ("anthropic",), models=claude),
        Backend(
            "openai",
            "OpenAI",
            f"{provider_url}/v1",
            ("openai-chat", "openai-responses", "openai-embeddings"),
            key,
            ("openai",),
            models=gpt,
        ),
        Backend("gemini", "Gemini", provider_url, ("gemini-generate",), key, ("google",), models=gemini),
    )


def _offered(listed: dict[str, tuple[int, int]]) -> tuple[Model, ...]:
    return tuple(Model(name, window, output or None) for name, (window, output) in listed.items())


def routing_rule(name: str, match: Match, *targets: Target) -> Rule:
    """A rule that sends what matches to `targets`, in this order."""
    return Rule(name, "test", "Enforce", match, Treatment(route=Route(targets)))


def default_route(*targets: Target) -> Rule:
    """For `Snapshot.default`."""
    return routing_rule(DEFAULT_RULE, Match(), *targets)


def _await_health(sidecar: RunningSidecar, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            with urllib.request.urlopen(sidecar.url + PATH_HEALTH, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    log = sidecar.log.read_text(errors="replace")[-4_000:]
    raise RuntimeError(f"the sidecar did not come up (exit {process.poll()}):\n{log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
