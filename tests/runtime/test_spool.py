"""The writing end of the spool: what is taken stays, what is refused leaves no trace."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ccproxy_runtime.frames import MAX_RECORD_BYTES
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_reader import Damage, Record, read_from
from ccproxy_runtime.spool_source import (
    BEGINNING,
    Acked,
    acked,
    delete_segments,
    delete_source,
    lock_source,
    note_acked,
    segment_path,
    segments,
    sources,
    used_bytes,
)

CAP = 1 << 30


def payloads(directory: Path, src: str) -> list[bytes]:
    found = list(read_from(directory, src, BEGINNING))
    assert not [item for item in found if isinstance(item, Damage)]
    return [item.payload for item in found if isinstance(item, Record)]


@asynccontextmanager
async def syncing(spool: Spool) -> AsyncIterator[None]:
    task = asyncio.create_task(spool.sync_loop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP)
    sent = [bytes([65 + i]) * (i + 1) for i in range(50)]
    assert all(spool.append(payload) for payload in sent)
    assert payloads(tmp_path, "a") == sent
    spool.close()


def test_making_a_spool_touches_no_disk(tmp_path: Path) -> None:
    Spool(tmp_path / "not" / "there", src="a", cap_bytes=CAP).close()
    assert list(tmp_path.iterdir()) == []


def test_segments_turn_at_their_size_and_files_are_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", src="a", cap_bytes=CAP, segment_bytes=100)
    sent = [b"x" * 40 for _ in range(10)]
    assert all(spool.append(payload) for payload in sent)
    assert segments(tmp_path / "spool", "a") == [1, 2, 3, 4]
    assert payloads(tmp_path / "spool", "a") == sent
    for path in (tmp_path / "spool").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    spool.close()


def test_an_empty_or_oversized_payload_is_the_callers_mistake(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP)
    for wrong in (b"", b"x" * (MAX_RECORD_BYTES + 1)):
        with pytest.raises(ValueError, match="bytes"):
            spool.append(wrong)
    spool.close()


def test_the_cap_holds_for_all_sources_together_and_room_comes_back(tmp_path: Path) -> None:
    old = Spool(tmp_path, src="a", cap_bytes=CAP, segment_bytes=100)
    while used_bytes(tmp_path) < 600:
        assert old.append(b"x" * 42)
    old.close()
    spool = Spool(tmp_path, src="b", cap_bytes=1000)
    while spool.append(b"y" * 42):
        pass
    assert used_bytes(tmp_path) <= 1000
    assert spool.refused == 1
    assert len(payloads(tmp_path, "b")) == spool.appended > 0
    delete_segments(tmp_path, "a", before=3)
    spool.measure()
    assert spool.append(b"y" * 42)
    spool.close()


async def test_flushed_waits_for_the_disk_and_marks_what_is_synced(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP, sync_every_s=0.001, segment_bytes=64)
    async with syncing(spool):
        for _ in range(20):
            assert spool.append(b"x" * 50)
        assert await spool.flushed()
        assert spool.synced == spool.end
        assert await spool.flushed()
        waiting = []
        for _ in range(5):
            assert spool.append(b"y")
            waiting.append(asyncio.create_task(spool.flushed()))
            await asyncio.sleep(0)
        assert await asyncio.gather(*waiting) == [True] * 5
    spool.close()


async def test_the_loop_syncs_a_last_time_when_it_is_cancelled(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP, sync_every_s=60.0)
    async with syncing(spool):
        assert spool.append(b"x")
        waiting = asyncio.create_task(spool.flushed())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    assert await waiting
    assert spool.synced == spool.end
    spool.close()


async def test_a_disk_that_does_not_confirm_is_told_to_who_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP, sync_every_s=0.001)
    assert spool.append(b"x")
    reading, writing = os.pipe()  # a pipe cannot be synced: the kernel answers EINVAL
    assert spool._segment is not None
    os.dup2(writing, spool._segment.handle)
    async with syncing(spool):
        assert not await spool.flushed()
        assert not await spool.flushed()
        assert spool.sync_failures == 1
        assert spool.append(b"y"), "a new segment takes over"
        assert await spool.flushed()
    spool.close()
    os.close(reading)
    os.close(writing)
    assert payloads(tmp_path, "a") == [b"x", b"y"]


def test_two_live_processes_never_write_or_ship_one_source(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP)
    assert spool.append(b"x")
    assert lock_source(tmp_path, "a") is None
    assert not Spool(tmp_path, src="a", cap_bytes=CAP).append(b"z")
    spool.close()
    lock = lock_source(tmp_path, "a")
    assert lock is not None
    again = Spool(tmp_path, src="a", cap_bytes=CAP, lock=lock)
    assert again.append(b"y")
    again.close()
    assert lock_source(tmp_path, "a") is None, "who lent the lock still has it"
    lock.release()
    assert payloads(tmp_path, "a") == [b"x", b"y"]


def test_a_source_that_goes_on_never_writes_before_what_was_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP, segment_bytes=10)
    for _ in range(3):
        assert spool.append(b"xxxx")
    note_acked(tmp_path, "a", Acked(*spool.end, seq=3))
    spool.close()
    delete_segments(tmp_path, "a", before=99)
    again = Spool(tmp_path, src="a", cap_bytes=CAP)
    assert again.append(b"next")
    again.close()
    reached = acked(tmp_path, "a")
    assert reached.seq == 3
    assert [item.payload for item in read_from(tmp_path, "a", reached.position) if isinstance(item, Record)] == [
        b"next"
    ]


def test_a_broken_note_means_the_beginning(tmp_path: Path) -> None:
    for broken in (b"", b"{", b'{"segment":"x"}', b"\xff"):
        (tmp_path / "a.ack").write_bytes(broken)
        assert acked(tmp_path, "a") == Acked()


def test_sources_are_told_by_start_and_a_deleted_one_leaves_nothing(tmp_path: Path) -> None:
    names = ["0193-a", "0193-b", "0194-a"]
    for src in reversed(names):
        spool = Spool(tmp_path, src=src, cap_bytes=CAP)
        assert spool.append(b"x")
        spool.close()
        note_acked(tmp_path, src, Acked(1, 9, 1))
    (tmp_path / "rejected").mkdir()
    (tmp_path / ".x.ack.7.new").write_bytes(b"")
    assert sources(tmp_path) == names
    for src in names:
        delete_source(tmp_path, src)
    assert sources(tmp_path) == []
    assert sources(tmp_path / "missing") == []


LIMITED = """
import resource, sys
from pathlib import Path
from ccproxy_runtime.spool import Spool
spool = Spool(Path(sys.argv[1]), src="a", cap_bytes=1 << 30)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
taken = []
for number in range(60):
    payload = b"%04d" % number + b"x" * (number % 50)
    if spool.append(payload):
        taken.append(number)
    if number == 50:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(*taken)
