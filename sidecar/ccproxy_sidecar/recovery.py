"""What a killed process left: every attempt that it had opened gets its one `settle`, the source its `close`.

They are written into the dead source itself, with its next numbers, so doing it again after another kill finds what is
already there and adds the rest. What such an attempt used is not known: usage is zero, quality `orphan`.
Must not touch a source that a live process holds. This ends the sidecar's metering; the ledger's collector is next.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ccproxy_contract.events import UsageEvent, decode_event, encode_event
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_reader import Damage, read_from
from ccproxy_runtime.spool_source import BEGINNING, SourceLock, acked
from ccproxy_sidecar.open_attempts import OpenAttempts, head_of, kept_payloads

KILLED = "killed"
"""The coded reason in the events written here."""
_NO_CAP_BYTES = 1 << 62
"""Ends are written even when the spool is full: they are what lets it be emptied."""


class Recovered(msgspec.Struct, frozen=True):
    """What was found and done. Not `complete`: the disk took no more, so it has to be done again."""

    settled: int = 0
    damaged: int = 0
    """Places that could not be read, an unfinished record at the end among them."""
    complete: bool = True


class _Findings:
    """What the dead source says."""

    def __init__(self) -> None:
        self.open = OpenAttempts()
        self.last_seq = 0
        self.last_ms = 0
        self.closed = False
        self.damaged = 0
        self.records = 0

    def take(self, payload: bytes) -> None:
        """Take the next record into account."""
        head = head_of(payload)
        if head is None:
            return  # the shipper sets it aside and counts it
        self.open.follow(head, payload)
        self.last_seq = max(self.last_seq, head.seq)
        self.last_ms = max(self.last_ms, head.at_ms)
        self.closed = self.closed or head.kind == "close"
        self.records += 1


def recover(directory: Path, src: str, lock: SourceLock) -> Recovered:
    """Bring a dead source to its end; call it with its lock, off the event loop. Doing it twice changes nothing.

    Raises: `OSError` when the source cannot be read.
    """
    found = _findings(directory, src)
    if found.closed or not found.records:
        return Recovered(damaged=found.damaged)
    spool = Spool(directory, src=src, cap_bytes=_NO_CAP_BYTES, lock=lock)
    endings = _endings(src, found)
    written = 0
    while written < len(endings) and spool.append(encode_event(endings[written])):
        written += 1
    spool.close()
    return Recovered(
        settled=min(written, len(endings) - 1),
        damaged=found.damaged,
        complete=written == len(endings) and not spool.sync_failures,
    )


def _findings(directory: Path, src: str) -> _Findings:
    found = _Findings()
    for payload in kept_payloads(directory, src):
        found.take(payload)
    for item in read_from(directory, src, BEGINNING):
        if isinstance(item, Damage):
            found.damaged += 1
        else:
            found.take(item.payload)
    found.last_seq = max(found.last_seq, acked(directory, src).seq)
    return found


def _endings(src: str, found: _Findings) -> list[UsageEvent]:
    """A `settle` for each open attempt, then the `close`, with the source's next numbers."""
    opened = [event for payload in found.open.payloads() if (event := _event(payload)) is not None]
    first = found.last_seq + 1
    settles = [_orphaned(event, seq, found.last_ms) for seq, event in enumerate(opened, first)]
    return [*settles, UsageEvent(src=src, seq=first + len(settles), kind="close", ended_ms=found.last_ms)]


def _event(payload: bytes) -> UsageEvent | None:
    """None for what the ledger would refuse as well; the shipper sets that aside and counts it."""
    try:
        return decode_event(payload)
    except msgspec.MsgspecError:
        return None


def _orphaned(opened: UsageEvent, seq: int, last_ms: int) -> UsageEvent:
    """The end of an attempt whose process was killed, at the last time the source tells of."""
    return msgspec.structs.replace(
        opened,
        seq=seq,
        kind="settle",
        status="interrupted",
        quality="orphan",
        error=KILLED,
        ended_ms=max(last_ms, opened.opened_ms),
    )
