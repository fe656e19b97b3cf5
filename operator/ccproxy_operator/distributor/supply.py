"""What the streams of one kind get: each the newest that is meant for it, nothing that it has already.

One for sidecars (slices), one for ledgers (accounts). Must not know connections beyond `Stream`. Next: `fanout.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ccproxy_contract.features import KNOWN_BOOK
from ccproxy_contract.stream import Ack, Current, Reject
from ccproxy_operator.distributor.stream import Stream
from ccproxy_operator.distributor.streams import Streams
from ccproxy_runtime.logs import logger
from ccproxy_runtime.metrics import Counter, Histogram

_log = logger("streams")


class Offer(Protocol):
    """A configuration, ready to send; due since `published_s` on the monotonic clock."""

    @property
    def hash(self) -> str:
        """Of its content."""
        ...

    @property
    def frame(self) -> bytes:
        """The whole `Slice` message."""
        ...

    @property
    def book(self) -> str:
        """Name of the price book in it; empty: none that can be left out."""
        ...

    @property
    def lean_frame(self) -> bytes:
        """The message without the prices, for a client that runs the same book."""
        ...

    @property
    def published_s(self) -> float:
        """When it was published."""
        ...


class Supply:
    """`wanted` answers what a stream shall run now, None while nobody knows; `versions` how new that is."""

    def __init__(
        self,
        streams: Streams,
        *,
        wanted: Callable[[Stream], Offer | None],
        versions: Callable[[], Mapping[str, str]],
        clock_s: Callable[[], float],
        clock_ms: Callable[[], int],
        sent: Counter,
        rejections: Counter,
        convergence: Histogram | None = None,
    ) -> None:
        self.streams = streams
        self._wanted = wanted
        self._versions = versions
        self._clock_s, self._clock_ms = clock_s, clock_ms
        self._sent, self._rejections, self._convergence = sent, rejections, convergence

    def offer(self, stream: Stream, *, timed: bool) -> None:
        """Send what `stream` shall run now, unless it has it. `timed`: its way counts from its publication."""
        wanted = self._wanted(stream)
        if wanted is None or wanted.hash == stream.sent:
            return
        if not stream.sent and stream.running == wanted.hash:
            stream.confirm(Current(hash=wanted.hash, resource_versions=dict(self._versions())), self._clock_ms())
            stream.book = wanted.book
            self.streams.version += 1
            return
        self._send(stream, wanted, wanted.published_s if timed else None)

    def answered(self, stream: Stream, word: Ack | Reject) -> None:
        """A client acknowledged or rejected what it was sent."""
        self.streams.version += 1
        due_s = stream.answered(word, self._clock_ms())
        if due_s is not None and self._convergence is not None:
            self._convergence.observe(self._clock_s() - due_s)
        if isinstance(word, Reject):
            self._rejected(stream, word)

    def in_sync(self) -> int:
        """How many streams run what they shall run now."""
        return sum(1 for stream in self.streams if self._in_sync(stream))

    def rejecting(self) -> int:
        """How many streams refused what they shall run now."""
        return sum(1 for stream in self.streams if stream.rejected and not self._in_sync(stream))

    def _send(self, stream: Stream, wanted: Offer, published_s: float | None) -> None:
        self._sent.inc()
        lean = bool(wanted.book) and wanted.book == stream.book and KNOWN_BOOK in stream.features
        frame = wanted.lean_frame if lean else wanted.frame
        stream.offer(wanted.hash, frame, book=wanted.book, published_s=published_s)

    def _rejected(self, stream: Stream, word: Reject) -> None:
        """A slice without prices may be refused for want of them: it is sent once more, with them."""
        self._rejections.inc()
        _log.warning("rejected", client=f"{stream.group}/{stream.name}", hash=stream.rejected, reason=stream.reason)
        wanted = self._wanted(stream)
        if stream.book and wanted is not None and wanted.hash == word.hash:
            stream.book = ""
            self._send(stream, wanted, None)

    def _in_sync(self, stream: Stream) -> bool:
        wanted = self._wanted(stream)
        return wanted is not None and wanted.hash == stream.acked
