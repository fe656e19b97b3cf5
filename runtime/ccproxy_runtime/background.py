"""A task that lives as long as a block: cancelled at its end, and told of when it breaks.

Must not restart anything. Next: `stopping.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

from ccproxy_runtime.logs import logger

_log = logger("background")


@contextlib.asynccontextmanager
async def background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run `work` beside the block; one that breaks is logged, never silent."""
    task = asyncio.create_task(work)
    task.add_done_callback(_told)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("task_broke", error=type(error).__name__)
