"""Stage 3: send the call and get an answer that can be sent on; retry and fail over before the first content byte.

Each target is tried twice, then the next one. What the last target answers goes to the client as it is; when nothing
answered, the client gets a 502 or 504 in its own shape. Every try is an attempt of its own in the ledger.
Must not write to the client (`relay.py` does). Next: `meter.py`.
"""

from __future__ import annotations

import asyncio
import random
import time

from ccproxy_sidecar.body import Body
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.stages.classify import Plan
from ccproxy_sidecar.stages.meter import Meter
from ccproxy_sidecar.stages.outgoing import Dispatch
from ccproxy_sidecar.upstream.attempt import Attempt, Outgoing
from ccproxy_sidecar.upstream.patience import Patience
from ccproxy_sidecar.upstream.pool import FAILURES, Pool, failure_word

TRIES_PER_TARGET = 2
BACKOFF_S = 0.25
"""Mean wait before the second try of a target; drawn between half and one and a half of it."""
PEEK_S = 10.0
"""How long the head of a stream may be held to see whether content follows; then it is sent on as it is."""
HELD_ANSWER_BYTES = 8 * 1024 * 1024
"""An answer that is one body is held to be read and, when it breaks, tried again; a larger one is passed through."""

_TRY_AGAIN = frozenset({408, 500, 502, 503, 504, 529})
_NEXT_TARGET = _TRY_AGAIN | {429}


class Forward:
    """Sends calls. `rng` draws the back-off."""

    def __init__(self, *, pool: Pool, meter: Meter, rng: random.Random, patience: Patience) -> None:
        self._pool = pool
        self._dispatch = Dispatch()
        self._patience = patience
        self._meter = meter
        self._rng = rng

    async def __call__(self, call: Call, plan: Plan, body: Body) -> Attempt | Problem:
        """The attempt whose answer goes to the client (the caller relays and settles it), or why there is none."""
        number = 0
        error = ""
        for position, choice in enumerate(plan.choices):
            outgoing = self._dispatch.outgoing(call, choice)
            if isinstance(outgoing, Problem):
                return outgoing
            last_target = position == len(plan.choices) - 1
            for nth in range(TRIES_PER_TARGET):
                number += 1
                attempt = await self._tried(call, outgoing, number=number, body=body)
                again = nth + 1 < TRIES_PER_TARGET and worth_retrying(attempt)
                if not again and (last_target or not worth_moving_on(attempt)) and answers(attempt):
                    return attempt
                error = attempt.error
                self._give_up(call, attempt)
                if not again:
                    break
                await asyncio.sleep(BACKOFF_S * (0.5 + self._rng.random()))
        return _no_answer(plan, error)

    async def _tried(self, call: Call, outgoing: Outgoing, *, number: int, body: Body) -> Attempt:
        request = call.request
        answer = call.dialect.answer(
            stream=request.stream if request is not None else False, hide_usage_chunk=outgoing.hide_usage_chunk
        )
        task = asyncio.current_task()
        assert task is not None
        attempt = Attempt(outgoing, number=number, answer=answer, task=task)
        self._meter.opened(call, attempt)
        self._patience.waiting.add(attempt)
        try:
            await self._begun(call, attempt, body)
            attempt.waited_s = time.perf_counter() - attempt.opened_s
        except FAILURES as failure:
            attempt.fail(failure_word(failure))
        except asyncio.CancelledError:
            self._interrupted(call, attempt)
        finally:
            self._patience.waiting.discard(attempt)
        return attempt

    def _interrupted(self, call: Call, attempt: Attempt) -> None:
        """Our patience has ended (the attempt has failed), or the client has left (the call ends: raises)."""
        if attempt.expired and attempt.task.uncancel() == 0:
            attempt.fail("timeout")
            return
        attempt.fail("client_gone", status="client_gone")
        self._give_up(call, attempt)
        raise asyncio.CancelledError

    async def _begun(self, call: Call, attempt: Attempt, body: Body) -> None:
        out = attempt.outgoing
        attempt.response = await self._pool.send(
            out.backend, method=out.method, url=out.url, headers=out.headers, body=out.body
        )
        if attempt.response.status >= 400:
            attempt.fail(f"http_{attempt.response.status}")
        if attempt.streams:
            await _peek(attempt)
        else:
            await _hold(attempt, body)
            if call.request is not None and attempt.answer.unreadable and not attempt.error:
                attempt.fail("garbage")

    def _give_up(self, call: Call, attempt: Attempt) -> None:
        attempt.close(reuse=False)
        self._meter.settled(call, attempt)


async def _peek(attempt: Attempt) -> None:
    """Read a stream until its first content, so that an early failure can still go elsewhere."""
    assert attempt.response is not None
    stream, answer = attempt.response.content, attempt.answer
    patience = asyncio.timeout(PEEK_S)
    try:
        async with patience:
            while not answer.started and not answer.ended:
                piece = await stream.readany()
                if not piece:
                    attempt.fail("truncated")
                    return
                attempt.held.append(answer.feed(piece))
                if answer.error is not None:
                    attempt.fail("stream_error")
                    return
    except TimeoutError:
        if not patience.expired():  # the provider's silence, not the end of our patience
            raise


async def _hold(attempt: Attempt, body: Body) -> None:
    """Read an answer that is one body, unless it is too large to hold."""
    response = attempt.response
    assert response is not None
    declared = response.content_length
    if declared is not None and (declared > HELD_ANSWER_BYTES or not body.reserve_now(declared)):
        return
    if declared is not None and response.content.is_eof():  # it came with its head: nothing to wait for
        attempt.held.append(response.content.read_nowait())
        attempt.answer.whole(attempt.held[0])
        return
    size_bytes = 0
    while piece := await response.content.readany():
        attempt.held.append(piece)
        size_bytes += len(piece)
        if size_bytes > HELD_ANSWER_BYTES or (declared is None and not body.reserve_now(len(piece))):
            return
    whole = attempt.held[0] if len(attempt.held) == 1 else b"".join(attempt.held)
    attempt.held = [whole]
    attempt.answer.whole(whole)


def worth_retrying(attempt: Attempt) -> bool:
    """May the same target do better at once?"""
    if attempt.response is None:
        return attempt.error not in ("tls", "")
    return attempt.http_status in _TRY_AGAIN or (attempt.http_status < 400 and bool(attempt.error))


def worth_moving_on(attempt: Attempt) -> bool:
    """Did the target fail in a way that another target may not?"""
    if attempt.response is None:
        return True
    return attempt.http_status in _NEXT_TARGET or (attempt.http_status < 400 and bool(attempt.error))


def answers(attempt: Attempt) -> bool:
    """Is there something to send on? Even a provider's refusal is; a broken connection before any byte is not."""
    if attempt.response is None:
        return False
    return attempt.http_status >= 400 or not attempt.error or (attempt.streams and any(attempt.held))


def _no_answer(plan: Plan, error: str) -> Problem:
    names = ", ".join(dict.fromkeys(choice.backend.name for choice in plan.choices))
    slow = error == "timeout"
    return Problem(
        status=504 if slow else 502,
        kind="timeout" if slow else "internal",
        message=f"no answer from {names} ({error}); `ccproxy status` shows the targets",
    )
