"""Which process is which: a pid alone may be somebody else's by now, so it is kept with the time it was born.

Uses /proc where there is one, else `ps`. Ends only processes whose identity was checked. Next: `ports.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import msgspec

PROC = Path("/proc")
POLL_S = 0.05


class Identity(msgspec.Struct, frozen=True):
    """A process and the moment of its birth, as the system writes it (ticks since boot, or `ps`'s date)."""

    pid: int
    born: str


def identity_of(pid: int) -> Identity | None:
    """The identity of a living process; `None` when there is none or it is a zombie."""
    born = _born_from_proc(pid) if PROC.joinpath("self").exists() else _born_from_ps(pid)
    return Identity(pid, born) if born else None


def _born_from_proc(pid: int) -> str:
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    # The name in brackets may hold anything; state and start time are the 1st and 20th field after it (proc(5)).
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _born_from_ps(pid: int) -> str:
    shown = _ps(pid, "stat=,lstart=")
    return "" if shown.startswith("Z") else shown.partition(" ")[2].strip()


def _ps(pid: int, columns: str) -> str:
    command = ["ps", "-o", columns, "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def alive(identity: Identity) -> bool:
    """Does this very process still run?"""
    return identity_of(identity.pid) == identity


def command_line(pid: int) -> tuple[str, ...]:
    """The arguments of a process (split at spaces where the system only gives one string); empty when unknown."""
    if not PROC.joinpath("self").exists():
        return tuple(_ps(pid, "args=").split())
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in raw.split(b"\0") if part)


def end(identity: Identity, *, grace_s: float) -> bool:
    """Ask a process to leave, kill it after `grace_s` seconds; says whether it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not send(identity, number):
            return True
        if wait_until_gone(identity, timeout_s=grace_s):
            return True
    return False


def send(identity: Identity, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it no longer runs."""
    if not alive(identity):
        return False
    try:
        os.kill(identity.pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(identity: Identity, *, timeout_s: float) -> bool:
    """Wait up to `timeout_s` seconds for a process to end; says whether it has."""
    deadline = time.monotonic() + timeout_s
    while alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
