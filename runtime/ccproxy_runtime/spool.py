"""Writes records to disk so that neither a kill nor a full disk loses or tears one that was taken.

One writer per source; records are CRC-framed in append-only segments. `append` is a plain write, which outlives the
process; the sync loop makes it outlive a power cut. Must not know what a record means. Next: `spool_source.py`.
"""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import NamedTuple

from ccproxy_runtime.atomic import sync_directory
from ccproxy_runtime.frames import framed
from ccproxy_runtime.spool_source import (
    BEGINNING,
    PRIVATE_FOLDER,
    Position,
    SourceLock,
    acked,
    lock_source,
    segment_path,
    segments,
    used_bytes,
)

SEGMENT_BYTES = 16 * 1024 * 1024
SYNC_EVERY_S = 0.02
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NEW_SEGMENT = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Spool:
    """The writing end of one source. Making one touches no disk, the first `append` does.

    `appended` and `refused` count records; `sync_failures` groups of records that the disk did not confirm.
    """

    def __init__(
        self,
        directory: Path,
        *,
        src: str,
        cap_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        sync_every_s: float = SYNC_EVERY_S,
        lock: SourceLock | None = None,
    ) -> None:
        """`cap_bytes` bounds all sources of the folder together; `lock` is the source's, when the caller holds it."""
        self.directory = directory
        self.src = src
        self.appended = 0
        self.refused = 0
        self.sync_failures = 0
        self.used_bytes = 0
        """Segments of all sources in the folder; never less than what is there."""
        self.end = BEGINNING
        self.synced = BEGINNING
        """Where the last sync reached: records before it may be handed on."""
        self._cap_bytes = cap_bytes
        self._segment_bytes = segment_bytes
        self._sync_every_s = sync_every_s
        self._lock, self._owns_lock = lock, lock is None
        self._handle = -1
        self._retired: list[int] = []
        self._no_new_segment = False
        self._new_names = False
        self._confirmed = True
        self._dirty = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []

    def append(self, payload: bytes) -> bool:
        """Write one record; False when the cap is reached or the disk refuses, and then nothing of it is kept.

        Raises: `ValueError` for an empty payload or one over `frames.MAX_RECORD_BYTES`.
        """
        record = framed(payload)
        if (self._handle < 0 or self.end.offset >= self._segment_bytes) and not self._no_new_segment:
            self._turn_page()
        if self.used_bytes + len(record) > self._cap_bytes or not self._written(record):
            self.refused += 1
            self._dirty.set()  # the next sync measures how much room there is
            return False
        self.appended += 1
        if not self._dirty.is_set():
            self._dirty.set()
        return True

    async def sync_loop(self) -> None:
        """Until cancelled: hand what was appended to the disk, one group each `sync_every_s`; then a last time."""
        try:
            while True:
                await self._dirty.wait()
                await asyncio.sleep(self._sync_every_s)
                group = self._next_group()
                confirmed = await asyncio.to_thread(_to_disk, group.handles, group.new_names_in)
                self._finish(group, confirmed)
        finally:
            self._sync_now()

    async def flushed(self) -> bool:
        """Wait until everything appended so far is on disk; False when the disk did not confirm it.

        Needs a running `sync_loop`; call it right after `append`, without another `await` between.
        """
        if self.end == self.synced:
            return self._confirmed
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._dirty.set()
        return await done

    def close(self) -> None:
        """Sync, close the segment and give the source's lock back; a later `append` would start a new segment."""
        self._retire()
        self._sync_now()
        if self._lock is not None and self._owns_lock:
            self._lock.release()
            self._lock = None

    def _written(self, record: bytes) -> bool:
        if self._handle < 0:
            return False
        try:
            done = os.write(self._handle, record)
            while done < len(record):
                done += os.write(self._handle, record[done:])
        except OSError as error:
            self._cut_back(error.errno)
            return False
        segment, offset = self.end
        self.end = Position(segment, offset + done)
        self.used_bytes += done
        return True

    def _cut_back(self, reason: int | None) -> None:
        """Remove the piece of a record that a failed write left; a segment that cannot be mended is left for a new one.

        (A piece that stays at the end of a segment hides nothing: readers go on with the next segment.)
        """
        try:
            os.ftruncate(self._handle, self.end.offset)
        except OSError:
            self._retire()
            return
        if reason not in _FULL and self.end.offset > 0:
            self._retire()

    def _turn_page(self) -> None:
        """Go on in a new segment; when that fails, `append` refuses until the next `measure`."""
        self._retire()
        self._no_new_segment = True
        try:
            self.directory.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            if self._lock is None and (taken := lock_source(self.directory, self.src)) is not None:
                self._lock = taken
            if self._lock is None:
                return
            self.used_bytes = used_bytes(self.directory)
            newest = max(segments(self.directory, self.src), default=0)
            index = max(newest, acked(self.directory, self.src).segment) + 1
            self._handle = os.open(segment_path(self.directory, self.src, index), _NEW_SEGMENT, 0o600)
        except OSError:
            return
        self.end = Position(index, 0)
        self._new_names = True
        self._no_new_segment = False

    def _retire(self) -> None:
        if self._handle >= 0:
            self._retired.append(self._handle)
            self._handle = -1

    def _next_group(self) -> _Group:
        self._dirty.clear()
        handles = [handle for handle in (*self._retired, self._handle) if handle >= 0]
        directory = self.directory if self._new_names else None
        return _Group(handles, directory, self.end, retired=len(self._retired), waiting=len(self._waiting))

    def _finish(self, group: _Group, confirmed: bool) -> None:
        self.synced, self._confirmed = group.end, confirmed
        for handle in self._retired[: group.retired]:
            os.close(handle)
        for done in self._waiting[: group.waiting]:
            if not done.done():
                done.set_result(confirmed)
        del self._retired[: group.retired], self._waiting[: group.waiting]
        self._new_names = self._new_names and (group.new_names_in is None or not confirmed)
        if not confirmed:
            self.sync_failures += 1
            self._give_up(group.end.segment)
        self.measure()

    def _give_up(self, segment: int) -> None:
        """Write no more to a segment whose sync failed: the kernel may have dropped what it held of it."""
        if self._handle >= 0 and self.end.segment == segment:
            os.close(self._handle)
            self._handle = -1

    def _sync_now(self) -> None:
        group = self._next_group()
        self._finish(group, _to_disk(group.handles, group.new_names_in))

    def measure(self) -> None:
        """Look again how much room there is; the sync loop does it too. For who has just deleted segments."""
        self._no_new_segment = False
        try:
            self.used_bytes = used_bytes(self.directory)
        except OSError:
            return  # the last measure and what was written since still bound it


class _Group(NamedTuple):
    """What one sync covers: everything before `end`, in the `retired` oldest handles and the present one."""

    handles: list[int]
    new_names_in: Path | None
    end: Position
    retired: int
    waiting: int


def _to_disk(handles: list[int], new_names_in: Path | None) -> bool:
    """False when the disk did not confirm all of it."""
    try:
        for handle in handles:
            os.fdatasync(handle)
        if new_names_in is not None:
            sync_directory(new_names_in)
    except OSError:
        return False
    return True
