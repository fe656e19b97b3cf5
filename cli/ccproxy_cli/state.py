"""What the supervisor says about itself in run/state.json. It alone writes the file; every command reads it.

Holds no secret: no credential, no database URL. Next: `processes.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from ccproxy_cli.processes import Identity, alive

Phase = Literal["starting", "running", "waiting", "stopped"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Every part of the state is immutable."""


class PolicyProblem(Part, frozen=True, kw_only=True):
    """One problem of a policy folder. `line` is 0 where no line is known."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class BackendState(Part, frozen=True, kw_only=True):
    """A backend as far as commands need it: what it speaks and whose key it uses."""

    name: str
    provider: str
    url: str
    dialects: tuple[str, ...]
    credential: Literal["Key", "PassThrough", "None"]


class CompileReport(Part, frozen=True, kw_only=True):
    """The outcome of compiling a policy folder. With problems, nothing was written."""

    problems: tuple[PolicyProblem, ...] = ()
    snapshot: str = ""
    """Hash of the compiled snapshot."""
    accounts: str = ""
    rules: tuple[str, ...] = ()
    backends: tuple[BackendState, ...] = ()
    files: int = 0


class ProcessState(Part, frozen=True, kw_only=True):
    """One supervised process. `identity` is `None` while it does not run."""

    name: str
    phase: Phase
    command: tuple[str, ...]
    identity: Identity | None = None
    started_ms: int = 0
    restarts: int = 0
    last_exit: str = ""
    """How it ended last (`exit code 1`, `signal 9`); empty when it never did."""


class ReloadState(Part, frozen=True, kw_only=True):
    """The last look at the policies. With problems the earlier, good ones stay in force."""

    at_ms: int
    report: CompileReport
    """Of the last try, good or bad."""


class State(Part, frozen=True, kw_only=True):
    """The whole file. Times are Unix milliseconds; `serving_since_ms` is 0 until the sidecar answers."""

    supervisor: Identity
    command: tuple[str, ...]
    version: str
    port: int
    ledger_port: int
    config: str
    external_database: bool
    started_ms: int
    serving_since_ms: int = 0
    processes: tuple[ProcessState, ...] = ()
    running: CompileReport
    """What the processes run: the last good compile."""
    reload: ReloadState

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(State).decode


def state_bytes(state: State) -> bytes:
    return _encode(state)


def recorded_state(path: Path) -> State | None:
    """The state on disk, of a supervisor that may be dead; `None` when there is none that can be read."""
    try:
        return _decode(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def running_state(path: Path) -> State | None:
    """The state of a supervisor that runs now, else `None`."""
    state = recorded_state(path)
    return state if state is not None and alive(state.supervisor) else None
