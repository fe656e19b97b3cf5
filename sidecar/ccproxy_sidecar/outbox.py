"""The part of one source that the ledger does not have yet: what comes next, and what may be forgotten.

A source is only forgotten up to where the ledger acknowledged all numbers; what lies behind a hole is sent once and
kept until the ledger has given the hole up. Must not talk to the ledger. Next: `open_attempts.py`.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ccproxy_contract.events import MAX_BATCH_EVENTS
from ccproxy_runtime.spool_reader import Damage, read_from
from ccproxy_runtime.spool_source import BEGINNING, Acked, Position, acked, delete_segments, note_acked
from ccproxy_sidecar.open_attempts import Head, OpenAttempts, head_of

MAX_BATCH_BYTES = 1024 * 1024
"""A batch ends once it is this long, so that a collector's limit of a few MiB is never met."""


class Item(NamedTuple):
    """One event to hand over; None as head: the record is no event."""

    payload: bytes
    head: Head | None


class Batched(NamedTuple):
    """What to hand over next, and where reading goes on after it."""

    items: list[Item]
    end: Position
    damaged: int


class Outbox:
    """Reads one source for the shipper. `open` follows the source's attempts, for a source that is still written."""

    def __init__(self, directory: Path, src: str) -> None:
        self.directory = directory
        self.src = src
        self.position = acked(directory, src).position
        self.sent_seq = acked(directory, src).seq
        self.acked_seq = self.sent_seq
        self.open = OpenAttempts()
        self.set_aside: set[int] = set()
        """Numbers that the ledger refused: not sent again when reading starts over."""
        self._started_over_at = -1
        self._forgot_before = max(1, self.position.segment)  # segments count from 1

    def next_batch(self, stop: Position | None = None) -> Batched | None:
        """Up to `MAX_BATCH_EVENTS` events before `stop`; None when nothing is left. Raises: `OSError`."""
        items: list[Item] = []
        end, size, damaged = self.position, 0, 0
        with closing(read_from(self.directory, self.src, self.position, stop=stop)) as records:
            for found in records:
                end = found.end
                if isinstance(found, Damage):
                    damaged += 1
                    continue
                items.append(Item(found.payload, head_of(found.payload)))
                size += len(found.payload)
                if len(items) >= MAX_BATCH_EVENTS or size >= MAX_BATCH_BYTES:
                    break
        return None if end == self.position else Batched(items, end, damaged)

    def sent(self, batch: Batched, acked_seq: int) -> None:
        """The ledger took `batch` (or refused it for good) and acknowledges all numbers up to `acked_seq`.

        Raises: `OSError` when that cannot be noted.
        """
        self.position = batch.end
        for payload, head in batch.items:
            if head is not None:
                self.open.follow(head, payload)
                self.sent_seq = max(self.sent_seq, head.seq)
        self.acked_seq = acked_seq
        if self.all_acked:
            note_acked(self.directory, self.src, Acked(*self.position, seq=self.sent_seq))

    @property
    def all_acked(self) -> bool:
        """Whether the ledger acknowledged everything that was sent."""
        return self.acked_seq >= self.sent_seq

    @property
    def forgettable(self) -> bool:
        """Whether whole segments lie behind what the ledger acknowledged."""
        return self.all_acked and self.position.segment > self._forgot_before

    def forget(self) -> None:
        """Delete the segments that are forgettable; what must outlive them is on disk before. Raises: `OSError`."""
        self.open.keep(self.directory, self.src)
        note_acked(self.directory, self.src, Acked(*self.position, seq=self.sent_seq), durable=True)
        delete_segments(self.directory, self.src, before=self.position.segment)
        self._forgot_before = self.position.segment

    def start_over(self) -> None:
        """Read again from the oldest record that is left, once for each number that the ledger stopped at."""
        if self.acked_seq != self._started_over_at:
            self._started_over_at = self.acked_seq
            self.position = BEGINNING
