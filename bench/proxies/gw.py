"""`gw`, the lean gateway that ccproxy is held against: a pass-through with the work of each call that no gateway can
leave out, and nothing else.

Key check by HMAC, partial decode, model renamed, one concurrency limit, one deadline, usage read from answer or
stream, own histogram and counters, one log record per call that goes nowhere. No rules, no spool, no prices.
Bars are ratios to it: what it does per call must not change. python -m bench.proxies.gw PORT PROVIDER_PORT.
"""

from __future__ import annotations

import asyncio
import bisect
import hmac
import os
import sys
import time

import msgspec
import uvloop
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from bench.proxies.client import HOP_BY_HOP, Client, Reply


class Usage(msgspec.Struct):
    """Counts of either shape."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Answer(msgspec.Struct):
    usage: Usage | None = None


NO_USAGE = Usage()
ALIASES = {"gpt-4o": "gpt-4o-2024-08-06", "claude-sonnet-4-5": "claude-sonnet-4-5-20250929"}
DROPPED = HOP_BY_HOP | {"authorization", "x-api-key"}
BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
decode_answer = msgspec.json.Decoder(Answer).decode
decode_text = msgspec.json.Decoder(str).decode
decode_flag = msgspec.json.Decoder(bool).decode
encode = msgspec.json.Encoder().encode


class Metrics:
    """A latency histogram by model and team, counters by model, team and status."""

    def __init__(self) -> None:
        self._histograms: dict[tuple[str, str], list[float]] = {}
        self._counters: dict[tuple[str, str, int], list[int]] = {}

    def observe(self, model: str, team: str, status: int, seconds: float, usage: Usage) -> None:
        histogram = self._histograms.get((model, team))
        if histogram is None:
            histogram = self._histograms[model, team] = [0.0] * 14
        histogram[bisect.bisect_left(BUCKETS_S, seconds)] += 1
        histogram[13] += seconds
        counter = self._counters.get((model, team, status))
        if counter is None:
            counter = self._counters[model, team, status] = [0, 0, 0]
        counter[0] += 1
        counter[1] += usage.prompt_tokens + usage.input_tokens
        counter[2] += usage.completion_tokens + usage.output_tokens


class Gateway:
    def __init__(self, provider_port: int) -> None:
        self._client = Client(provider_port)
        self._secret = os.urandom(32)
        self._keys = {self._digest("sk-x"): ("team-a", asyncio.Semaphore(10000))}
        self._metrics = Metrics()
        self._log: list[bytes] = []
        self._count = 0

    def _digest(self, key: str) -> bytes:
        return hmac.digest(self._secret, key.encode(), "sha256")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        started = time.perf_counter()
        headers = request.headers
        key = headers.get("x-api-key") or headers.get("authorization", "")[7:] or "sk-x"
        found = self._keys.get(self._digest(key))
        if found is None:
            return web.Response(status=401, text="no such key")
        team, limit = found
        body = await request.read()
        try:
            fields = decode_fields(body)
            model = decode_text(fields["model"])
        except (msgspec.DecodeError, KeyError):
            return web.Response(status=400, text="bad body")
        stream = "stream" in fields and decode_flag(fields["stream"])
        renamed = ALIASES.get(model)
        if renamed is not None:
            fields["model"] = msgspec.Raw(encode(renamed))
            body = encode(fields)
        self._count += 1
        call = f"req_{self._count:016x}"
        async with limit, asyncio.timeout(600):
            reply = await self._client.send(request.method, request.path, _upstream_headers(headers), body)
            answer_headers = _answer_headers(reply)
            answer_headers["x-ccproxy-request-id"] = call
            if stream:
                answer, usage = await _streamed(request, reply, answer_headers)
            else:
                answer, usage = await _whole(reply, answer_headers)
        seconds = time.perf_counter() - started
        self._metrics.observe(model, team, reply.status, seconds, usage)
        self._record(
            {
                "ts": time.time(),
                "id": call,
                "model": model,
                "to": renamed,
                "team": team,
                "status": reply.status,
                "in": usage.prompt_tokens,
                "out": usage.completion_tokens,
                "s": seconds,
                "path": request.path,
            }
        )
        return answer

    def _record(self, entry: dict[str, object]) -> None:
        self._log.append(encode(entry))
        if len(self._log) > 1000:
            self._log.clear()


def _upstream_headers(headers: CIMultiDictProxy[str]) -> list[tuple[str, str]]:
    kept = [(name, value) for name, value in headers.items() if name.lower() not in DROPPED]
    kept.append(("authorization", "Bearer sk-upstream"))
    return kept


def _answer_headers(reply: Reply) -> CIMultiDict[str]:
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in reply.headers:
        if name.lower() not in HOP_BY_HOP:
            kept.add(name, value)
    return kept


async def _whole(reply: Reply, headers: CIMultiDict[str]) -> tuple[web.StreamResponse, Usage]:
    body = await reply.read()
    usage = decode_answer(body).usage or NO_USAGE
    return web.Response(status=reply.status, body=body, headers=headers), usage


async def _streamed(
    request: web.BaseRequest, reply: Reply, headers: CIMultiDict[str]
) -> tuple[web.StreamResponse, Usage]:
    answer = web.StreamResponse(status=reply.status, headers=headers)
    await answer.prepare(request)
    usage = NO_USAGE
    async for piece in reply.pieces():
        await answer.write(piece)
        if b'"usage"' in piece:
            usage = _usage_in(piece) or usage
    await answer.write_eof()
    return answer, usage


def _usage_in(piece: bytes) -> Usage | None:
    """Usage of the last event of the piece that names it; `None` when the event was cut."""
    at = piece.rfind(b'"usage"')
    start = piece.rfind(b"data: ", 0, at)
    end = piece.find(b"\n", at)
    try:
        return decode_answer(piece[start + 6 : end]).usage
    except msgspec.DecodeError:
        return None


async def main(port: int, provider_port: int) -> None:
    server = web.Server(Gateway(provider_port).handle, access_log=None, handler_cancellation=True)
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
