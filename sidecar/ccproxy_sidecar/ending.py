"""How much time a stopping sidecar still has, and for what.

In a pod the sidecar is told last, when the app is gone: open calls first, then the last events to the ledger, because
the spool's volume goes with the pod. On a laptop the spool stays, so nobody waits long. Must not wait itself.
Next: `listener.py`.
"""

from __future__ import annotations

from collections.abc import Callable

LAPTOP_DRAIN_S = 30.0
"""How long open streams may go on after a stop signal."""
LAPTOP_HAND_OVER_S = 3.0
"""How long a stopping sidecar waits for the ledger to take its last events; the rest stays in the spool."""
RESERVED_S = 5.0
"""Of a pod's grace this much is kept for the hand-over, a quarter of a short one."""


class Ending:
    """`grace_s`: from the signal until the process must have ended; None on a laptop. `clock_s` is monotonic."""

    def __init__(self, grace_s: float | None, clock_s: Callable[[], float]) -> None:
        self.begun = False
        self._grace_s = grace_s
        self._clock_s = clock_s
        self._end_s = 0.0

    def begin(self) -> None:
        """The signal came."""
        self.begun = True
        self._end_s = self._clock_s() + (self._grace_s or 0.0)

    @property
    def drain_s(self) -> float:
        """How long open calls may go on."""
        if self._grace_s is None:
            return LAPTOP_DRAIN_S
        return self._grace_s - min(RESERVED_S, self._grace_s / 4)

    def hand_over_s(self) -> float:
        """How long the ledger may take for the last events."""
        if self._grace_s is None:
            return LAPTOP_HAND_OVER_S
        return max(0.0, self._end_s - self._clock_s())
