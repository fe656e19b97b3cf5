"""The provider's HTTP: routes, keys, records. One `Provider` is one server; nothing is shared between two.

Must not know any wire format. Next: `control.py`.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from ccproxy_contract.names import PLACEHOLDER_KEY
from tests.fakes.provider import control, routes
from tests.fakes.provider.answer import Answer, Incoming, whole
from tests.fakes.provider.asked import Refused
from tests.fakes.provider.delivery import Delivery, altered
from tests.fakes.provider.faults import Fault, Plan, Planned
from tests.fakes.provider.prefix_cache import PrefixCache
from tests.fakes.provider.records import Seen
from tests.fakes.provider.responses_store import Store
from tests.fakes.provider.routes import Route

MAX_BODY_BYTES = 64 * 1024 * 1024
DEFAULT_MESSAGES = {
    400: "Your request was malformed.", 401: "invalid x-api-key", 403: "Your key lacks permission.",
    404: "Not found.", 413: "Request exceeds the maximum size", 429: "Number of requests has exceeded your rate limit.",
    500: "Internal server error", 503: "The server is overloaded.", 529: "Overloaded",
}  # fmt: skip


class Provider:
    """A scripted provider. `clock` gives Unix seconds and can be moved by `advance`."""

    def __init__(self, *, seed: int = 0, clock: Callable[[], float] = time.time, quiet: bool = True) -> None:
        self.calls: list[Seen] = []
        self.url = ""
        self.seed = seed
        self.store = Store()
        self._quiet = quiet
        self._ahead_s = 0.0
        self._clock = clock
        self._plan = Plan()
        self.cache = PrefixCache(self.now_s)
        self._runner: web.AppRunner | None = None
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def now_s(self) -> float:
        return self._clock() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let time pass for the caches."""
        self._ahead_s += seconds

    def plan(self, *entries: str | Planned, **chosen: Any) -> None:
        """Replace the plan. A string is a fault for the next request (`chosen`: `times`, `model`, `path`, ...)."""
        self._plan.replace([e if isinstance(e, Planned) else Planned(fault=e, **chosen) for e in entries])

    async def settled(self) -> list[Seen]:
        """All calls, once none is open any more."""
        await self._idle.wait()
        return self.calls

    def reset(self) -> None:
        """Forget calls, caches, stored answers and the plan."""
        self.calls.clear()
        self.cache.clear()
        self.store.clear()
        self._plan.replace([])
        self._ahead_s = 0.0

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `url` says where."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(control.routes(self))
        app.router.add_route("*", "/{tail:.*}", self._serve)
        # Bodies are recorded as they came; a client that leaves ends its handler, which then notes it.
        self._runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, handler_cancellation=True, shutdown_timeout=0.1,
            max_line_size=65_536, max_field_size=65_536,
        )  # fmt: skip
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1_024)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        started_s = time.perf_counter()
        self._open += 1
        self._idle.clear()
        try:
            return await self._noted(request, started_s)
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()

    async def _noted(self, request: web.Request, started_s: float) -> web.StreamResponse:
        seen = self._note(request, await request.read())
        route = routes.find(request.method, request.path)
        seen.dialect = route.dialect if route is not None else ""
        try:
            return await self._answered(request, route, seen)
        finally:
            seen.took_s = time.perf_counter() - started_s
            if not self._quiet:
                print(f"{seen.number} {seen.method} {seen.path} {seen.model} {seen.status} {seen.outcome}", flush=True)

    def _note(self, request: web.Request, body: bytes) -> Seen:
        headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.raw_headers)
        seen = Seen(
            number=len(self.calls) + 1, at_s=self._clock(), method=request.method, path=request.path,
            query=request.query_string, headers=headers, body=body, key=_key(request),
        )  # fmt: skip
        self.calls.append(seen)
        return seen

    async def _answered(self, request: web.Request, route: Route | None, seen: Seen) -> web.StreamResponse:
        shape = routes.shape_of(request.path, route)
        try:
            if route is None:
                raise Refused(404, "Not found")
            incoming = _incoming(request, route, seen)
            fault = self._plan.befalls(path=request.path, model=seen.model, headers=request.headers, key=seen.key)
            answer = self._told(route, incoming, fault)
        except Refused as refused:
            fault, answer = Fault(), whole(shape.error(refused), status=refused.status)
        answer = altered(_with_headers(answer, seen, fault), fault)
        seen.fault = ";".join(f"{k}={v}" for k, v in msgspec.structs.asdict(fault).items() if v != getattr(Fault(), k))
        seen.stream = answer.streams
        broken = shape.error_event(Refused(fault.status or 529, fault.message or "Overloaded"))
        return await Delivery(request, answer=answer, fault=fault, seen=seen, broken=broken).send()

    def _told(self, route: Route, incoming: Incoming, fault: Fault) -> Answer:
        shape = routes.shape_of(incoming.path, route)
        if incoming.key in ("", PLACEHOLDER_KEY) or incoming.key.startswith("wrong"):
            raise Refused(shape.bad_key_status, shape.bad_key)
        if fault.status and not fault.error_event:
            said = fault.message or DEFAULT_MESSAGES.get(fault.status, "Something went wrong.")
            return whole(shape.error(Refused(fault.status, said)), status=fault.status)
        return route.answer(self, incoming)


def _incoming(request: web.Request, route: Route, seen: Seen) -> Incoming:
    """Raises `Refused` for a body that is no JSON object."""
    body = _decoded(seen)
    value: Any = {}
    if request.method == "POST":
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError as bad:
            raise Refused(400, "The request body is not valid JSON") from bad
        if not isinstance(value, dict):
            raise Refused(400, "Input should be an object")
    names = route.names(request.path)
    seen.model = str(names.get("model") or value.get("model") or "")
    return Incoming(
        path=request.path, query=request.query_string, headers=request.headers, body=body, json=value, key=seen.key,
        names=names,
    )  # fmt: skip


def _decoded(seen: Seen) -> bytes:
    encoding = seen.header("content-encoding")
    if encoding not in ("gzip", "deflate"):
        return seen.body
    try:
        return zlib.decompress(seen.body, 31 if encoding == "gzip" else 15)
    except zlib.error as bad:
        raise Refused(400, "The request body cannot be decoded") from bad


def _with_headers(answer: Answer, seen: Seen, fault: Fault) -> Answer:
    """What real providers put next to every answer."""
    name = "request-id" if seen.dialect == "anthropic-messages" else "x-request-id"
    headers = {name: f"req_{seen.number:08d}", "x-scripted": "1", **answer.headers}
    if answer.streams:
        headers["cache-control"] = "no-cache"
    if fault.retry_after:
        headers["retry-after"] = fault.retry_after
    if fault.should_retry:
        headers["x-should-retry"] = fault.should_retry
    return msgspec.structs.replace(answer, headers=headers)


def _key(request: web.Request) -> str:
    """The key, wherever the APIs take one."""
    headers = request.headers
    bearer = headers.get("authorization", "").partition(" ")[2]
    in_query = parse_qs(request.query_string).get("key", [""])[0]
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or headers.get("api-key") or bearer or in_query
