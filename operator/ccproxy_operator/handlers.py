"""kopf: the watches. The only file that imports it.

kopf runs on an event loop and thread of its own: a watch error ends it by design, and when it ends, it cancels every
task of its loop (1.45.2, `running.py`). Here that costs a new list, never a sidecar's stream. Its handlers only hand
events over; it never writes (no finalizer, no annotation: `on.event` alone). Bookmarks, lists and signs of life are
taken from the responses that it reads. Must not decide anything. Next: `stream_tap.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import aiohttp
import kopf
import uvloop

from ccproxy_operator.api import Access
from ccproxy_operator.stream_tap import Heard, tapped_response
from ccproxy_operator.watched_kinds import KIND_OF_PATH, KINDS
from ccproxy_runtime.logs import logger

RESTART_S = 1.0
"""Before kopf is started again after a fatal error."""
MAX_RESTART_S = 15.0
MAX_FAILURES = 4
_IDENTITY: Any = "ccproxy-operator"
"""kopf would ask for the name of the user that it runs as, and a UID of its own has none."""
ALL_WATCHED_S = 5.0
"""By then every kind must have been asked for, else kopf did not find it (its CRD comes later) and starts anew; each
time it gets twice as long, for an API server that is only slow."""
MAX_ALL_WATCHED_S = 60.0
_log = logger("watches")
logging.getLogger("kopf").setLevel(logging.WARNING)
logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)  # else it warns that signals are not its own


class Watches:
    """All watches; `heard` is called on the loop that `run` runs on, in the order in which things were heard."""

    def __init__(self, access: Access, heard: Heard) -> None:
        self._access = access
        self._heard = heard
        self.restarts = 0

    async def run(self) -> None:
        """Until cancelled: watch, and start anew after each fatal error."""
        failures = 0
        while True:
            one = _Operator(self._access, self._heard, asyncio.get_running_loop())
            try:
                worked = await one.run(min(ALL_WATCHED_S * 2**failures, MAX_ALL_WATCHED_S))
            finally:
                one.stop()
            failures = 0 if worked else min(failures + 1, MAX_FAILURES)
            self.restarts += 1
            await asyncio.sleep(min(RESTART_S * 2**failures, MAX_RESTART_S))


class _Operator:
    """One life of kopf in its thread."""

    def __init__(self, access: Access, heard: Heard, main: asyncio.AbstractEventLoop) -> None:
        self.main = main
        self._access = access
        self._heard = heard
        self._asked: set[str] = set()
        self._found = asyncio.Event()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._live, name="watches", daemon=True)

    async def run(self, all_watched_s: float) -> bool:
        """Until kopf ends; True when it had watched every kind, False also when it has not within `all_watched_s`."""
        self._thread.start()
        try:
            async with asyncio.timeout(all_watched_s):
                await self._found.wait()
        except TimeoutError:
            _log.warning("kinds_not_found", missing=", ".join(sorted(set(KINDS) - self._asked)))
            return False
        await self._ended.wait()
        return len(self._asked) == len(KINDS)

    def stop(self) -> None:
        """Ask kopf to end; its thread dies with the process at the latest."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed already
                loop.call_soon_threadsafe(stop.set)

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._operate())
        except Exception as error:
            _log.error("watches_ended", error=type(error).__name__)
        finally:
            self._tell(self._found.set)
            self._tell(self._ended.set)

    async def _operate(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await kopf.operator(
            registry=self._registry(),
            settings=_settings(),
            clusterwide=True,
            standalone=True,
            stop_flag=self._stop,
            identity=_IDENTITY,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for kind, watched in KINDS.items():
            handler = self._handler(kind)
            kopf.on.event(watched.group, watched.version, watched.plural, id=kind, registry=registry)(handler)
        return registry

    def _handler(self, kind: str) -> Any:
        async def handle(event: Any, **_: Any) -> None:
            obj = dict(event["object"])
            obj["metadata"] = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
            self._tell(self._heard.event, kind, event["type"] == "DELETED", obj)

        return handle

    async def _login(self, **_: Any) -> kopf.AiohttpSession:
        """Each time a session of our own: its token is as fresh as its file, and its responses are listened to."""
        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(self._on_request)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._access.tls()),
            response_class=tapped_response(self._heard, self._tell),
            trace_configs=[tracing],
            headers={"User-Agent": "ccproxy-operator"},
        )
        return kopf.AiohttpSession(server=self._access.server, aiohttp_session=session)

    async def _on_request(self, _session: object, _context: object, params: aiohttp.TraceRequestStartParams) -> None:
        authorization = await self._access.authorization()
        if authorization:
            params.headers["Authorization"] = authorization
        kind = KIND_OF_PATH.get(params.url.path)
        if kind is None:
            return
        self._asked.add(kind)
        if len(self._asked) == len(KINDS):
            self._tell(self._found.set)
        if KINDS[kind].metadata_only:
            suffix = "" if params.url.query.get("watch") else "List"
            params.headers["Accept"] = f"application/json;as=PartialObjectMetadata{suffix};g=meta.k8s.io;v=v1"

    def _tell(self, told: Callable[..., object], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the process is ending
            self.main.call_soon_threadsafe(told, *values)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # no watch of all CRDs: a kind that is not there yet is looked for by restarts
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = None  # it would kill the whole process
    settings.watching.chunk_size = 500
    settings.watching.client_timeout = 600
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = 70
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = (0.2, 0.5, 1, 1, 2, 2, 2, 2)
    settings.queueing.idle_timeout = 1.0  # handlers only hand over; a limit of workers would only make events wait
    for watched in KINDS.values():
        selector = (watched.group, watched.version, watched.plural)
        if watched.labels:
            settings.watching.label_selectors[selector] = watched.labels
        if watched.fields:
            settings.watching.field_selectors[selector] = watched.fields
    return settings
