"""How a process ends: with its parent, or gracefully at a signal; and the name of one start of it.

Must not decide when to stop. Next: `loopback.py`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import threading
import time
from uuid import UUID

_PR_SET_PDEATHSIG = 1
"""linux/prctl.h; the kernel then sends the named signal when the parent thread ends."""
_ORPHAN_CHECK_S = 0.5
SRC_RANDOM_BYTES = 10


def exit_with_parent(parent: int) -> None:
    """Have this process receive SIGTERM when its parent, process `parent`, dies, also when it is already gone.

    The parent says its own number: an orphan's new parent may be any process (a subreaper), and in a container process
    1 may be the true one. Linux does it in the kernel; a watching thread does it everywhere, for a parent whose thread
    outlives it.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
        return
    threading.Thread(target=_end_when_orphaned, args=(parent,), name="parent-watch", daemon=True).start()


def _end_when_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_S)
    os.kill(os.getpid(), signal.SIGTERM)


def stop_event(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; a second signal then acts as if nobody listened."""
    stop = asyncio.Event()

    def asked(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    return stop


def src_id(time_ms: int, random: bytes) -> str:
    """Name of one start of a process: a UUID (version 7) that sorts by start time.

    `time_ms` Unix milliseconds, `random` at least 10 random bytes. Raises: `ValueError` for fewer.
    """
    if len(random) < SRC_RANDOM_BYTES:
        raise ValueError("a source name needs 10 random bytes")
    number = (time_ms & (2**48 - 1)) << 80 | int.from_bytes(random[:SRC_RANDOM_BYTES])
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return str(UUID(int=number))
