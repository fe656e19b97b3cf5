"""Posts a batch of events to the ledger and says what came of it. A ledger that is away is waited for.

Only an answer that says that the batch itself is wrong is final; a wrong token or a missing path is somebody's mistake
that will be mended, and events outlive it. Must not read the spool. Next: `set_aside.py`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence

import aiohttp
import msgspec

from ccproxy_contract.events import Ack, decode_ack
from ccproxy_contract.names import PATH_EVENTS
from ccproxy_runtime.logs import logger

PAYLOAD_IS_WRONG = frozenset({400, 409, 413, 422})
TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024

Token = Callable[[], str] | bytes | None
"""What the ledger asks for: read for each post, or the same always, or nothing. Reading raises `OSError`,
`ValueError`."""
Trust = Callable[[], ssl.SSLContext]
"""Whom to believe at the next connection; without it the system's roots."""

_log = logger("shipping")


class Refused(msgspec.Struct, frozen=True):
    """The ledger will never take this batch."""

    status: int


class Unavailable(msgspec.Struct, frozen=True):
    """The ledger did not take the batch this time."""

    reason: str


class _RawBatch(msgspec.Struct, frozen=True):
    """`contract.events.Batch` whose events are the bytes that lie in the spool."""

    src: str
    events: list[msgspec.Raw]


_encode = msgspec.json.Encoder().encode


class LedgerClient:
    """`failures` counts posts that have to be repeated; `random` answers 0 to 1, for the length of pauses."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        url: str,
        token: Token,
        random: Callable[[], float],
        trust: Trust | None = None,
    ) -> None:
        self.failures = 0
        self._session = session
        self._url = url.rstrip("/") + PATH_EVENTS
        self._token = token
        self._trust = trust
        self._random = random

    async def deliver(self, src: str, events: Sequence[bytes]) -> Ack | Refused:
        """Post `events` of one source until the ledger answers for good, however long that takes."""
        pause_s = FIRST_PAUSE_S
        while True:
            answer = await self._post(src, events)
            if not isinstance(answer, Unavailable):
                return answer
            self.failures += 1
            _log.warning("ledger_unavailable", reason=answer.reason)
            await asyncio.sleep(pause_s * (0.5 + self._random() / 2))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _post(self, src: str, events: Sequence[bytes]) -> Ack | Refused | Unavailable:
        body = _encode(_RawBatch(src, [msgspec.Raw(event) for event in events]))
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers=self._headers(),
                ssl=self._trust() if self._trust is not None else True,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                allow_redirects=False,
            ) as response:
                return _judged(response.status, src, await response.content.read(MAX_ANSWER_BYTES))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError, a bad token a ValueError
            return Unavailable(type(error).__name__)

    def _headers(self) -> dict[str, str]:
        """The token anew for each post: kubelet renews it, and after a 401 the next one may be good."""
        headers = {"content-type": "application/json"}
        token = self._token() if callable(self._token) else self._token
        if token is not None:
            headers["authorization"] = f"Bearer {token.decode() if isinstance(token, bytes) else token}"
        return headers


def _judged(status: int, src: str, body: bytes) -> Ack | Refused | Unavailable:
    if status in PAYLOAD_IS_WRONG:
        return Refused(status)
    if status != 200:
        return Unavailable(f"http_{status}")
    try:
        ack = decode_ack(body)
    except msgspec.MsgspecError:
        return Unavailable("bad_answer")
    return ack if ack.src == src else Unavailable("answer_for_another_source")
