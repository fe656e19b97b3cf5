"""`python -m ccproxy_operator.smoke.caller URL KEY`: the program in the injected pod; knows nothing of ccproxy.

Gets both from its arguments, where the pod's own `$(OPENAI_BASE_URL)` and `$(OPENAI_API_KEY)` were filled in.
Next: `objects.py`.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from ccproxy_operator.smoke.provider import MODEL


async def call(base_url: str, key: str) -> int:
    """HTTP status of one Chat call. Raises: `aiohttp.ClientError`."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Are you there?"}]}
    headers = {"authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{base_url}/chat/completions", json=body, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status


if __name__ == "__main__":
    status = asyncio.run(call(sys.argv[1], sys.argv[2]))
    sys.stdout.write(f"answered {status}\n")
    raise SystemExit(0 if status == 200 else 1)
