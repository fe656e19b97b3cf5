"""How long to wait before connecting again: at once after a good-bye, longer after each failure, long when unwanted.

Pure: time and randomness come in. Must not connect. Next: `freshness.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

Ended = Literal["goodbye", "lost", "refused", "unwanted"]
"""How a connection ended. `goodbye`: the other side closed it in order; `refused`: the token was not taken;
`unwanted`: the token is good but not for this, or its pod is gone: coming back soon is useless."""

FIRST_S: Final = 0.1
LONGEST_S: Final = 10.0
UNWANTED_S: Final = 60.0
STEADY_S: Final = 10.0
"""A connection that lived this long was a good one: what failed before it is forgotten."""


class BackOff:
    """The pauses of one client. `random` answers 0 to 1."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._pause_s = 0.0

    def pause_s(self, ended: Ended, lived_s: float) -> float:
        """Seconds to wait now that a connection has ended after `lived_s` (0 when it never stood)."""
        if lived_s >= STEADY_S:
            self._pause_s = 0.0
        if ended == "unwanted":
            self._pause_s = LONGEST_S
            return UNWANTED_S * self._spread()
        if ended == "goodbye" and not self._pause_s:
            self._pause_s = FIRST_S
            return 0.0
        pause_s = max(self._pause_s, FIRST_S)
        self._pause_s = min(pause_s * 2, LONGEST_S)
        return pause_s * self._spread()

    def _spread(self) -> float:
        """Half to the whole: thousands of clients that lost the same server must not come back together."""
        return 0.5 + self._random() / 2
