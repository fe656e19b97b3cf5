"""What a watch's HTTP responses tell beyond its events: whole lists, bookmarks, and that it is alive.

A response class for the session that kopf uses; kopf itself reads on undisturbed. Runs in kopf's thread, tells on ours.
An empty list of metadata comes with `items: null` (Kubernetes 1.34), which kopf 1.45.2 does not take: it gets an empty
one. Must change nothing else. Next: `liveness.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

import aiohttp
import msgspec

from ccproxy_operator.versions import Named, named_of, version_of
from ccproxy_operator.watched_kinds import KIND_OF_PATH

Tell = Callable[..., None]
"""Calls its first argument with the others on the operator's own loop."""
_BOOKMARK = b'"BOOKMARK"'


class Heard(Protocol):
    """What the watches tell, always on the operator's own loop."""

    def event(self, kind: str, deleted: bool, obj: dict[str, Any]) -> None:
        """An object as it is now, or as it was when it was deleted."""
        ...

    def listed(self, kind: str, versions: dict[Named, int], version: int) -> None:
        """A list is complete: (namespace, name) to resourceVersion, and the version of the list itself."""
        ...

    def reached(self, kind: str, version: int) -> None:
        """A bookmark: all events up to `version` were sent."""
        ...

    def alive(self, kind: str) -> None:
        """Bytes came on the watch of `kind`."""
        ...


def tapped_response(heard: Heard, tell: Tell) -> type[aiohttp.ClientResponse]:
    """The response class of one session."""

    class TappedResponse(aiohttp.ClientResponse):
        pages: dict[str, dict[Named, int]] = {}
        """Lists that have more pages to come; one list of a kind is read at a time."""

        async def start(self, connection: Any) -> aiohttp.ClientResponse:
            started = await super().start(connection)
            kind = KIND_OF_PATH.get(self.url.path)
            if kind is not None and self.status == 200 and self.url.query.get("watch"):
                tell(heard.alive, kind)
                self.content = _TappedContent(self.content, kind, heard=heard, tell=tell)  # type: ignore[assignment]
            return started

        async def json(self, **how: Any) -> Any:
            answer = await super().json(**how)
            kind = KIND_OF_PATH.get(self.url.path)
            if kind is not None and self.method == "GET" and self.status == 200 and "items" in answer:
                answer["items"] = answer["items"] or []
                self._page(kind, answer)
            return answer

        def _page(self, kind: str, answer: Mapping[str, Any]) -> None:
            if not self.url.query.get("continue"):
                self.pages[kind] = {}
            found = self.pages.setdefault(kind, {})
            found.update(_versions(answer["items"]))
            tell(heard.alive, kind)
            if not answer["metadata"].get("continue"):
                tell(heard.listed, kind, self.pages.pop(kind), version_of(answer["metadata"]))

    return TappedResponse


class _TappedContent:
    """The body of a watch; everything but reading it in chunks goes to the real one."""

    def __init__(self, content: aiohttp.StreamReader, kind: str, *, heard: Heard, tell: Tell) -> None:
        self._content = content
        self._kind = kind
        self._heard = heard
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(size):
            self._tell(self._heard.alive, self._kind)
            if _BOOKMARK in chunk:
                self._bookmarks(chunk)
            yield chunk

    def _bookmarks(self, chunk: bytes) -> None:
        """A bookmark that is cut by the end of a chunk is left out: the next one comes within a minute."""
        for line in chunk.split(b"\n"):
            if _BOOKMARK not in line:
                continue
            try:
                event = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if event.get("type") == "BOOKMARK":
                self._tell(self._heard.reached, self._kind, version_of(event["object"]["metadata"]))


def _versions(items: Any) -> dict[Named, int]:
    found = (item["metadata"] for item in items)
    return {named_of(one): version_of(one) for one in found}
