"""Events that the ledger refuses for good: kept as JSON lines in `rejected/` beside the spool, for a person to look at.

Must not grow without bound, nor stop the events behind. Next: `outbox.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

from ccproxy_runtime.spool_source import PRIVATE_FOLDER

FOLDER = "rejected"
MAX_BYTES = 16 * 1024 * 1024


def set_aside(spool_directory: Path, src: str, payload: bytes) -> bool:
    """Append one refused event to its source's file; False when the folder is full or the disk refuses."""
    folder = spool_directory / FOLDER
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        if sum(path.stat().st_size for path in folder.iterdir()) + len(payload) > MAX_BYTES:
            return False
        handle = os.open(folder / f"{src}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, payload.replace(b"\n", b" ") + b"\n")
        finally:
            os.close(handle)
    except OSError:
        return False
    return True
