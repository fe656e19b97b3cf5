"""Who the embedded Postgres runs as: the ledger's own user, unless that is root, which Postgres refuses.

As root, a data folder that belongs to another user runs as that user; else a user namespace is tried first (root's
files keep their owner), then uid 65534 with the right to walk through closed folders (works in a container whose
runtime forbids namespaces). Must not add a user or change a folder that is not ours. Next: `postgres_leftover.py`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ccproxy_ledger.postgres_binaries import PostgresUnavailable
from ccproxy_ledger.postgres_launch import NOBODY

ROOT_MODES = ("userns", f"uid:{NOBODY}")
LAUNCHER = Path(__file__).with_name("postgres_launch.py")


async def identity(data_dir: Path, programs: Path, *, modes: tuple[str, ...] = ROOT_MODES) -> str:
    """The launcher's mode for `data_dir`: as root the first of `modes` that works.

    Raises: `PostgresUnavailable` when root cannot become anybody else.
    """
    if os.geteuid() != 0:
        return "self"
    owner = _owner(data_dir)
    if owner != 0:
        return f"uid:{owner}"
    problems = []
    for mode in modes:
        status, output = await run(mode, [str(programs / "postgres"), "--version"])
        if status == 0:
            hand_over(data_dir, mode)
            return mode
        problems.append(output.strip())
    raise PostgresUnavailable(
        "Postgres does not run as root, and this machine allows neither a user namespace nor another uid"
        f" ({'; '.join(problems)[-300:]}): start ccproxy as an ordinary user, or pass --database URL"
    )


async def run(mode: str, command: list[str]) -> tuple[int, str]:
    """Exit status and output of one program, run as `mode`."""
    process = await asyncio.create_subprocess_exec(
        *launched(mode, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


def launched(mode: str, command: list[str]) -> list[str]:
    """The command line that starts `command` as `mode` and lets it end with this process."""
    return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), mode, *command]


def hand_over(folder: Path, mode: str) -> None:
    """Give a folder of ours and all in it to the uid that `mode` runs Postgres as."""
    if not mode.startswith("uid:") or not folder.exists():
        return
    uid = int(mode[4:])
    for path in _all_below(folder):
        os.chown(path, uid, uid, follow_symlinks=False)


def _owner(folder: Path) -> int:
    return folder.stat().st_uid if folder.exists() else 0


def _all_below(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.rglob("*")
