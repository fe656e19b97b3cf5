"""Is every watch alive? Dead is one that showed nothing for 180 s (bookmarks come each minute) while the API server
answered all that time. With the API server away a replica serves from memory and is alive.

Pure but for its one question to the API server. Must not restart anything: kubelet does. Next: `ops_server.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ccproxy_operator.api import Api, ApiAway, ApiFailed

LIMIT_S = 180.0
ASK_EVERY_S = 10.0


class Liveness:
    """`clock_s` is monotonic."""

    def __init__(self, kinds: Iterable[str], clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._heard_s = dict.fromkeys(kinds, clock_s())
        self._answering_since_s: float | None = None

    def alive(self, kind: str) -> None:
        """Bytes came on the watch of `kind`."""
        self._heard_s[kind] = self._clock_s()

    def api_answered(self, answered: bool) -> None:
        """The API server was asked something."""
        if not answered:
            self._answering_since_s = None
        elif self._answering_since_s is None:
            self._answering_since_s = self._clock_s()

    def dead(self) -> list[str]:
        """Kinds whose watch is dead."""
        if self._answering_since_s is None:
            return []
        since_s = self._answering_since_s
        now_s = self._clock_s()
        return [kind for kind, heard_s in self._heard_s.items() if now_s - max(heard_s, since_s) > LIMIT_S]

    async def ask(self, api: Api) -> None:
        """Until cancelled: ask the API server something small, again and again."""
        while True:
            try:
                await api.get("/version", timeout_s=ASK_EVERY_S / 2)
                self.api_answered(True)
            except ApiAway:
                self.api_answered(False)
            except ApiFailed:  # it refuses, so it is there
                self.api_answered(True)
            await asyncio.sleep(ASK_EVERY_S)
