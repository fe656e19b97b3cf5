"""Files that are never seen half written: a new file takes the old one's place in one step.

Must not know what is in a file. Next: `feed.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE_FILE = 0o600


def atomic_write(path: Path, content: bytes, mode: int = PRIVATE_FILE, *, durable: bool = True) -> None:
    """Replace `path` by `content`: a reader sees the old file or the new one, also after a power cut.

    `durable=False` skips the wait for the disk; a power cut may then leave an older or an empty file.
    Raises: `OSError` (no folder, disk full); the old file is then untouched.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _write_file(draft, content, mode, durable=durable)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Wait until the names in `directory` are on disk. Raises: `OSError`."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_file(path: Path, content: bytes, mode: int, *, durable: bool) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(handle, mode)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
