"""Asks the API server whether a token is good: few at a time, the rest waits in a bounded queue.

What it found good is remembered for a minute under the token's hash, and used only while the API server cannot be
asked (or where the caller says that an answer some seconds old will do). Must not keep or log a token.
Next: `pods.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from ccproxy_operator.distributor.identity import Identity, identity_of
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Counter

IN_FLIGHT: Final = 32
WAITING: Final = 4_096
"""Streams that may wait for their review; two thousand sidecars that come back at once fit, a flood does not."""
REVIEW_S: Final = 5.0
QUEUED_S: Final = 8.0
"""In all; a client gives up after 10 s (`config_stream.CONNECT_S`)."""
REMEMBERED_S: Final = 60.0
REMEMBERED: Final = 8_192
MAX_TOKEN_CHARS: Final = 8_192
_log = logger("reviews")

ReviewToken = Callable[[str, str], Awaitable[Mapping[str, object]]]
"""Token and audience to the `status` of a TokenReview, as JSON. Raises when the API server gives no answer."""
Verdict = Identity | Literal["bad", "later"]
"""`bad`: the token is not good for this audience. `later`: nobody can tell now."""


class Reviews:
    """`clock_s` is a monotonic clock. The counters are for metrics."""

    def __init__(self, review: ReviewToken, *, audience: str, clock_s: Callable[[], float]) -> None:
        self.asked, self.unanswered, self.turned_away = Counter(), Counter(), Counter()
        self.remembered = Counter()
        self._review = review
        self._audience = audience
        self._clock_s = clock_s
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._waiting = 0
        self._good: dict[bytes, tuple[Identity, float]] = {}

    async def verdict(self, token: str, *, fresh_s: float = 0.0) -> Verdict:
        """Whose token this is. `fresh_s`: how old an earlier good answer may be to spare the question."""
        if not token or len(token) > MAX_TOKEN_CHARS or not token.isascii():
            return "bad"
        key = hashlib.sha256(token.encode()).digest()
        known = self._known(key, fresh_s)
        if known is not None:
            return known
        if self._waiting >= WAITING:
            self.turned_away.inc()
            return "later"
        self._waiting += 1
        try:
            return await self._asked(token, key)
        finally:
            self._waiting -= 1

    async def _asked(self, token: str, key: bytes) -> Verdict:
        status = await self._answer(token)
        if status is None:
            self.unanswered.inc()
            known = self._known(key, REMEMBERED_S)
            if known is not None:
                self.remembered.inc()
            return known or "later"
        identity = identity_of(status, self._audience)
        if identity is None:
            self._good.pop(key, None)
            return "bad"
        self._remember(key, identity)
        return identity

    async def _answer(self, token: str) -> Mapping[str, object] | None:
        try:
            async with asyncio.timeout(QUEUED_S), self._slots, asyncio.timeout(REVIEW_S):
                self.asked.inc()
                return await self._review(token, self._audience)
        except Exception as error:  # whatever the client of the API server raises: there is no answer
            _log.warning("no_answer", error=type(error).__name__)
            return None

    def _known(self, key: bytes, fresh_s: float) -> Identity | None:
        found = self._good.get(key)
        return found[0] if found is not None and self._clock_s() - found[1] < fresh_s else None

    def _remember(self, key: bytes, identity: Identity) -> None:
        self._good.pop(key, None)  # to the end: the oldest stands first
        self._good[key] = (identity, self._clock_s())
        if len(self._good) > REMEMBERED:
            del self._good[next(iter(self._good))]
