"""The pytest fixture `provider`: a scripted provider in the test's own loop, on a free port.

Use: `from tests.fakes.provider.fixtures import provider` in a conftest or a test file. Next: `server.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.fakes.provider.server import Provider


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    """`.url`, `.calls`, `.plan(...)`, `.advance(seconds)`, `.reset()`."""
    scripted = Provider()
    await scripted.start()
    yield scripted
    await scripted.stop()
