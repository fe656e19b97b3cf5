"""The files of one source in a spool folder: segments, lock, and how far its reader got.

A source is one start of one process, named by `src`. Its files: `<src>-<index>.seg`, `<src>.lock` (held while
somebody writes or ships the source), `<src>.ack`, `<src>.kept`. Must not read records. Next: `spool_reader.py`.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import NamedTuple

import msgspec

from ccproxy_runtime.atomic import atomic_write, sync_directory

_SEGMENT = re.compile(r"(?P<src>.+)-(?P<index>\d{8})\.seg")
PRIVATE_FOLDER = 0o700


class Position(NamedTuple):
    """A place in a source: `offset` bytes into segment number `segment`. Positions compare in writing order."""

    segment: int
    offset: int


BEGINNING = Position(0, 0)


class Acked(msgspec.Struct, frozen=True):
    """How far a source was handed over: everything before the position, whose last record was number `seq`."""

    segment: int = 0
    offset: int = 0
    seq: int = 0

    @property
    def position(self) -> Position:
        """Where reading goes on."""
        return Position(self.segment, self.offset)


class SourceLock:
    """The right to write or ship one source, held until `release` or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        """Give the right back; a second call does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def lock_source(directory: Path, src: str) -> SourceLock | None:
    """Take the source for this process; None when a live process has it. Raises: `OSError`."""
    handle = os.open(directory / f"{src}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return SourceLock(handle)


def sources(directory: Path) -> list[str]:
    """Every source that has a file in the folder, oldest first; empty when there is no folder. Raises: `OSError`."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    found = {name.rpartition(".")[0] for name in names if name.endswith((".ack", ".kept", ".lock"))}
    found |= {match["src"] for name in names if (match := _SEGMENT.fullmatch(name))}
    return sorted(name for name in found if name and not name.startswith("."))


def segments(directory: Path, src: str) -> list[int]:
    """Numbers of the source's segments, rising. Raises: `OSError`."""
    matches = (_SEGMENT.fullmatch(name) for name in (path.name for path in directory.iterdir()))
    return sorted(int(match["index"]) for match in matches if match and match["src"] == src)


def segment_path(directory: Path, src: str, index: int) -> Path:
    """Where segment number `index` of a source lies."""
    return directory / f"{src}-{index:08d}.seg"


def used_bytes(directory: Path) -> int:
    """Size of all segments of all sources in the folder. Raises: `OSError`."""
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(".seg"):
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:
                    continue  # shipped and deleted since the listing
    return total


def acked(directory: Path, src: str) -> Acked:
    """How far the source was handed over; the beginning when nobody noted it or the note is broken."""
    try:
        return _decode((directory / f"{src}.ack").read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Acked()


def note_acked(directory: Path, src: str, reached: Acked, *, durable: bool = False) -> None:
    """Remember how far the source was handed over. Not `durable`: a power cut may forget it, never move it forward.

    Raises: `OSError`.
    """
    atomic_write(directory / f"{src}.ack", _encode(reached), durable=durable)


def delete_segments(directory: Path, src: str, *, before: int) -> int:
    """Delete the source's segments with a number below `before`, oldest first; answers how many. Raises: `OSError`."""
    done = [index for index in segments(directory, src) if index < before]
    for index in done:
        segment_path(directory, src, index).unlink(missing_ok=True)
    return len(done)


def delete_source(directory: Path, src: str) -> None:
    """Delete every file of a source that ended and was handed over; call it with the lock held. Raises: `OSError`."""
    delete_segments(directory, src, before=1 << 60)
    for ending in ("kept", "ack", "lock"):
        (directory / f"{src}.{ending}").unlink(missing_ok=True)
    sync_directory(directory)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Acked).decode
