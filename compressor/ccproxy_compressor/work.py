"""A bounded queue before the processor: so much waits, the rest is told to come back, nothing piles up.

Work runs in threads beside the event loop, in the order of arrival. Must not know what is worked. Next: `metrics.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Work:
    """At most `places` pieces of work and `max_bytes` bytes of it, those under way included."""

    def __init__(self, *, threads: int, places: int, max_bytes: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="fold")
        self._places = places
        self._max_bytes = max_bytes
        self.held = 0
        self.held_bytes = 0
        self.refused = 0

    async def done(self, work: Callable[[], T], size_bytes: int) -> T | None:
        """The result of `work`; None when there is no room for it now."""
        if self.held >= self._places or self.held_bytes + size_bytes > self._max_bytes:
            self.refused += 1
            return None
        self.held += 1
        self.held_bytes += size_bytes
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self.held -= 1
            self.held_bytes -= size_bytes

    def close(self) -> None:
        """Forget what has not begun; wait for what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)
