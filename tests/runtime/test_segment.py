"""The mapped segment under kills, full disks and readers beside it; children do the writing, so a fault would show."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ccproxy_runtime.frames import framed, head_for
from ccproxy_runtime.segment import STEP_BYTES, PlainSegment, can_map, new_segment
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_reader import Damage, Record, read_from
from ccproxy_runtime.spool_source import (
    BEGINNING,
    delete_segments,
    lock_source,
    segment_path,
    segments,
    used_bytes,
)

CAP = 1 << 30


def payloads(directory: Path) -> list[bytes]:
    return [item.payload for item in read_from(directory, "a", BEGINNING) if isinstance(item, Record)]


def damages(directory: Path) -> list[Damage]:
    return [item for item in read_from(directory, "a", BEGINNING) if isinstance(item, Damage)]


def blocks_bytes(directory: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in directory.glob("*.seg"))


def test_an_idle_process_takes_one_step_of_disk_and_gives_it_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP)
    assert spool.append(b"x" * 100)
    assert spool.used_bytes == used_bytes(tmp_path) <= STEP_BYTES + 200
    assert blocks_bytes(tmp_path) >= STEP_BYTES, "room is allocated before it is mapped"
    spool.close()
    assert segment_path(tmp_path, "a", 1).stat().st_size == 108 == spool.used_bytes == spool.end.offset


def test_a_record_may_cross_steps_and_pages(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src="a", cap_bytes=CAP, segment_bytes=5 << 20)
    sent = [bytes([number % 255 + 1]) * size for number, size in enumerate([5000] * 400 + [3 << 20, 1, 4 << 20, 7])]
    assert all(spool.append(payload) for payload in sent)
    assert payloads(tmp_path) == sent
    assert len(segments(tmp_path, "a")) == 2
    spool.close()
    assert payloads(tmp_path) == sent


@pytest.mark.parametrize("mapped", [True, False])
def test_both_ways_of_writing_give_the_same_file(tmp_path: Path, mapped: bool) -> None:
    segment = new_segment(tmp_path / "x.seg", mapped=mapped)
    for payload in (b"one", b"two"):
        assert not segment.put(head_for(payload), payload)
        segment.grow(11, room_bytes=11 if isinstance(segment, PlainSegment) else 19, until=0)
        assert segment.put(head_for(payload), payload)
    segment.finish()
    os.close(segment.handle)
    assert (tmp_path / "x.seg").read_bytes() == framed(b"one") + framed(b"two")
    assert segment.size == segment.end == 22


def test_a_disk_that_may_copy_on_write_is_not_mapped(tmp_path: Path) -> None:
    assert not can_map(Path("/proc"))
    assert can_map(tmp_path) == can_map(tmp_path / "not" / "there")


@pytest.mark.parametrize("segment_bytes", [100, 4096, 1 << 24])
def test_the_cap_bounds_what_the_disk_gives_at_every_moment(tmp_path: Path, segment_bytes: int) -> None:
    cap, block = 300_000, 4096
    spool = Spool(tmp_path, src="a", cap_bytes=cap, segment_bytes=segment_bytes)
    taken = 0
    while spool.append(b"x" * 900):
        taken += 1
        if taken % 20 == 0:
            assert spool.used_bytes == used_bytes(tmp_path) <= cap
            assert blocks_bytes(tmp_path) <= cap + block * len(segments(tmp_path, "a"))
    assert taken * 908 > cap * 0.9
    delete_segments(tmp_path, "a", before=spool.end.segment)
    spool.measure()
    if segment_bytes < cap:
        assert spool.append(b"y" * 900), "room comes back"
    spool.close()
    assert used_bytes(tmp_path) == spool.used_bytes <= cap


WRITER = """
import random, sys
from pathlib import Path
from ccproxy_runtime.frames import framed, head_for
from ccproxy_runtime.segment import MappedSegment
from ccproxy_runtime.spool import Spool
directory, seed, mapped = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "mapped"
spool = Spool(directory, src="a", cap_bytes=1 << 30, segment_bytes=1 << 20)
spool._may_map = None if mapped else False
chance, number = random.Random(seed), 0
filling = b"x" * 200_000
while number < 20_000:
    number += 1
    size = chance.choice((10, 600, 600, 5_000, 200_000 if number % 8 == 0 else 600))
    if not spool.append(b"%09d" % number + filling[:size] + b"}"):
        sys.exit(3)
    assert isinstance(spool._segment, MappedSegment) == mapped
    sys.stdout.buffer.write(b"%d\\n" % number)
    sys.stdout.buffer.flush()
