"""One upstream try of a call: what was sent where, what came back, how it ended.

Money is held in one place, here: `open` is written before the request leaves, `settle` once when it has ended
(`stages/meter.py` writes both). Must not choose targets and must not retry. Next: `balance.py`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from ccproxy_contract.events import Status, UsageEvent
from ccproxy_contract.snapshot import Backend
from ccproxy_sidecar.dialects.dialect import Answer

if TYPE_CHECKING:
    from multidict import CIMultiDict


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request as one target shall get it."""

    backend: Backend
    model: str
    """The model asked of the provider."""
    label: str
    """`backend/model`, for people."""
    method: str
    url: str
    headers: CIMultiDict[str]
    body: bytes
    hide_usage_chunk: bool = False


class Attempt:
    """A try under way. Times are seconds of a monotonic clock unless named `_ms` (Unix milliseconds)."""

    __slots__ = (
        "answer", "ended_s", "error", "event", "expired", "first_byte_s", "held", "number", "opened_ms", "opened_s",
        "outgoing",
        "response", "settled", "status", "task", "waited_s",
    )  # fmt: skip

    def __init__(self, outgoing: Outgoing, *, number: int, answer: Answer, task: asyncio.Task[object]) -> None:
        self.outgoing = outgoing
        self.task = task
        """What to interrupt when the provider takes too long."""
        self.expired = False
        self.number = number
        self.answer = answer
        self.opened_ms = int(time.time() * 1000)
        self.opened_s = time.perf_counter()
        self.waited_s = 0.0
        """Time the provider took until its first content (or its whole body): the call's time less this is ours."""
        self.first_byte_s = 0.0
        self.ended_s = 0.0
        self.response: aiohttp.ClientResponse | None = None
        self.status: Status = "ok"
        self.error = ""
        """A coded reason; empty while all is well."""
        self.held: list[bytes] = []
        """Pieces of the answer read (and followed) before it was decided to send it on."""
        self.event: UsageEvent | None = None
        """Its `open` event; `None` for an operation that is not metered."""
        self.settled = False

    @property
    def http_status(self) -> int:
        return self.response.status if self.response is not None else 0

    @property
    def streams(self) -> bool:
        """Is the answer an event stream (whatever was asked for)?"""
        return self.response is not None and self.response.content_type == "text/event-stream"

    def fail(self, error: str, *, status: Status = "error") -> None:
        """Note how it went wrong; the first word stays."""
        if not self.error:
            self.error = error
            self.status = status

    def close(self, *, reuse: bool) -> None:
        """End the connection's use: back to the pool when the answer was read to its end, else dropped, which is
        what tells a provider that nobody listens any more."""
        if self.response is None:
            return
        if reuse:
            self.response.release()
        else:
            self.response.close()
