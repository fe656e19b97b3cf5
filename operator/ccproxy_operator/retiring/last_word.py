"""Asks the operator to send every sidecar its last snapshot, `retired`, and hears what remains to be rolled.

An operator that does not answer must not stop an uninstall. Next: `leftovers.py`.
"""

from __future__ import annotations

import asyncio
import ssl
import time

import aiohttp
import msgspec

from ccproxy_contract.names import AUDIENCE_CONFIG, PATH_RETIRE
from ccproxy_operator.distributor.retirement import Retired
from ccproxy_operator.retiring.settings import Settings
from ccproxy_runtime.logs import logger
from ccproxy_runtime.projected_token import projected_token
from ccproxy_runtime.tls import client_context

AGAIN_S = 2.0
ONE_TRY_S = 30.0
"""An operator waits up to 25 s for its sidecars and its siblings."""
_log = logger("uninstall")


async def last_word(settings: Settings) -> Retired | None:
    """How far the last snapshot came; None when no replica answered in time."""
    ends_s = time.monotonic() + settings.timeout_s
    try:
        trust = client_context(settings.root_file.read_text())
    except (OSError, ssl.SSLError) as error:
        _log.warning("operator_not_asked", reason=type(error).__name__)
        return None
    heard = ""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ONE_TRY_S)) as session:
        while True:
            told = await _told(session, settings, trust)
            if isinstance(told, Retired):
                return told
            if told != heard:  # once per reason: Helm prints what is logged here
                _log.warning("operator_silent", reason=told)
            heard = told
            if time.monotonic() + AGAIN_S > ends_s:
                return None
            await asyncio.sleep(AGAIN_S)


async def _told(session: aiohttp.ClientSession, settings: Settings, trust: ssl.SSLContext) -> Retired | str:
    """The answer, or why there is none."""
    try:
        headers = {"authorization": f"Bearer {projected_token(settings.tokens / AUDIENCE_CONFIG)}"}
        async with session.post(settings.operator_url + PATH_RETIRE, headers=headers, ssl=trust) as answer:
            if answer.status != 200:
                return f"status {answer.status}"
            return msgspec.json.decode(await answer.read(), type=Retired)
    except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
        return type(error).__name__
