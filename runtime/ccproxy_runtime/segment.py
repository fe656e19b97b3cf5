"""The segment file that is being written: mapped into memory where that is safe, else by plain writes.

A copy into a mapped page costs a fraction of a write call and outlives a kill just the same. Room is allocated before
it is mapped, so a full disk is an error of `grow` and never a fault in `put`. The rest of a segment's room is zeros,
which readers take as its end; `finish` cuts it off. Must not know sources or caps. Next: `spool_source.py`.
"""

from __future__ import annotations

import errno
import os
from mmap import ALLOCATIONGRANULARITY, mmap
from pathlib import Path
from typing import Protocol

from ccproxy_runtime.frames import HEAD

STEP_BYTES = 1024 * 1024
"""Room is taken and mapped in steps: an idle process takes this much disk, and its memory grows by no more."""
FULL = (errno.ENOSPC, errno.EDQUOT)
_BLOCK_BYTES = 4096
_CREATE = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_RELIABLE = frozenset({b"ext4", b"xfs", b"tmpfs"})
"""Where allocated room can be rewritten on a full disk. Others copy on write (btrfs, zfs) or are remote: a fault there
would end the process."""


class Segment(Protocol):
    """One open segment. `size` is the room it takes in the file, `end` where its last record ends."""

    handle: int
    size: int
    broken: bool
    """No more can be written to it."""

    @property
    def end(self) -> int: ...

    def put(self, head: bytes, payload: bytes) -> bool:
        """Write a record within the room there is; False leaves nothing of the record."""

    def grow(self, record_bytes: int, *, room_bytes: int, until: int) -> None:
        """Take room for a record and, when `room_bytes` allows, for what may follow up to about offset `until`."""

    def finish(self) -> None:
        """Cut off the room that was not used; the handle stays open."""


def new_segment(path: Path, *, mapped: bool) -> Segment:
    """Create the file of an empty segment. Raises: `OSError`."""
    handle = os.open(path, _CREATE, 0o600)
    return MappedSegment(handle) if mapped else PlainSegment(handle)


def can_map(directory: Path) -> bool:
    """Whether the file system of `directory` is one where a mapped, allocated page can always be written."""
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return False  # not Linux
    here = os.fsencode(directory.resolve()).rstrip(b"/") + b"/"
    kind, longest = b"", 0
    for mount in mounts:
        place, _, source = mount.partition(b" - ")
        root = place.split(b" ")[4].decode("unicode_escape").encode("latin-1").rstrip(b"/") + b"/"
        if here.startswith(root) and len(root) >= longest:
            kind, longest = source.split(b" ")[0], len(root)
    return kind in _RELIABLE


class MappedSegment:
    """A segment whose last step of room is mapped."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.size = 0
        self.broken = False
        self._window: mmap | None = None
        self._base = 0
        self._at = 0
        """Where the next record goes, from `_base`, the window's place in the file."""
        self._limit = 0

    @property
    def end(self) -> int:
        """Where the last record ends."""
        return self._base + self._at

    def put(self, head: bytes, payload: bytes) -> bool:
        """Copy the record behind the last one; False when the window has no room for it.

        The head comes last: until it is there, also after a kill in between, readers see the end of the segment.
        """
        start = self._at + HEAD.size
        end = start + len(payload)
        if end > self._limit or self._window is None:
            return False
        self._window[start:end] = payload
        self._window[self._at : start] = head
        self._at = end
        return True

    def grow(self, record_bytes: int, *, room_bytes: int, until: int) -> None:
        """Allocate and map the next step; a nearly full disk gives single blocks, `broken` says it gave an error."""
        least = self.end + record_bytes + HEAD.size  # the zeros behind the last record say that it is the last one
        most = self.size + room_bytes
        step = max(least, min(self.end + STEP_BYTES, until + record_bytes + HEAD.size))
        block = -(-least // _BLOCK_BYTES) * _BLOCK_BYTES
        for wanted in (step, block):
            if least <= most and not self.broken and self._allocated(min(wanted, most)):
                self._map()
                return

    def finish(self) -> None:
        """Cut off the room that was not used. A failure costs room only: the rest reads as the segment's end."""
        end = self.end
        if self._window is not None:
            self._window.close()
            self._window = None
        self.broken = True
        try:
            os.ftruncate(self.handle, end)
        except OSError:
            return
        self.size = end

    def _allocated(self, size: int) -> bool:
        try:
            if size > self.size:
                os.posix_fallocate(self.handle, self.size, size - self.size)
                self.size = size
        except OSError as error:
            self.broken = error.errno not in FULL
            return False  # a part that it may have got is counted by the next measure and taken again by the next step
        return True

    def _map(self) -> None:
        end = self.end
        base = end // ALLOCATIONGRANULARITY * ALLOCATIONGRANULARITY
        try:
            window = mmap(self.handle, self.size - base, offset=base)
        except OSError:
            self.broken = True
            return
        if self._window is not None:
            self._window.close()
        self._window, self._base, self._at = window, base, end - base
        self._limit = self.size - base - HEAD.size


class PlainSegment:
    """A segment that is written call by call."""

    def __init__(self, handle: int, end: int = 0) -> None:
        self.handle = handle
        self.size = end
        self.end = end
        self.broken = False

    def put(self, head: bytes, payload: bytes) -> bool:
        """Write the record behind the last one; False when it has no room or the disk refuses."""
        record = head + payload
        if self.end + len(record) > self.size:
            return False
        try:
            done = os.write(self.handle, record)
            while done < len(record):
                done += os.write(self.handle, record[done:])
        except OSError as error:
            self._cut_back(error.errno)
            return False
        self.end += done
        return True

    def grow(self, record_bytes: int, *, room_bytes: int, until: int) -> None:  # noqa: ARG002 (takes no room ahead)
        """Grant the record its room."""
        if self.end + record_bytes <= self.size + room_bytes:
            self.size = max(self.size, self.end + record_bytes)

    def finish(self) -> None:
        """Nothing was taken ahead."""
        self.broken = True
        self.size = self.end

    def _cut_back(self, reason: int | None) -> None:
        """Remove the piece of a record that a failed write left; a segment that cannot be mended is left for a new one.

        (A piece that stays at the end of a segment hides nothing: readers go on with the next segment.)
        """
        self.size = self.end
        try:
            os.ftruncate(self.handle, self.end)
        except OSError:
            self.broken = True
            return
        self.broken = reason not in FULL and self.end > 0
