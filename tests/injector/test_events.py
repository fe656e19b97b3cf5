"""Events: what is told once, and that an API server that is slow or says no costs Events only."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from ccproxy_operator.injector.event_writer import MAX_WAITING, EventWriter
from ccproxy_operator.injector.events import MAX_REMEMBERED, REPEAT_S, Heard, event
from ccproxy_operator.injector.metrics import Metrics
from ccproxy_operator.injector.pods import Owner
from ccproxy_operator.injector.review import Note
from ccproxy_runtime.background import background
from ccproxy_runtime.metrics import Registry
from tests.conftest import free_port
from tests.injector.reviewing import answer

OWNER = Owner(api_version="apps/v1", kind="ReplicaSet", name="coder-6bcd", uid="u-9", controller=True)
NOTE = Note("Injected", "the sidecar was added", "team-a", OWNER)


def about(number: int) -> Note:
    """A note on another owner each time."""
    return Note("Injected", "m", "team-a", Owner(api_version="v1", kind="Pod", name=f"p{number}"))


def test_the_same_about_the_same_owner_is_told_once_in_ten_minutes() -> None:
    heard = Heard()
    assert heard.is_news(NOTE, 1000.0)
    assert not heard.is_news(NOTE, 1000.0 + REPEAT_S - 1)
    assert heard.is_news(Note("HostNetwork", "m", "team-a", OWNER), 1001.0)
    assert heard.is_news(NOTE, 1000.0 + REPEAT_S)


def test_what_is_remembered_is_bounded() -> None:
    heard = Heard()
    for number in range(MAX_REMEMBERED + 1):
        heard.is_news(about(number), 0.0)
    assert heard.is_news(about(0), 1.0)
    assert not heard.is_news(about(MAX_REMEMBERED), 1.0)


def test_an_event_stands_on_the_owner_in_the_pods_namespace() -> None:
    made = event(NOTE, now_s=0.0, instance="injector-1")
    assert made["metadata"] == {"generateName": "coder-6bcd.ccproxy-", "namespace": "team-a"}
    assert made["involvedObject"] == {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "namespace": "team-a", "name": "coder-6bcd", "uid": "u-9",
    }  # fmt: skip
    assert (made["reason"], made["type"], made["firstTimestamp"]) == ("Injected", "Normal", "1970-01-01T00:00:00Z")


def test_a_dry_run_is_not_told() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": []}}
    assert answer(pod, dry_run=True).note is None
    told = answer(pod).note
    assert told is not None
    assert (told.reason, told.warning, told.about.kind) == ("HostNetwork", True, "Pod")


def test_no_value_of_a_pod_is_told() -> None:
    env = [{"name": "OPENAI_API_KEY", "value": "sk-secret"}, {"name": "NO_PROXY", "value": "sk-secret"}]
    container = {"name": "app", "env": env, "envFrom": [{"secretRef": {"name": "s"}}]}
    told = answer({"metadata": {"name": "p"}, "spec": {"containers": [container]}}).note
    assert told is not None
    assert "ANTHROPIC_API_KEY" in told.message
    assert "sk-secret" not in told.message


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def writing(folder: Path, answering: Answering) -> AsyncIterator[tuple[EventWriter, Metrics]]:
    """A writer in front of an API server that answers so."""
    runner = web.ServerRunner(web.Server(answering), shutdown_timeout=0.1)  # type: ignore[arg-type] # a low-level server
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    (folder / "token").write_text("t-1\n")
    metrics = Metrics(Registry())
    clock = itertools.count(1000.0).__next__
    files = {"token_file": folder / "token", "ca_file": folder / "none"}
    server = f"http://127.0.0.1:{port}"
    writer = EventWriter(api_server=server, **files, metrics=metrics, clock=lambda: float(clock()), instance="i")
    try:
        async with background(writer.run()):
            yield writer, metrics
    finally:
        await runner.cleanup()


def results(metrics: Metrics) -> dict[str, int | float]:
    return {labels[0]: counter.value for labels, counter in metrics.events.children.items()}


async def test_a_note_is_posted_with_the_present_token(tmp_path: Path) -> None:
    seen: asyncio.Queue[tuple[str, str, Any]] = asyncio.Queue()

    async def answering(request: web.BaseRequest) -> web.StreamResponse:
        await seen.put((request.path, request.headers["authorization"], await request.json()))
        return web.Response(status=201)

    async with writing(tmp_path, answering) as (writer, metrics):
        writer.take(NOTE)
        writer.take(NOTE)
        path, authorization, body = await seen.get()
        (tmp_path / "token").write_text("t-2\n")
        writer.take(about(1))
        assert (await seen.get())[1] == "Bearer t-2"
    assert (path, authorization) == ("/api/v1/namespaces/team-a/events", "Bearer t-1")
    assert body["reason"] == "Injected"
    assert results(metrics)["repeated"] == 1


async def test_a_slow_api_server_costs_events_which_are_counted(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def answering(request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await asyncio.sleep(60)
        return web.Response(status=201)

    async with writing(tmp_path, answering) as (writer, metrics):
        writer.take(about(0))
        await asked.wait()
        for number in range(1, MAX_WAITING + 4):
            writer.take(about(number))
        assert results(metrics) == {"dropped": 3}


async def test_a_refused_event_is_counted_and_the_next_one_is_written(tmp_path: Path) -> None:
    statuses = iter([403, 201])
    done = asyncio.Event()

    async def answering(request: web.BaseRequest) -> web.StreamResponse:
        status = next(statuses)
        if status == 201:
            done.set()
        return web.Response(status=status)

    async with writing(tmp_path, answering) as (writer, metrics):
        writer.take(about(1))
        writer.take(about(2))
        await done.wait()
        while results(metrics).get("written") != 1:  # noqa: ASYNC110 - at most a few turns
            await asyncio.sleep(0.01)
    assert results(metrics) == {"failed": 1, "written": 1}
