"""A provider that answers one Chat call with one word: enough to see a call arrive. Next: `caller.py`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

MODEL: Final = "ccproxy-test"
INPUT_TOKENS, OUTPUT_TOKENS = 11, 3


@contextlib.asynccontextmanager
async def provider(host: str, port: int) -> AsyncIterator[int]:
    """Serve during the block, on the port that it gives. Raises: `OSError` when it is taken."""
    application = web.Application()
    application.router.add_post("/v1/chat/completions", _answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    message = {"role": "assistant", "content": "yes"}
    return web.json_response({
        "id": "chatcmpl-ccproxy-test",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    })  # fmt: skip
