"""Reads a request's body: bounded in size, in time and by the memory of all calls together.

Must not decode it. Next: `relay.py`.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.in_flight import InFlight

SILENCE_S = 30.0
"""A client that sends nothing for so long in the middle of a body is cut off (slow loris)."""

_NO_ROOM = Problem(
    status=503,
    kind="overloaded",
    message="ccproxy holds as many request bodies as its memory allows (CCPROXY_IN_FLIGHT_BYTES); try again shortly",
    retry_after_s=1,
)


class Body:
    """A body and the memory reserved for it. Call `release` when the call no longer needs it."""

    __slots__ = ("_in_flight", "_reserved_bytes", "content")

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._reserved_bytes = 0
        self.content = b""

    def reserve_now(self, size_bytes: int) -> bool:
        """Reserve `size_bytes` more when there is room at once."""
        if not self._in_flight.take_now(size_bytes):
            return False
        self._reserved_bytes += size_bytes
        return True

    async def reserve(self, size_bytes: int) -> bool:
        """Reserve `size_bytes` more, waiting for room; False when there is none."""
        if not await self._in_flight.take(size_bytes):
            return False
        self._reserved_bytes += size_bytes
        return True

    def release(self) -> None:
        if self._reserved_bytes:
            self._in_flight.give(self._reserved_bytes)
            self._reserved_bytes = 0


async def read_body(request: web.BaseRequest, body: Body, *, max_bytes: int) -> Problem | None:
    """Fill `body`; a problem when it is too large, too slow, or there is no room."""
    declared = request.content_length
    if declared is not None:
        if declared > max_bytes:
            return _too_large(max_bytes)
        if declared and not body.reserve_now(declared) and not await body.reserve(declared):
            return _NO_ROOM
    elif not request.body_exists:
        return None
    if declared is not None and request.content.is_eof():  # it came with its head: nothing to wait for
        body.content = request.content.read_nowait()
        return None
    return await _read(request, body, declared=declared, max_bytes=max_bytes)


async def _read(request: web.BaseRequest, body: Body, *, declared: int | None, max_bytes: int) -> Problem | None:
    stream = request.content
    pieces: list[bytes] = []
    size_bytes = 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SILENCE_S) as silence:
            while piece := await stream.readany():
                size_bytes += len(piece)
                if size_bytes > max_bytes:
                    return _too_large(max_bytes)
                if declared is None and not await body.reserve(len(piece)):
                    return _NO_ROOM
                pieces.append(piece)
                silence.reschedule(loop.time() + SILENCE_S)
    except TimeoutError:
        return Problem(status=408, kind="timeout", message=f"the request body stopped for {SILENCE_S:.0f} s")
    except web.RequestPayloadError:
        return Problem(status=400, kind="invalid_request", message="the request body is not framed as its headers say")
    body.content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return None


def _too_large(max_bytes: int) -> Problem:
    return Problem(
        status=413,
        kind="too_large",
        message=f"the request is larger than {max_bytes:,} bytes (CCPROXY_MAX_BODY_BYTES); remove images or compact",
    )
