"""HTTP in, bytes out: finds a call's dialect, reads its body, runs the pipeline, relays the answer.

Must not hold policy. Next: `call.py`, then `pipeline.py`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from ccproxy_contract.names import HEADER_CALL, HEADER_RULE, HEADER_TARGET, NO_RULE, NO_TARGET
from ccproxy_sidecar.body import Body, read_body
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Dialect, Problem
from ccproxy_sidecar.dialects.table import DIALECTS, Located, locate
from ccproxy_sidecar.heartbeat import Heartbeat
from ccproxy_sidecar.in_flight import InFlight
from ccproxy_sidecar.live import Live
from ccproxy_sidecar.metrics import Metrics
from ccproxy_sidecar.model_list import listed_models
from ccproxy_sidecar.origin import foreign
from ccproxy_sidecar.pipeline import Pipeline
from ccproxy_sidecar.relay import relay
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.stages.meter import Meter
from ccproxy_sidecar.upstream.attempt import Attempt

Local = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_NO_WEBSOCKET = Problem(
    status=426, kind="invalid_request", retryable=False, message="ccproxy serves this over plain HTTP, not WebSocket"
)
"""Codex 0.169 tries a WebSocket first: after 426 it goes on over HTTP at once, after 404 only on its eighth try
(measured 2026-11-21)."""
_UNKNOWN_PATH = Problem(
    status=404,
    kind="not_found",
    retryable=False,
    message="ccproxy knows no such path; it serves /v1/messages, /v1/chat/completions, /v1/responses, /v1/embeddings, "
    "/v1/models and /v1beta/models/MODEL:generateContent",
)


class Server:
    """Handles every request of the data port. `local` answers ccproxy's own paths."""

    def __init__(
        self,
        *,
        live: Live,
        pipeline: Pipeline,
        meter: Meter,
        metrics: Metrics,
        heartbeat: Heartbeat,
        in_flight: InFlight,
        max_body_bytes: int,
        no_snapshot: Problem,
        local: dict[str, Local],
        call_ids: Callable[[], str],
    ) -> None:
        self._live = live
        self._pipeline = pipeline
        self._meter = meter
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._in_flight = in_flight
        self._max_body_bytes = max_body_bytes
        self._no_snapshot = no_snapshot
        self._local = local
        self._call_ids = call_ids
        self.open_calls = 0
        """Requests under way, those that wait for the first snapshot among them."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self.open_calls += 1
        try:
            return await self._answered(request)
        finally:
            self.open_calls -= 1

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        started_s = time.perf_counter()
        path, _, query = request.raw_path.partition("?")
        refused = foreign(request.headers)
        if refused is not None:
            return self._refusal(DIALECTS["openai-chat"], refused)
        if request.headers.get("upgrade", "").lower() == "websocket":
            return self._refusal(DIALECTS["openai-responses"], _NO_WEBSOCKET)
        local = self._local.get(path)
        if local is not None:
            return await local(request)
        located = locate(request.method, path, request.headers)
        if located is None:
            return self._refusal(DIALECTS["openai-chat"], _UNKNOWN_PATH)
        program = self._live.in_force or await self._live.first()
        if program is None:
            return self._refusal(located.dialect, self._no_snapshot)
        if program is self._live.passing:
            self._metrics.unconfigured.child().inc()
        call = self._call(request, located, program, path=path, query=query, started_s=started_s)
        if located.operation == "models" and request.method == "GET":
            return _models(call, program)
        return await self._served(request, call, program)

    def _call(
        self,
        request: web.BaseRequest,
        located: Located,
        program: Program,
        *,
        path: str,
        query: str,
        started_s: float,
    ) -> Call:
        return Call(
            id=self._call_ids(),
            method=request.method,
            path=path,
            query=query,
            headers=request.headers,
            dialect=located.dialect,
            operation=located.operation,
            path_model=located.path_model,
            snapshot=program.snapshot,
            received_ms=int(time.time() * 1000),
            started_s=started_s,
        )

    async def _served(self, request: web.BaseRequest, call: Call, program: Program) -> web.StreamResponse:
        body = Body(self._in_flight)
        try:
            if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
                request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            outcome: Attempt | Problem | None = await read_body(request, body, max_bytes=self._max_body_bytes)
            if outcome is None:
                call.body = body.content
                outcome = await self._pipeline.run(call, program, body)
            if call.shadow:
                self._metrics.shadows.child(call.shadow.partition(" ")[0]).inc()
            if isinstance(outcome, Problem):
                return self._refusal(call.dialect, outcome, call)
            return await self._relayed(request, call, outcome)
        finally:
            body.release()

    async def _relayed(self, request: web.BaseRequest, call: Call, attempt: Attempt) -> web.StreamResponse:
        try:
            return await relay(request, call, attempt, heartbeat=self._heartbeat)
        finally:
            self._meter.settled(call, attempt)
            self._meter.answered(call, attempt)

    def _refusal(self, dialect: Dialect, problem: Problem, call: Call | None = None) -> web.Response:
        refusal = dialect.refusal(problem)
        self._metrics.refused.child(problem.kind).inc()
        response = web.Response(status=refusal.status, body=refusal.body, headers=dict(refusal.headers))
        if call is not None:
            response.headers[HEADER_CALL] = call.id
            response.headers[HEADER_RULE] = call.rule or NO_RULE
            response.headers[HEADER_TARGET] = NO_TARGET
            self._metrics.calls.child(call.rule or NO_RULE, NO_TARGET, "refused").inc()
        if problem.status in (408, 413):
            response.force_close()  # the rest of the body is not read
        return response


def _models(call: Call, program: Program) -> web.Response:
    models = listed_models(program.snapshot, call.dialect.name, now_ms=call.received_ms)
    body = call.dialect.models(models, created_s=call.received_ms // 1000)
    headers = {HEADER_CALL: call.id, HEADER_RULE: NO_RULE, HEADER_TARGET: NO_TARGET}
    return web.Response(body=body, content_type="application/json", headers=headers)
