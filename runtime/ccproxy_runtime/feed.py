"""Follows a file that another process replaces: each new content is decoded and handed on, a bad one is reported.

Must not decide what a content means, nor keep it: the caller holds the last good one. Next: `logs.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

Stamp = tuple[int, int, int]
"""Modification time in ns, inode, size: what changes when a file is replaced."""


class Loaded(msgspec.Struct, Generic[T], frozen=True):
    """Outcome of reading a followed file: a value, or the problem that kept it from being one."""

    value: T | None
    problem: str = ""


def load(path: Path, decode: Callable[[bytes], T]) -> Loaded[T]:
    """Read and decode `path` once; `decode` says no by `ValueError`."""
    return _read(path, decode)[0]


async def watch_file(
    path: Path,
    *,
    decode: Callable[[bytes], T],
    on_change: Callable[[T], None],
    on_problem: Callable[[str], None],
    poll_s: float = 0.25,
) -> None:
    """Until cancelled: hand every new content to `on_change`, every new problem to `on_problem`, each once.

    The content present at the start counts as new. `decode` says no by `ValueError`. Writers replace the file in one
    step (`atomic_write`), so no content is half of one.
    """
    seen: Stamp | None = None
    problem = ""
    while True:
        stamp = _stamp(path)
        if stamp is None or stamp != seen:
            loaded, seen = _read(path, decode)
            if loaded.value is not None:
                on_change(loaded.value)
            elif loaded.problem != problem or seen is not None:
                on_problem(loaded.problem)
            problem = loaded.problem
        await asyncio.sleep(poll_s)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read(path: Path, decode: Callable[[bytes], T]) -> tuple[Loaded[T], Stamp | None]:
    stamp = _stamp(path)
    try:
        return Loaded(decode(path.read_bytes())), stamp
    except OSError as error:
        return Loaded(None, f"{path.name}: {error.strerror or 'cannot be read'}"), None
    except ValueError as error:
        return Loaded(None, f"{path.name}: {error}"), stamp
