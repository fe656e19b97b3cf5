"""One supervisor per home: a lock that the system itself gives back when its holder dies. Next: `terminal.py`."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ccproxy_cli.home import PRIVATE_FILE


def acquire(path: Path) -> int | None:
    """The file descriptor that holds the lock for as long as any process has it open; `None` when it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