spool.close()
"""


def test_a_write_that_stops_half_way_leaves_no_torn_record(tmp_path: Path) -> None:
    """A real half write: the kernel takes the bytes up to the file size limit and refuses the rest."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    taken = [int(number) for number in done.stdout.split()]
    assert [int(payload[:4]) for payload in payloads(tmp_path, "a")] == taken
    assert 10 < len(taken) <= 60
    sizes = [segment_path(tmp_path, "a", index).stat().st_size for index in segments(tmp_path, "a")]
    assert len(sizes) > 1, "a segment that refuses for another reason than a full disk is left"


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small disk here (needs root); the half-write test covers the same code")
    return folder


@pytest.mark.parametrize("mapped", [True, False])
def test_a_full_disk_refuses_then_takes_again_and_loses_nothing(small_disk: Path, mapped: bool) -> None:
    ballast = small_disk / "ballast"
    try:
        ballast.write_bytes(b"b" * 40_000)
        spool = Spool(small_disk / "spool", src="a", cap_bytes=CAP)
        spool._may_map = mapped
        sent = [b"%05d" % number + b"x" * 395 for number in range(200)]
        first = [payload for payload in sent if spool.append(payload)]
        assert 0 < len(first) < 100
        assert spool.refused == len(sent) - len(first)
        ballast.unlink()
        then = [payload for payload in sent[:20] if spool.append(payload)]
        assert len(then) == 20
        assert payloads(small_disk / "spool", "a") == first + then
        spool.close()
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)


def test_no_room_for_even_the_folder_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    spool = Spool(tmp_path / "file" / "spool", src="a", cap_bytes=CAP)
    assert not spool.append(b"x")
    (tmp_path / "file").unlink()
    assert not spool.append(b"x"), "a new segment is not tried for each record"
    assert spool.refused == 2
    spool.measure()
    assert spool.append(b"x")
    spool.close()


WRITER = """
import sys
from pathlib import Path
from ccproxy_runtime.spool import Spool
spool = Spool(Path(sys.argv[1]), src=sys.argv[2], cap_bytes=1 << 30, segment_bytes=1 << 16)
number = 0
while True:
    number += 1
    if spool.append(b"%09d" % number + b"x" * (number * 7919 % 900)):
        sys.stdout.buffer.write(b"%d\\n" % number)
        sys.stdout.buffer.flush()
"""


def test_kill_9_loses_no_record_that_was_taken(tmp_path: Path) -> None:
    for turn in range(12):
        src = f"start{turn:03d}"
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path), src], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            seen = 0
            while seen < 200 + 37 * turn:
                seen = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split(b"\n")
            told = [int(line) for line in rest[:-1] if line]
        numbers = [int(payload[:9]) for payload in payloads(tmp_path, src)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= max([seen, *told])
        lock = lock_source(tmp_path, src)
        assert lock is not None, "a dead process holds no source"
        lock.release()
