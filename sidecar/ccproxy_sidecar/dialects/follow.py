"""Follows one answer as it passes: whole events go on at once, and only those that matter are read.

An event that has come in part is held back until it is whole, so a stream that breaks never leaves a client with half
an event before our own error event. Memory per stream is bounded. Must not know any dialect: a `Grammar` reads events.
Next: `counts.py`.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ccproxy_contract.usage import Usage
from ccproxy_sidecar.dialects.dialect import Spawn, StreamError
from ccproxy_sidecar.dialects.sse import MAX_EVENT_BYTES, Event, block_at, blocks, event_from_block, whole_end

HOLD_BYTES = 1 << 16
"""A longer unfinished event is passed on as it comes: waiting would cost more than a cut event would hurt."""
BYTES_PER_TOKEN = 4
"""Of text in English and code; only for the estimate of a stream that ends without usage."""
_ENDS = (b"\n\n", b"\r\n\r\n")
_TAIL_BYTES = 1 << 14


class Seen(NamedTuple):
    """What a grammar found in one event."""

    text_bytes: int = 0
    """Bytes of generated text in it, as they stand on the wire."""
    hide: bool = False
    """The client did not ask for this event."""


NOTHING_SEEN = Seen()


class Grammar(Protocol):
    """How one dialect's answers read. Fresh per answer; a part of an unexpected type raises `msgspec.DecodeError`."""

    finish_ends: bool
    """True when servers may leave out the terminal event, so that a finish reason must do."""

    def plain(self, chunk: bytes) -> bool:
        """True when `chunk`, whole events of a started stream, holds content only. Called for every chunk."""
        ...

    def marks(self) -> tuple[bytes, ...]:
        """Byte strings of which every event that must be read holds one; the empty string when all must be read."""
        ...

    def event(self, answer: Follower, event: Event) -> Seen: ...

    def cut_event(self, answer: Follower, head: bytes, tail: bytes) -> None:
        """An event too long to keep has passed: its first and last bytes."""
        ...

    def whole(self, answer: Follower, body: bytes) -> None: ...


