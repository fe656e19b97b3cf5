"""`python -m ccproxy_operator.smoke`: what `helm test` runs in a pod. Next: `settings.py`."""

from __future__ import annotations

import asyncio
import secrets
import sys

from ccproxy_operator.api import Api, ApiFailed, access_from
from ccproxy_operator.smoke.provider import provider
from ccproxy_operator.smoke.run import SmokeFailed, check
from ccproxy_operator.smoke.settings import PROVIDER_PORT, Settings, settings_from_environment


def main() -> int:
    """0: a call went all the way."""
    try:
        asyncio.run(_run(settings_from_environment()))
    except (SmokeFailed, ApiFailed, ValueError, OSError) as failed:
        _say(f"FAILED: {failed}")
        return 1
    _say("ccproxy works.")
    return 0


async def _run(settings: Settings) -> None:
    api = Api(await access_from(None))
    try:
        async with provider("0.0.0.0", PROVIDER_PORT):
            await check(settings, api, _say, where=f"ccproxy-test-{secrets.token_hex(4)}")
    finally:
        await api.close()


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
