"""Sends an attempt's answer to the client: as it comes, with back-pressure, and to a clean end whatever happens.

A slow reader holds the provider back (the write waits, so nothing more is read). A client that leaves closes the
provider's connection at once. After 200 a failure ends with the dialect's own terminal event. Must not choose or
retry. Next: `heartbeat.py`.
"""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from ccproxy_contract.names import HEADER_CALL, HEADER_RULE, HEADER_SHADOW, HEADER_TARGET
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.heartbeat import Heartbeat, OpenStream
from ccproxy_sidecar.upstream.attempt import Attempt
from ccproxy_sidecar.upstream.headers import downstream_headers
from ccproxy_sidecar.upstream.pool import FAILURES, failure_word

_BROKEN = Problem(
    status=502, kind="internal", message="the provider's answer broke off; what was produced so far is above"
)


async def relay(request: web.BaseRequest, call: Call, attempt: Attempt, *, heartbeat: Heartbeat) -> web.StreamResponse:
    """Send the answer on; returns the finished response. Leaves settling the attempt to the caller."""
    response = attempt.response
    assert response is not None
    headers = downstream_headers(response.headers, own_headers(call, attempt.outgoing.label))
    if attempt.streams:
        out = web.StreamResponse(status=response.status, headers=headers)
        return await _stream(request, call, attempt, out=out, heartbeat=heartbeat)
    if response.content.at_eof():
        attempt.first_byte_s = time.perf_counter()
        attempt.close(reuse=True)
        body = attempt.held[0] if attempt.held else b""
        return web.Response(status=response.status, headers=headers, body=body)
    return await _unheld(request, attempt, web.StreamResponse(status=response.status, headers=headers))


def own_headers(call: Call, target: str) -> list[tuple[str, str]]:
    """What ccproxy adds to every answer."""
    headers = [(HEADER_CALL, call.id), (HEADER_RULE, call.rule), (HEADER_TARGET, target)]
    if call.shadow:
        headers.append((HEADER_SHADOW, call.shadow))
    return headers


async def _stream(
    request: web.BaseRequest, call: Call, attempt: Attempt, *, out: web.StreamResponse, heartbeat: Heartbeat
) -> web.StreamResponse:
    stream = OpenStream(attempt, out, call.dialect.ping())
    try:
        await out.prepare(request)
        heartbeat.open.add(stream)
        first = b"".join(attempt.held)
        attempt.held.clear()
        attempt.first_byte_s = time.perf_counter()
        if first:
            await out.write(first)
        if not attempt.error:
            await _pass_on(attempt, out, stream)
        await _finish(call, attempt, out)
    except (ConnectionError, asyncio.CancelledError) as gone:
        _client_left(attempt)
        if isinstance(gone, asyncio.CancelledError):
            raise
    finally:
        heartbeat.open.discard(stream)
    return out


def _client_left(attempt: Attempt) -> None:
    """Hang up on the provider; a client that leaves once it has the end of the answer has all of it."""
    if not attempt.answer.ended:
        attempt.fail("client_gone", status="client_gone")
    attempt.close(reuse=False)


async def _pass_on(attempt: Attempt, out: web.StreamResponse, stream: OpenStream) -> None:
    """The hot loop: one read, one look, one write per piece."""
    assert attempt.response is not None
    read, feed, write = attempt.response.content.readany, attempt.answer.feed, out.write
    while True:
        try:
            piece = await read()
        except FAILURES as failure:
            attempt.fail(failure_word(failure), status="interrupted")
            return
        if not piece:
            return
        passed = feed(piece)
        if passed:
            stream.writing = True
            await write(passed)
            stream.writing = False
            stream.silent_ticks = stream.pings = 0


async def _finish(call: Call, attempt: Attempt, out: web.StreamResponse) -> None:
    """End the stream as its dialect would: nothing to add after a terminal event, else an error event."""
    answer = attempt.answer
    rest = answer.close()
    if rest:
        await out.write(rest)
    if answer.error is not None:
        attempt.fail("stream_error")
    elif not answer.ended and attempt.http_status < 400:
        attempt.fail("truncated", status="interrupted")
        await out.write(call.dialect.stream_end(_BROKEN, answer))
    attempt.close(reuse=not attempt.error)
    await out.write_eof()


async def _unheld(request: web.BaseRequest, attempt: Attempt, out: web.StreamResponse) -> web.StreamResponse:
    """An answer too large to hold: its bytes pass, its usage is estimated."""
    assert attempt.response is not None
    attempt.first_byte_s = time.perf_counter()
    try:
        await out.prepare(request)
        for piece in attempt.held:
            await out.write(piece)
        attempt.held.clear()
        while piece := await attempt.response.content.readany():
            await out.write(piece)
    except (ConnectionResetError, asyncio.CancelledError) as gone:
        _client_left(attempt)
        if isinstance(gone, asyncio.CancelledError):
            raise
        return out
    except FAILURES as failure:
        attempt.fail(failure_word(failure), status="interrupted")
        attempt.close(reuse=False)
        if request.transport is not None:
            request.transport.abort()  # the only way to say "incomplete" once the head is out
        return out
    attempt.close(reuse=True)
    await out.write_eof()
    return out
