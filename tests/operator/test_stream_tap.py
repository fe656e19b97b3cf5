"""What is heard from responses: a server that speaks like an API server, a session that reads like kopf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

from ccproxy_operator.stream_tap import tapped_response
from ccproxy_operator.watched_kinds import KINDS

PATH = KINDS["Secret"].path


class Heard:
    def __init__(self) -> None:
        self.lists: list[tuple[str, dict[tuple[str, str], int], int]] = []
        self.bookmarks: list[tuple[str, int]] = []
        self.signs = 0

    def event(self, kind: str, deleted: bool, obj: dict[str, Any]) -> None:
        raise AssertionError(f"events come from kopf, not {kind} {deleted} {len(obj)}")

    def listed(self, kind: str, versions: dict[tuple[str, str], int], version: int) -> None:
        self.lists.append((kind, versions, version))

    def reached(self, kind: str, version: int) -> None:
        self.bookmarks.append((kind, version))

    def alive(self, kind: str) -> None:
        self.signs += kind in KINDS


def _tell(told: Callable[..., object], *values: object) -> None:
    told(*values)


async def _asked(handler: Any, *queries: str) -> tuple[Heard, list[bytes]]:
    """What was heard and what the session read, after one request for each query."""
    application = web.Application()
    application.router.add_get(PATH, handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    heard, read = Heard(), []
    async with aiohttp.ClientSession(response_class=tapped_response(heard, _tell)) as session:
        for query in queries:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}{query}"
            async with session.get(url) as response:
                if "watch" in query:
                    read.append(b"".join([chunk async for chunk in response.content.iter_chunked(1 << 20)]))
                else:
                    read.append(str((await response.json())["items"]).encode())
    await runner.cleanup()
    return heard, read


async def test_a_list_of_several_pages_is_heard_whole() -> None:
    async def handler(request: web.Request) -> web.Response:
        second = "continue" in request.query
        item = {"metadata": {"namespace": "a", "name": "second" if second else "first", "resourceVersion": "7"}}
        metadata = {"resourceVersion": "9"} | ({} if second else {"continue": "more"})
        return web.json_response({"items": [item], "metadata": metadata})

    heard, _ = await _asked(handler, "?limit=1", "?limit=1&continue=more")
    assert heard.lists == [("Secret", {("a", "first"): 7, ("a", "second"): 7}, 9)]


async def test_an_empty_list_of_metadata_is_an_empty_list() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"items": None, "metadata": {"resourceVersion": "9"}})

    heard, read = await _asked(handler, "")
    assert read == [b"[]"]
    assert heard.lists == [("Secret", {}, 9)]


async def test_bookmarks_and_signs_of_life_are_heard_and_nothing_is_changed() -> None:
    lines = (
        b'{"type":"ADDED","object":{"metadata":{"name":"s","resourceVersion":"3"}}}\n'
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"55"}}}\n'
    )

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(lines)
        return response

    heard, read = await _asked(handler, "?watch=true")
    assert read == [lines]
    assert heard.bookmarks == [("Secret", 55)]
    assert heard.signs >= 2


async def test_a_refusal_is_no_sign_of_life() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "items": []}, status=403)

    heard, _ = await _asked(handler, "?watch=true", "")
    assert (heard.signs, heard.lists) == (0, [])
