"""The public keys that a cluster signs ServiceAccount tokens with: asked of its API server, last good ones in a file.

With the API server away the last good keys hold, also over a restart. Must not judge a token.
Next: `service_tokens.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec

from ccproxy_runtime.atomic import atomic_write
from ccproxy_runtime.logs import logger
from ccproxy_runtime.projected_token import projected_token
from ccproxy_runtime.tls import client_context

PATH_ISSUER = "/.well-known/openid-configuration"
PATH_KEYS = "/openid/v1/jwks"
"""Open to every ServiceAccount by the default role `system:service-account-issuer-discovery`.

Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/ (2026-11-21).
"""
EVERY_S = 3600.0
"""New keys are published long before they sign, so an hour is early enough; an unknown one is asked for at once."""
AGAIN_S = 5.0
"""Strangers can name unknown keys as fast as they like; the API server is asked at most this often."""
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 1024 * 1024
_log = logger("issuer_keys")


class ApiServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the API server is and how a pod speaks to it; the files are read anew each time, they are renewed."""

    url: str
    ca_file: Path
    token_file: Path


class Published(msgspec.Struct, frozen=True):
    """What an API server says of its tokens: who issues them, and a JSON Web Key per signing key."""

    issuer: str
    keys: tuple[dict[str, object], ...]


class IssuerKeys:
    """`published` is the last good answer, `None` before the first one."""

    def __init__(self, api: ApiServer, *, kept: Path | None, clock_s: Callable[[], float]) -> None:
        """`kept` is the file of the last good answer; `clock_s` answers seconds of a monotonic clock."""
        self._api = api
        self._kept = kept
        self._clock_s = clock_s
        self.published = _last_good(kept)
        self.failures = 0
        """Questions that the API server did not answer."""
        self._tried_s = float("-inf")
        self._asking = asyncio.Lock()

    async def follow(self) -> None:
        """Until cancelled: ask every hour, after a failure sooner."""
        retry_s = FIRST_RETRY_S
        while True:
            if await self.refresh():
                retry_s = FIRST_RETRY_S
                await asyncio.sleep(EVERY_S)
            else:
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def refresh(self) -> bool:
        """Ask now. False: the API server did not answer, the last good keys hold."""
        async with self._asking:
            return await self._ask()

    async def look_again(self) -> None:
        """A token names a key that is not known here: ask, unless that was done a moment ago."""
        async with self._asking:
            if self._clock_s() - self._tried_s >= AGAIN_S:
                await self._ask()

    async def _ask(self) -> bool:
        self._tried_s = self._clock_s()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                found = await _fetch(self._api)
        except (aiohttp.ClientError, OSError, ValueError) as fault:  # a timeout is an OSError
            self.failures += 1
            _log.warning("issuer_keys_not_fetched", reason=type(fault).__name__)
            return False
        if found != self.published:
            self.published = found
            _log.info("issuer_keys", issuer=found.issuer, keys=len(found.keys))
            await asyncio.to_thread(self._keep, found)
        return True

    def _keep(self, found: Published) -> None:
        if self._kept is None:
            return
        try:
            atomic_write(self._kept, _encode(found))
        except OSError as fault:
            _log.error("issuer_keys_not_kept", reason=fault.strerror or type(fault).__name__)


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str


class _KeySet(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, object], ...]


_encode = msgspec.json.Encoder().encode
_published = msgspec.json.Decoder(Published).decode
_discovery = msgspec.json.Decoder(_Discovery).decode
_key_set = msgspec.json.Decoder(_KeySet).decode


def _last_good(kept: Path | None) -> Published | None:
    try:
        return None if kept is None else _published(kept.read_bytes())
    except (OSError, ValueError) as fault:
        if not isinstance(fault, FileNotFoundError):
            _log.warning("issuer_keys_unreadable", reason=type(fault).__name__)
        return None


async def _fetch(api: ApiServer) -> Published:
    """Raises: `OSError`, `aiohttp.ClientError`, `ValueError` for an answer that is none."""
    headers = {"authorization": f"Bearer {projected_token(api.token_file)}"}
    connector = aiohttp.TCPConnector(ssl=client_context(api.ca_file.read_text()))
    async with aiohttp.ClientSession(api.url, headers=headers, connector=connector, raise_for_status=True) as session:
        issuer = _discovery(await _body(session, PATH_ISSUER)).issuer
        keys = _key_set(await _body(session, PATH_KEYS)).keys
    if not issuer or not keys:
        raise ValueError("no issuer or no keys")
    return Published(issuer, keys)


async def _body(session: aiohttp.ClientSession, path: str) -> bytes:
    body = b""
    async with session.get(path, allow_redirects=False) as answer:
        async for part in answer.content.iter_any():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise ValueError("the answer is too long")
    return body
