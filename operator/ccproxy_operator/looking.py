"""The beat of a leader's duty: look, put right, wait, look again; a look that fails is counted and tried again.

Must not know what is looked at. Next: `events.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ccproxy_operator.api import ApiFailed
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Counter

_log = logger("looking")


async def keep_looking(look: Callable[[], Awaitable[None]], *, each_s: float, failed: Counter, what: str) -> None:
    """Until cancelled. What the API server refuses waits for the next look; anything else ends the duty's term."""
    while True:
        try:
            await look()
        except ApiFailed as error:
            failed.inc()
            _log.warning("look_failed", what=what, reason=str(error))
        await asyncio.sleep(each_s)
