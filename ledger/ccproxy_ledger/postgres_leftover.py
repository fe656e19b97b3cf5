"""A postmaster that outlived its ledger: recognise it beyond doubt, then stop it.

Must never signal a process that is not a postmaster of exactly this data folder: process ids are reused.
Next: `postgres.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

STEPS: tuple[tuple[signal.Signals, float], ...] = (
    (signal.SIGINT, 5.0),
    (signal.SIGQUIT, 5.0),
    (signal.SIGKILL, 5.0),
)
"""Fast shutdown, then immediate, then none of its own; seconds to wait after each."""


async def stop_leftover(data_dir: Path) -> int | None:
    """Stop the postmaster that still runs on `data_dir`; answers its process id, `None` when there is none."""
    pid = postmaster_pid(data_dir)
    if pid is None or not is_postmaster_of(pid, data_dir):
        return None
    for sign, wait_s in STEPS:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return pid
        if await _ended(pid, data_dir, wait_s):
            return pid
    return pid


def drop_misleading_pid_file(data_dir: Path) -> bool:
    """Remove `postmaster.pid` when its number now belongs to somebody else; call it when no postmaster runs.

    Postgres would refuse to start for fear of that process. In a container numbers come again after each restart.
    """
    pid = postmaster_pid(data_dir)
    if pid is None or is_postmaster_of(pid, data_dir) or not _exists(pid):
        return False
    (data_dir / "postmaster.pid").unlink(missing_ok=True)
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def postmaster_pid(data_dir: Path) -> int | None:
    """What `postmaster.pid` says; `None` without a file or when it names another folder."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 2 or not lines[0].isdigit() or Path(lines[1]) != data_dir:
        return None
    return int(lines[0])


def is_postmaster_of(pid: int, data_dir: Path) -> bool:
    """Is `pid` alive, a program named `postgres`, started on `data_dir`?"""
    words = _command_line(pid)
    if not words or not Path(words[0]).name.startswith("postgres"):
        return False
    return f"{data_dir}" in words[1:]


def _command_line(pid: int) -> list[str]:
    """Empty for a process that is gone or a zombie."""
    if sys.platform != "linux":
        shown = subprocess.run(
            ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.split()
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


async def _ended(pid: int, data_dir: Path, wait_s: float) -> bool:
    for _ in range(int(wait_s / 0.02)):
        if not is_postmaster_of(pid, data_dir):
            return True
        await asyncio.sleep(0.02)
    return False
