"""HTTP in, answers out: who asks, what is asked, how much is asked at once.

Must not look into a segment, and never logs one. Next: `folds/marks.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from aiohttp import web

from ccproxy_compressor.folds.segments import ALGO, lossless
from ccproxy_compressor.metrics import Metrics
from ccproxy_compressor.work import Work
from ccproxy_contract.compress import CompressAnswer, CompressRequest
from ccproxy_contract.names import PATH_COMPRESS, PATH_HEALTH, PATH_METRICS, PATH_READY
from ccproxy_runtime.exposition import CONTENT_TYPE
from ccproxy_runtime.service_tokens import TokenVerifier, Unverified

RETRY_AFTER_S = 1
MAX_SEGMENTS = 4096
CountTokens = Callable[[str], int]
_decode = msgspec.json.Decoder(CompressRequest).decode
_encode = msgspec.json.Encoder().encode


class Server:
    """Answers sidecars on one port, kubelet and Prometheus on the other."""

    def __init__(
        self,
        *,
        verifier: TokenVerifier,
        work: Work,
        metrics: Metrics,
        tokenizer: str,
        count: CountTokens,
        max_body_bytes: int,
    ) -> None:
        self._verifier = verifier
        self._work = work
        self._metrics = metrics
        self._tokenizer = tokenizer
        self._count = count
        self._max_body_bytes = max_body_bytes
        self.ready = False

    def application(self) -> web.Application:
        """The TLS port."""
        made = web.Application(client_max_size=self._max_body_bytes)
        made.add_routes([web.post(PATH_COMPRESS, self._compress), *self._probes()])
        return made

    def ops(self) -> web.Application:
        """The plain port."""
        made = web.Application()
        made.add_routes([*self._probes(), web.get(PATH_METRICS, self._read_metrics)])
        return made

    def _probes(self) -> list[web.RouteDef]:
        return [web.get(PATH_HEALTH, self._health), web.get(PATH_READY, self._readiness)]

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readiness(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self.ready else web.Response(status=503, text="not ready\n")

    async def _read_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.registry.render(), headers={"content-type": CONTENT_TYPE})

    async def _compress(self, request: web.Request) -> web.Response:
        caller = await self._verifier.verify(request.headers.get("authorization"))
        if isinstance(caller, Unverified):
            # Without keys of the issuer the fault is ours, and the sidecar shall try again.
            return self._refused(503 if caller.reason == "no_keys" else 401, caller.reason)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._refused(413, f"a request has at most {self._max_body_bytes} bytes")
        try:
            asked = _decode(body)
        except msgspec.MsgspecError as wrong:
            return self._refused(400, f"not a request: {wrong}")
        problem = _problem(asked)
        return self._refused(422, problem) if problem else await self._answered(asked, len(body))

    async def _answered(self, asked: CompressRequest, size_bytes: int) -> web.Response:
        began_s = time.perf_counter()
        answer = await self._work.done(lambda: self._folded(asked), size_bytes)
        if answer is None:
            return self._refused(503, "busy")
        self._metrics.answered(answer, time.perf_counter() - began_s)
        return web.Response(body=_encode(answer), content_type="application/json")

    def _folded(self, asked: CompressRequest) -> CompressAnswer:
        segments = lossless(asked.segments, self._count)
        return CompressAnswer(algo=ALGO, tokenizer=self._tokenizer, segments=segments)

    def _refused(self, status: int, reason: str) -> web.Response:
        self._metrics.refused.child(str(status)).inc()
        headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
        return web.json_response({"error": reason}, status=status, headers=headers)


def _problem(asked: CompressRequest) -> str:
    """What this build cannot do of a request; empty when it can."""
    if asked.mode != "Lossless":
        return f"mode {asked.mode} is planned, not built; ask for Lossless"
    if asked.algo not in ("", ALGO):
        return f"algo {asked.algo} is not known here; this compressor has {ALGO}"
    if len(asked.segments) > MAX_SEGMENTS:
        return f"a request has at most {MAX_SEGMENTS} segments"
    if len({segment.id for segment in asked.segments}) != len(asked.segments):
        return "two segments have the same id"
    return ""
