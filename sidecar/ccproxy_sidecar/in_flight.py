"""The memory that bodies and held answers may take together; who does not fit waits, then is refused.

Must not know what the bytes are. Next: `body.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque

WAIT_S = 10.0


class InFlight:
    """A budget of bytes, granted in order of arrival."""

    def __init__(self, cap_bytes: int) -> None:
        self.cap_bytes = cap_bytes
        self.held_bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def take_now(self, size_bytes: int) -> bool:
        """Reserve `size_bytes` when there is room and nobody waits for it."""
        if self._waiting or self.held_bytes + size_bytes > self.cap_bytes:
            return False
        self.held_bytes += size_bytes
        return True

    async def take(self, size_bytes: int) -> bool:
        """Reserve `size_bytes`; False when it cannot fit, or did not within `WAIT_S`."""
        if size_bytes > self.cap_bytes:
            return False
        return self.take_now(size_bytes) or await self._wait(size_bytes)

    async def _wait(self, size_bytes: int) -> bool:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, turn))
        granted = False
        try:
            async with asyncio.timeout(WAIT_S):
                await turn
            granted = True
        except TimeoutError:
            pass
        finally:
            if not granted:
                self._withdraw(size_bytes, turn)
        return granted

    def _withdraw(self, size_bytes: int, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():  # granted in the same moment in which the caller gave up
            self.give(size_bytes)
            return
        self._waiting.remove((size_bytes, turn))
        self._grant()

    def give(self, size_bytes: int) -> None:
        """Return what was taken."""
        self.held_bytes -= size_bytes
        if self._waiting:
            self._grant()

    def _grant(self) -> None:
        while self._waiting:
            size_bytes, turn = self._waiting[0]
            if self.held_bytes + size_bytes > self.cap_bytes:
                return
            self._waiting.popleft()
            if not turn.done():
                self.held_bytes += size_bytes
                turn.set_result(None)
