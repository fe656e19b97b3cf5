"""Writes records to disk so that neither a kill nor a full disk loses or tears one that was taken.

One writer per source; records are CRC-framed in append-only segments. What `append` took outlives the process;
the sync loop makes it outlive a power cut. Must not know what a record means. Next: `segment.py`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from ccproxy_runtime.atomic import sync_directory
from ccproxy_runtime.frames import head_for
from ccproxy_runtime.segment import MappedSegment, PlainSegment, Segment, can_map, new_segment
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
        self.synced = BEGINNING
        """Where the last sync reached: records before it may be handed on."""
        self._cap_bytes = cap_bytes
        self._segment_bytes = segment_bytes
        self._sync_every_s = sync_every_s
        self._lock, self._owns_lock = lock, lock is None
        self._segment: Segment | None = None
        self._end = BEGINNING
        self._may_map: bool | None = None
        self._retired: list[int] = []
        self._no_new_segment = False
        self._new_names = False
        self._confirmed = True
        self._dirty = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []

    @property
    def end(self) -> Position:
        """Where the next record goes."""
        return self._end if self._segment is None else Position(self._end.segment, self._segment.end)

    def append(self, payload: bytes) -> bool:
        """Write one record; False when the cap is reached or the disk refuses, and then nothing of it is kept.

        Raises: `ValueError` for an empty payload or one over `frames.MAX_RECORD_BYTES`.
        """
        head, segment = head_for(payload), self._segment
        if (segment is None or not segment.put(head, payload)) and not self._put_in_new_room(head, payload):
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

    def _put_in_new_room(self, head: bytes, payload: bytes) -> bool:
        if (self._segment is None or self._segment.end >= self._segment_bytes) and not self._no_new_segment:
            self._turn_page()
        if self._put_grown(head, payload):
            return True
        if self._segment is None or not self._segment.broken:
            return False
        return self._go_on_plainly() and self._put_grown(head, payload)

    def _put_grown(self, head: bytes, payload: bytes) -> bool:
        segment = self._segment
        if segment is None:
            return False
        before = segment.size
        record_bytes, room_bytes = len(head) + len(payload), self._cap_bytes - self.used_bytes
        segment.grow(record_bytes, room_bytes=room_bytes, until=self._segment_bytes)
        self.used_bytes += segment.size - before
        return segment.put(head, payload)

    def _go_on_plainly(self) -> bool:
        """Map no more after the system refused to; False when the segment itself is no good and was left."""
        segment, self._may_map = self._segment, False
        if isinstance(segment, MappedSegment):
            segment.finish()
            if segment.size == segment.end:
                self._segment = PlainSegment(segment.handle, segment.end)
                return True
        self._retire()
        return False

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
            if self._may_map is None:
                self._may_map = can_map(self.directory)
            self._segment = new_segment(segment_path(self.directory, self.src, index), mapped=self._may_map)
        except OSError:
            return
        self._end = Position(index, 0)
        self._new_names = True
        self._no_new_segment = False

    def _retire(self) -> None:
        segment, self._end = self._segment, self.end
        if segment is not None:
            size = segment.size
            segment.finish()
            self.used_bytes += segment.size - size
            self._retired.append(segment.handle)
            self._segment = None

    def _next_group(self) -> _Group:
        self._dirty.clear()
        handles = [*self._retired, *([self._segment.handle] if self._segment is not None else ())]
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
        if self._segment is not None and self.end.segment == segment:
            self._retire()
            os.close(self._retired.pop())

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
