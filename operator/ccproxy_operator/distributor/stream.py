"""One connection of a client: what it was sent, what it said of it, and the conversation from `Hello` to its end.

The same for sidecars and for ledgers. Must not know where configuration comes from. Next: `streams.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from ccproxy_contract.features import FEATURES
from ccproxy_contract.stream import Ack, Current, Hello, Reject, Up, up_from_bytes, word_bytes
from ccproxy_operator.distributor.outbox import Outbox

HELLO_S: Final = 10.0
MAX_WORD_BYTES: Final = 64 * 1024
MAX_REASON_CHARS: Final = 300
MAX_UNASKED_WORDS: Final = 50
WORDS_PER_SLICE: Final = 2
"""A slice may be refused as too old at first and be taken later. Who says much more than asked is cut off."""
Socket = web.WebSocketResponse[bool]
Clock = Callable[[], float]


class Stream:
    """Times are `clock_s` seconds of a monotonic clock, `at_ms` is Unix milliseconds of the last ack or rejection."""

    __slots__ = (
        "_clock_s", "_sent_book", "_sent_due_s", "_socket", "_words_left", "acked", "at_ms", "book", "build",
        "features", "group", "heard_s", "key", "name", "outbox", "pinged_s", "reason", "rejected", "running", "sent",
    )  # fmt: skip

    def __init__(self, *, key: str, group: str, name: str, socket: Socket, outbox: Outbox, clock_s: Clock) -> None:
        """`key` is the pod's uid, `group` its namespace."""
        self.key, self.group, self.name = key, group, name
        self.outbox = outbox
        self.features: frozenset[str] = frozenset()
        self.build = ""
        self.running = ""
        self.sent = self.acked = self.rejected = self.reason = ""
        self.book = self._sent_book = ""
        """Name of the price book that the client is known to run."""
        self.at_ms = 0
        self.heard_s = self.pinged_s = clock_s()
        self._clock_s = clock_s
        self._socket = socket
        self._words_left = MAX_UNASKED_WORDS
        self._sent_due_s: float | None = None

    def greeted(self, hello: Hello) -> None:
        """The client has said who it is. What it can do beyond what is known here makes no difference."""
        self.features = FEATURES.intersection(hello.features)
        self.build = _plain(hello.build)
        self.running = hello.running[:MAX_REASON_CHARS]

    def offer(self, hash: str, frame: bytes, *, book: str, published_s: float | None) -> None:
        """Send a slice in place of any that still waits. `published_s`: since when it is due; None: not timed."""
        self.sent, self._sent_book = hash, book
        self._sent_due_s = published_s
        self._words_left += WORDS_PER_SLICE
        self.outbox.offer(frame)

    def confirm(self, current: Current, at_ms: int) -> None:
        """What the client runs is the newest there is."""
        self.sent = self.acked = current.hash
        self.at_ms = at_ms
        self.outbox.offer(word_bytes(current))

    def answered(self, word: Ack | Reject, at_ms: int) -> float | None:
        """Take an acknowledgement or a rejection; since when the acknowledged slice was due, if that is timed."""
        self.at_ms = at_ms
        if isinstance(word, Reject):
            self.rejected, self.reason = word.hash[:MAX_REASON_CHARS], _plain(word.reason)
            return None
        self.acked = word.hash[:MAX_REASON_CHARS]
        self.book = self._sent_book if word.hash == self.sent else ""
        self.rejected = self.reason = ""
        due_s = self._sent_due_s if word.hash == self.sent else None
        if due_s is not None:
            self._sent_due_s = None
        return due_s

    async def hello(self) -> Hello | None:
        """The first word; None when none came in time or it was another."""
        try:
            async with asyncio.timeout(HELLO_S):
                word = await self.word()
        except TimeoutError:
            return None
        return word if isinstance(word, Hello) else None

    async def word(self) -> Up | None:
        """The client's next word; None when the connection has ended or must end."""
        while True:
            message = await self._socket.receive()
            self.heard_s = self._clock_s()
            if message.type is WSMsgType.PONG:
                continue
            self._words_left -= 1
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                return self._read(message.data)
            if message.type is not WSMsgType.PING or self._words_left <= 0:
                return None
            await self._socket.pong(message.data)

    async def ping(self) -> None:
        """Ask for a sign of life."""
        self.pinged_s = self._clock_s()
        self._words_left += 1
        await self.outbox.ping()

    def _read(self, frame: bytes | str) -> Up | None:
        try:
            return up_from_bytes(frame) if self._words_left > 0 else None
        except ValueError:
            return None


def _plain(reason: str) -> str:
    """A stranger's sentence, as it may stand in a status."""
    return "".join(letter if letter.isprintable() else " " for letter in reason[:MAX_REASON_CHARS])