"""


def writer(directory: Path, seed: int, *, mapped: bool) -> subprocess.Popen[bytes]:
    how = "mapped" if mapped else "plain"
    command = [sys.executable, "-c", WRITER, str(directory), str(seed), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.mark.parametrize("mapped", [True, False])
def test_kill_9_at_any_moment_loses_no_record_that_was_taken(tmp_path: Path, mapped: bool) -> None:
    if mapped and not can_map(tmp_path):
        pytest.skip("this disk is not one that is mapped")
    chance = random.Random(7)
    for turn in range(8):
        directory = tmp_path / str(turn)
        with writer(directory, turn, mapped=mapped) as child:
            assert child.stdout is not None
            child.stdout.readline()
            killer = threading.Timer(chance.uniform(0, 0.03), child.send_signal, (signal.SIGKILL,))
            killer.start()
            told = child.stdout.read().count(b"\n") + 1
            killer.join()
        assert child.returncode == -signal.SIGKILL
        numbers = [int(payload[:9]) for payload in payloads(directory)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= told - 1, "the last line may be half written"
        assert damages(directory) == []
        goes_on(directory, len(numbers), mapped=mapped)


def goes_on(directory: Path, before: int, *, mapped: bool) -> None:
    """The dead source takes more, in a new segment."""
    lock = lock_source(directory, "a")
    assert lock is not None
    spool = Spool(directory, src="a", cap_bytes=CAP, lock=lock)
    assert spool.append(b"next")
    spool.close()
    lock.release()
    after = payloads(directory)
    assert (len(after), after[-1]) == (before + 1, b"next")
    assert not mapped or damages(directory) == []


def test_another_process_reads_while_the_writer_writes(tmp_path: Path) -> None:
    with writer(tmp_path, 1, mapped=can_map(tmp_path)) as child:
        assert child.stdout is not None
        child.stdout.readline()
        drain = threading.Thread(target=child.stdout.read)
        drain.start()
        position, numbers = BEGINNING, []
        deadline_s = time.monotonic() + 1.5
        while time.monotonic() < deadline_s and child.poll() is None:
            for found in read_from(tmp_path, "a", position):
                assert isinstance(found, Record)
                position = found.end
                numbers.append(int(found.payload[:9]))
        child.kill()
        drain.join()
    assert len(numbers) > 50
    assert all(after == before + 1 for before, after in pairwise(numbers))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small disk here (needs root)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


ON_A_FULL_DISK = """
import sys
from pathlib import Path
from ccproxy_runtime.frames import framed, head_for
from ccproxy_runtime.segment import MappedSegment
from ccproxy_runtime.spool import Spool
folder, segment_bytes = Path(sys.argv[1]), int(sys.argv[2])
ballast = folder / "ballast"
def fill():
    with ballast.open("ab", buffering=0) as file:
        try:
            while file.write(b"b" * 4096):
                pass
        except OSError:
            return
spool = Spool(folder / "spool", src="a", cap_bytes=1 << 30, segment_bytes=segment_bytes)
taken, number = [], 0
def write(count):
    global number
    done = 0
    for _ in range(count):
        number += 1
        if spool.append(b"%06d" % number + b"x" * 900):
            taken.append(number)
            done += 1
    return done
assert write(10) == 10
assert isinstance(spool._segment, MappedSegment)
fill()                        # the disk fills up in the middle of a segment: what was allocated can be written
in_allocated = write(3000)
assert 0 < in_allocated < 3000, in_allocated
assert write(50) == 0
assert spool.refused == 3050 - in_allocated
ballast.unlink()
assert write(500) == 500
fill()
write(3000)
spool.measure()
assert write(1) == 0
print(*taken)
"""


@pytest.mark.parametrize("segment_bytes", [20_000, 16 << 20])
def test_a_disk_that_fills_up_is_a_refusal_and_never_a_fault(small_disk: Path, segment_bytes: int) -> None:
    """Small segments meet the full disk when a page is turned, large ones when a segment grows."""
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(small_disk), str(segment_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    taken = [int(number) for number in done.stdout.split()]
    assert [int(payload[:6]) for payload in payloads(small_disk / "spool")] == taken
    assert damages(small_disk / "spool") == []


def test_what_gives_no_room_breaks_the_segment_and_takes_nothing(tmp_path: Path) -> None:
    segment = new_segment(tmp_path / "x.seg", mapped=True)
    os.close(segment.handle)
    reading, segment.handle = os.pipe()  # allocates nothing
    segment.grow(11, room_bytes=100, until=0)
    assert segment.broken
    assert not segment.put(head_for(b"one"), b"one")
    os.close(reading)
    os.close(segment.handle)


LIMITED = """
import resource, sys
from pathlib import Path
from ccproxy_runtime.segment import PlainSegment
from ccproxy_runtime.spool import Spool
spool = Spool(Path(sys.argv[1]), src="a", cap_bytes=1 << 30)
assert spool.append(b"first")
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 21, resource.RLIM_INFINITY))
assert spool.append(b"B" * 1_500_000)
assert spool.append(b"C" * 590_000)
assert isinstance(spool._segment, PlainSegment)
assert spool.append(b"last")
spool.close()
"""


def test_a_segment_that_cannot_grow_goes_on_by_plain_writes_and_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert payloads(tmp_path) == [b"first", b"B" * 1_500_000, b"C" * 590_000, b"last"]
    assert segments(tmp_path, "a") == [1]
