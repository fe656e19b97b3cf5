"""Waiting in tests: for a condition, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Let others run until it holds. Raises `AssertionError` when it does not in time."""
    ends_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends_s, "it never held"
        await asyncio.sleep(0.005)


def wait_until(holds: Callable[[], object], *, within_s: float = 30.0) -> None:
    """The same for tests without an event loop: what is waited for is in another process."""
    ends_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends_s, "it never held"
        time.sleep(0.1)
