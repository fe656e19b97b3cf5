"""Whoever calls the webhook: what it holds of them, and what it writes for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from ccproxy_operator.injector import server as server_module
from ccproxy_operator.injector.events import event, tellable
from ccproxy_operator.injector.listener import Listener
from ccproxy_operator.injector.metrics import Metrics
from ccproxy_operator.injector.pods import Owner
from ccproxy_operator.injector.review import Note, Reviewer
from ccproxy_operator.injector.server import Server
from ccproxy_runtime.metrics import Registry
from tests.injector.reviewing import ROOT, SETTINGS, review

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app", "image": "i"}]}}


@asynccontextmanager
async def listening(told: list[Note]) -> AsyncIterator[int]:
    server = Server(Reviewer(SETTINGS, ROOT), metrics=Metrics(Registry()), note=told.append, clock=time.perf_counter)
    runner = web.ServerRunner(Listener(server.review), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("namespace", ["team-a", "../../../apis/x", "a/pods?", "", "A", "x" * 64])
async def test_nothing_is_written_where_no_namespace_can_be(namespace: str) -> None:
    told: list[Note] = []
    async with listening(told) as port, aiohttp.ClientSession() as session:
        body = review(POD, namespace=namespace)
        async with session.post(f"http://127.0.0.1:{port}/inject", data=body) as answer:
            assert answer.status == 200
    assert [note.namespace for note in told] == (["team-a"] if namespace == "team-a" else [])


@pytest.mark.parametrize(
    "about",
    [
        Owner(api_version="apps/v1", kind="ReplicaSet", name="../x"),
        Owner(api_version="apps/v1", kind="Replica\x1bSet", name="x"),
        Owner(api_version="a/b/c", kind="ReplicaSet", name="x"),
        Owner(api_version="apps/v1", kind="ReplicaSet", name="x" * 254),
    ],
)
def test_nothing_is_written_about_what_owns_no_pod(about: Owner) -> None:
    assert not tellable(Note("Injected", "m", "team-a", about))
    assert tellable(Note("Injected", "m", "team-a", Owner(api_version="argoproj.io/v1", kind="Rollout", name="x")))


def test_a_message_holds_nothing_that_a_terminal_obeys() -> None:
    note = Note("NameTaken", "a container is called \x1b[2J\u202eevil\n", "team-a", Owner(kind="Pod", name="p"))
    assert event(note, now_s=0.0, instance="i")["message"] == "a container is called  [2J evil "


async def test_a_review_that_never_comes_whole_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "BODY_S", 0.2)
    async with listening([]) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /inject HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        async with asyncio.timeout(20):
            assert b" 408 " in await reader.readline()
            await reader.read()
        writer.close()
