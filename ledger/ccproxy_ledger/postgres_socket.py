"""Where the embedded Postgres's Unix socket lies: in its own folder, or, when that path is too long, below /tmp.

The kernel takes 107 bytes of socket path. Must never use a folder that somebody else could have made.
Next: `postgres.py`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from ccproxy_ledger.postgres_identity import hand_over

SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH_BYTES = 103
"""Linux takes 107, macOS 103."""


def socket_dir(root: Path, mode: str) -> Path:
    """A folder of mode 0700 for the socket of the cluster in `root`, owned by who runs it."""
    folder = _place(root)
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        folder = Path(tempfile.mkdtemp(prefix="ccproxy-"))
    hand_over(folder, mode)
    return folder


def _place(root: Path) -> Path:
    beside = root / "run"
    if len(os.fsencode(beside / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES:
        return beside
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"ccproxy-{os.geteuid()}-{name}"


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    ours = found.st_uid == os.geteuid() or (os.geteuid() == 0 and folder.parent != Path(tempfile.gettempdir()))
    return stat.S_ISDIR(found.st_mode) and ours and not stat.S_IMODE(found.st_mode) & 0o077


def drop_socket_dir(root: Path, folder: Path) -> None:
    """Remove a socket folder that lies outside `root`."""
    if folder.parent != root:
        shutil.rmtree(folder, ignore_errors=True)
