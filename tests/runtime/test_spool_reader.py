"""The reading end of the spool, under cuts and flipped bits."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_runtime import spool_reader
from ccproxy_runtime.frames import HEAD, Broken, Frame, framed, next_frame
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_reader import Damage, Record, read_from
from ccproxy_runtime.spool_source import BEGINNING, Position, segment_path, segments

RECORDS = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=12)


def written(directory: Path, payloads: list[bytes], segment_bytes: int = 1 << 20) -> None:
    spool = Spool(directory, src="a", cap_bytes=1 << 30, segment_bytes=segment_bytes)
    for payload in payloads:
        assert spool.append(payload)
    spool.close()


@settings(max_examples=80, deadline=None)
@given(payloads=RECORDS, data=st.data())
def test_any_cut_of_the_tail_loses_only_unfinished_records(payloads: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        written(directory, payloads)
        path = segment_path(directory, "a", 1)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        expected, size = [], 0
        for payload in payloads:
            size += len(framed(payload))
            if size <= cut:
                expected.append(payload)
        found = list(read_from(directory, "a", BEGINNING))
        assert [item.payload for item in found if isinstance(item, Record)] == expected
        assert not [item for item in found if isinstance(item, Damage)]


@settings(max_examples=120, deadline=None)
@given(payloads=RECORDS, data=st.data())
def test_a_flipped_bit_never_yields_a_wrong_record(payloads: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        written(directory, payloads, segment_bytes=150)
        index = data.draw(st.sampled_from(segments(directory, "a")))
        path = segment_path(directory, "a", index)
        content = bytearray(path.read_bytes())
        bit = data.draw(st.integers(0, len(content) * 8 - 1))
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        found = [item.payload for item in read_from(directory, "a", BEGINNING) if isinstance(item, Record)]
        rest = iter(payloads)
        assert all(payload in rest for payload in found), "records keep their order and their bytes"
        assert len(found) < len(payloads)
        untouched = [p for i in segments(directory, "a") if i != index for p in of_segment(directory, i)]
        assert [p for p in untouched if p not in found] == []


def of_segment(directory: Path, index: int) -> list[bytes]:
    content, start, payloads = segment_path(directory, "a", index).read_bytes(), 0, []
    while isinstance(found := next_frame(content, start), Frame):
        payloads.append(found.payload)
        start = found.end
    return payloads


def test_a_flip_within_one_record_costs_that_record_alone(tmp_path: Path) -> None:
    written(tmp_path, [b"first", b"second", b"third"])
    path = segment_path(tmp_path, "a", 1)
    path.write_bytes(path.read_bytes().replace(b"second", b"sEcond"))
    found = list(read_from(tmp_path, "a", BEGINNING))
    assert [item.payload for item in found if isinstance(item, Record)] == [b"first", b"third"]
    assert [item for item in found if isinstance(item, Damage)] == [Damage(Position(1, 13), Position(1, 27))]


def test_a_broken_length_costs_the_rest_of_its_segment_and_no_more(tmp_path: Path) -> None:
    written(tmp_path, [b"a" * 30, b"b" * 30, b"c" * 30], segment_bytes=70)
    assert segments(tmp_path, "a") == [1, 2]
    path = segment_path(tmp_path, "a", 1)
    path.write_bytes(b"\xff\xff\xff\xff" + path.read_bytes()[4:])
    found = list(read_from(tmp_path, "a", BEGINNING))
    assert [type(item) for item in found] == [Damage, Record]
    assert found[1] == Record(b"c" * 30, Position(2, 38))


def test_a_record_cut_in_an_older_segment_is_damage_and_the_next_segment_is_read(tmp_path: Path) -> None:
    written(tmp_path, [b"a" * 30, b"b" * 30, b"c" * 30], segment_bytes=70)
    path = segment_path(tmp_path, "a", 1)
    path.write_bytes(path.read_bytes()[:-3])
    assert [type(item) for item in read_from(tmp_path, "a", BEGINNING)] == [Record, Damage, Record]


def add(directory: Path, index: int, content: bytes) -> None:
    with segment_path(directory, "a", index).open("ab") as file:
        file.write(content)


def test_room_that_was_never_used_is_the_end_of_any_segment(tmp_path: Path) -> None:
    written(tmp_path, [b"a" * 30, b"b" * 30, b"c" * 30], segment_bytes=70)
    add(tmp_path, 1, bytes(2 << 20))
    add(tmp_path, 2, bytes(4096))
    found = list(read_from(tmp_path, "a", BEGINNING))
    assert [item.payload for item in found if isinstance(item, Record)] == [b"a" * 30, b"b" * 30, b"c" * 30]
    assert len(found) == 3
    assert list(read_from(tmp_path, "a", found[-1].end)) == []


def test_nothing_behind_a_missing_head_is_read(tmp_path: Path) -> None:
    """A power cut can lose one page and keep the next: of what was never synced, a beginning is left."""
    written(tmp_path, [b"first"])
    add(tmp_path, 1, bytes(4096) + framed(b"second") + bytes(4096))
    add(tmp_path, 2, framed(b"third"))
    found = list(read_from(tmp_path, "a", BEGINNING))
    assert [item.payload for item in found if isinstance(item, Record)] == [b"first", b"third"]
    assert len(found) == 2


def test_zeros_before_a_known_end_are_damage(tmp_path: Path) -> None:
    written(tmp_path, [b"first"])
    add(tmp_path, 1, bytes(4096))
    found = list(read_from(tmp_path, "a", BEGINNING, stop=Position(1, 100)))
    assert found == [Record(b"first", Position(1, 13)), Damage(Position(1, 13), Position(1, 100))]


def test_a_flip_before_unused_room_costs_that_record_alone(tmp_path: Path) -> None:
    for damaged in (b"second", b"third"):
        path = segment_path(tmp_path, "a", 1)
        path.unlink(missing_ok=True)
        written(tmp_path, [b"first", b"second", b"third"])
        path.write_bytes(path.read_bytes().replace(damaged, damaged.upper()) + bytes(3 << 20))
        found = list(read_from(tmp_path, "a", BEGINNING))
        kept = [item.payload for item in found if isinstance(item, Record)]
        assert kept == [payload for payload in (b"first", b"second", b"third") if payload != damaged]
        assert len(found) == 3


@settings(max_examples=60, deadline=None)
@given(payloads=RECORDS, last=st.binary(min_size=1, max_size=60), data=st.data())
def test_a_copy_that_a_kill_cut_short_hides_nothing(payloads: list[bytes], last: bytes, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        written(directory, payloads)
        record = framed(last)
        copied = data.draw(st.sets(st.integers(HEAD.size, len(record) - 1)))
        add(directory, 1, bytes(byte if at in copied else 0 for at, byte in enumerate(record)) + bytes(500))
        found = list(read_from(directory, "a", BEGINNING))
        assert [item.payload for item in found if isinstance(item, Record)] == payloads
        assert len(found) == len(payloads), "nobody was told that the record was taken"
        written(directory, [b"next"])
        (after,) = read_from(directory, "a", found[-1].end)
        assert isinstance(after, Record)
        assert after.payload == b"next"


def test_reading_goes_on_from_any_record_and_stops_where_it_is_told(tmp_path: Path) -> None:
    payloads = [b"%03d" % number for number in range(40)]
    written(tmp_path, payloads, segment_bytes=64)
    ends = [item.end for item in read_from(tmp_path, "a", BEGINNING)]
    for number, end in enumerate(ends):
        assert [item.payload for item in read_from(tmp_path, "a", end) if isinstance(item, Record)] == payloads[
            number + 1 :
        ]
        stopped = read_from(tmp_path, "a", BEGINNING, stop=end)
        assert [item.payload for item in stopped if isinstance(item, Record)] == payloads[: number + 1]


def test_a_record_that_is_still_being_written_is_read_later(tmp_path: Path) -> None:
    written(tmp_path, [b"first"])
    path, record = segment_path(tmp_path, "a", 1), framed(b"second")
    with path.open("ab") as file:
        file.write(record[:9])
    (first,) = read_from(tmp_path, "a", BEGINNING)
    with path.open("ab") as file:
        file.write(record[9:])
    assert [item.payload for item in read_from(tmp_path, "a", first.end) if isinstance(item, Record)] == [b"second"]


def test_records_larger_than_a_window_and_windows_full_of_records_are_read(tmp_path: Path) -> None:
    large = b"L" * (spool_reader._WINDOW_BYTES * 2)
    payloads = [b"x" * 1000] * 2500 + [large, b"y", large, b"z" * 1_000_000, b"end"]
    written(tmp_path, payloads, segment_bytes=64 << 20)
    found = [item.payload for item in read_from(tmp_path, "a", BEGINNING) if isinstance(item, Record)]
    assert found == payloads
    path = segment_path(tmp_path, "a", 1)
    content = bytearray(path.read_bytes())
    content[2500 * 1008 + 100_000] ^= 1
    path.write_bytes(content)
    kinds = [type(item) for item in read_from(tmp_path, "a", BEGINNING)]
    assert kinds == [Record] * 2500 + [Damage] + [Record] * 4


def test_a_frame_says_what_lies_at_a_place() -> None:
    two = framed(b"one") + framed(b"two")
    assert next_frame(two, 0) == Frame(b"one", 11)
    assert next_frame(two, 11) == Frame(b"two", 22)
    assert next_frame(two, 22) is None
    assert next_frame(two[:10], 0) is None
    assert next_frame(b"\xff" * 20, 0) == Broken(0, None)