class Follower:
    """Implements `dialect.Answer` for every dialect."""

    def __init__(self, grammar: Grammar) -> None:
        self.usage: Usage | None = None
        self.raw_usage = b""
        self.model = ""
        self.id = ""
        self.service_tier = ""
        self.finish = ""
        self.started = False
        self.ended = False
        self.error: StreamError | None = None
        self.spawns: list[Spawn] = []
        self.mid_event = False
        self.overlong = 0
        self.unreadable = 0
        self.last_events = b""
        self._grammar = grammar
        self._plain = grammar.plain
        self._held = b""
        self._passed = 0
        self._cut_head = b""
        self._text_bytes = 0
        self._frame_bytes = 0
        """What an event of text weighs without the text; until the first one is known, all events are read."""
        self._plain_bytes = 0
        self._plain_events = 0

    def feed(self, chunk: bytes) -> bytes:
        """Follow a piece of the stream; returns the whole events to send on (the same object as a rule)."""
        if self._held or not chunk.endswith(_ENDS):
            return self._feed_piece(chunk)
        return self._pass(chunk)

    def close(self) -> bytes:
        """The stream is over; a last event that only lacks its blank line is read and returned, half of one is not.

        Where servers may leave the terminal event out, an answer that said why it finished is complete.
        """
        held, passed = self._held, self._passed
        self._held, self._passed = b"", 0
        rest = (held if self.ended else self._read_last(held))[passed:]
        self.ended = self.ended or (self._grammar.finish_ends and bool(self.finish))
        self.mid_event = self.mid_event or bool(rest)
        return rest

    def whole(self, body: bytes) -> None:
        """Follow an answer that is one JSON body."""
        self.started = self.ended = True
        try:
            self._grammar.whole(self, body)
        except (ValueError, RecursionError):
            self.unreadable += 1

    def produced_tokens(self) -> int:
        """Estimate of the output tokens that passed so far, from the bytes of text in them."""
        plain = max(self._plain_bytes - self._plain_events * self._frame_bytes, 0)
        return -(-(self._text_bytes + plain) // BYTES_PER_TOKEN)

    def _pass(self, events: bytes) -> bytes:
        """`events` are whole events. The hot path: most chunks are plain content and go on unread."""
        if not self._frame_bytes or not self._plain(events):
            return self._read(events)
        self.last_events = events
        self._count_plain(events)
        return events

    def _read(self, events: bytes) -> bytes:
        """Read each event; returns what to send on."""
        self.last_events = events
        kept, hidden, at = [], False, 0
        while at < len(events):
            end = self._plain_end(events, at)
            if end > at:
                kept.append(events[at:end])
                self._count_plain(kept[-1])
                at = end
                continue
            block = block_at(events, at)
            at += len(block)
            seen = self._read_block(block)
            hidden = hidden or seen.hide
            if not seen.hide:
                kept.append(block)
        return b"".join(kept) if hidden else events

    def _plain_end(self, events: bytes, start: int) -> int:
        """Where the run of plain events that begins at `start` ends; `start` when the next one must be read."""
        if not self._frame_bytes:
            return start
        marks = [at for mark in self._grammar.marks() if (at := events.find(mark, start)) >= 0]
        if not marks:
            return len(events)
        before = events.rfind(b"\n\n", start, min(marks))
        return before + 2 if before >= 0 else start

    def _count_plain(self, events: bytes) -> None:
        self._plain_bytes += len(events)
        short = len(events) < 2 * self._frame_bytes
        self._plain_events += 1 if short else events.count(b"\n\n") or events.count(b"\r\n\r\n")

    def _read_last(self, held: bytes) -> bytes:
        """Read an event that lacks its blank line; empty when it lacks more than that."""
        if not held or self._cut_head or event_from_block(held) is None:
            return b""
        unreadable, last_events = self.unreadable, self.last_events
        self.last_events = held
        seen = self._read_block(held)
        if self.unreadable == unreadable:
            return b"" if seen.hide else held
        self.last_events = last_events
        return b""

    def _read_block(self, block: bytes) -> Seen:
        event = event_from_block(block)
        if event is None:
            return NOTHING_SEEN
        try:
            seen = self._grammar.event(self, event)
        except (ValueError, RecursionError):
            self.unreadable += 1
            return NOTHING_SEEN
        if seen.text_bytes:
            self._text_bytes += seen.text_bytes
            self._frame_bytes = self._frame_bytes or len(block) - seen.text_bytes
        return seen

    def _feed_piece(self, chunk: bytes) -> bytes:
        """A chunk that does not start or does not end between two events."""
        seen = max(len(self._held) - 3, 0)
        text = self._held + chunk
        end = whole_end(text, seen)
        out = b""
        if end:
            out = self._finish_cut(text[:end]) if self._cut_head else self._pass(text[:end])[self._passed :]
            text, self._passed = text[end:], 0
        self._held = text
        self.mid_event = self._passed > 0
        return out + self._overflow() if len(text) - self._passed > HOLD_BYTES or self._cut_head else out

    def _overflow(self) -> bytes:
        """Pass on an unfinished event that has grown too long to hold, and forget it when too long to follow."""
        out = self._held[self._passed :]
        if len(self._held) > MAX_EVENT_BYTES or self._cut_head:
            if not self._cut_head:
                self.overlong += 1
                self._cut_head = self._held[:512]
            self._held = self._held[-_TAIL_BYTES:]
        self._passed = len(self._held)
        self.mid_event = True
        return out

    def _finish_cut(self, text: bytes) -> bytes:
        """`text` ends an event of which only the head and the last bytes were kept; more events may follow it."""
        end_of_cut = max(len(next(blocks(text))), self._passed)
        head, self._cut_head = self._cut_head, b""
        try:
            self._grammar.cut_event(self, head, text[:end_of_cut])
        except (ValueError, RecursionError):
            self.unreadable += 1
        rest = text[end_of_cut:]
        return text[self._passed : end_of_cut] + (self._pass(rest) if rest else b"")
