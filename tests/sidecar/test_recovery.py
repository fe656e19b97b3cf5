"""What a kill left: every opened attempt ends in exactly one settle, however often recovery itself is killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_contract.events import UsageEvent, decode_event, encode_event
from ccproxy_contract.usage import NO_USAGE, Usage
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_reader import Record, read_from
from ccproxy_runtime.spool_source import BEGINNING, Acked, lock_source, note_acked, segment_path, segments
from ccproxy_sidecar.outbox import Outbox
from ccproxy_sidecar.recovery import Recovered, recover

SRC = "01932d5e-7b00-7000-8000-000000000001"


def opened(seq: int, call: str, attempt: int = 1) -> UsageEvent:
    return UsageEvent(
        src=SRC, seq=seq, kind="open", call=call, attempt=attempt, opened_ms=1_000 + seq, model="claude", tenant="t"
    )


def settled(seq: int, call: str, attempt: int = 1) -> UsageEvent:
    return UsageEvent(
        src=SRC,
        seq=seq,
        kind="settle",
        call=call,
        attempt=attempt,
        opened_ms=1_000,
        ended_ms=2_000 + seq,
        usage=Usage(output=3),
    )


def spooled(directory: Path, events: list[UsageEvent], segment_bytes: int = 1 << 20) -> None:
    spool = Spool(directory, src=SRC, cap_bytes=1 << 30, segment_bytes=segment_bytes)
    for event in events:
        assert spool.append(encode_event(event))
    spool.close()


def recovered(directory: Path) -> Recovered:
    lock = lock_source(directory, SRC)
    assert lock is not None
    try:
        return recover(directory, SRC, lock)
    finally:
        lock.release()


def events_of(directory: Path) -> list[UsageEvent]:
    found = read_from(directory, SRC, BEGINNING)
    return [decode_event(item.payload) for item in found if isinstance(item, Record)]


def test_an_open_attempt_is_settled_as_an_orphan_and_the_source_closed(tmp_path: Path) -> None:
    spooled(tmp_path, [opened(1, "a"), opened(2, "b"), settled(3, "a"), opened(4, "a", 2)])
    assert recovered(tmp_path) == Recovered(settled=2)
    *_, first, second, close = events_of(tmp_path)
    assert (first.seq, first.kind, first.call, first.attempt) == (5, "settle", "b", 1)
    assert (first.status, first.quality, first.error, first.usage) == ("interrupted", "orphan", "killed", NO_USAGE)
    assert (first.model, first.tenant, first.opened_ms, first.ended_ms) == ("claude", "t", 1_002, 2_003)
    assert (second.seq, second.call, second.attempt) == (6, "a", 2)
    assert (close.seq, close.kind, close.src) == (7, "close", SRC)


def test_recovering_again_changes_nothing(tmp_path: Path) -> None:
    spooled(tmp_path, [opened(1, "a")])
    recovered(tmp_path)
    before = events_of(tmp_path)
    assert recovered(tmp_path) == Recovered()
    assert events_of(tmp_path) == before


def test_a_source_without_open_attempts_is_only_closed(tmp_path: Path) -> None:
    spooled(tmp_path, [opened(1, "a"), settled(2, "a")])
    assert recovered(tmp_path).settled == 0
    assert [event.kind for event in events_of(tmp_path)] == ["open", "settle", "close"]


def test_nothing_is_written_into_an_empty_source(tmp_path: Path) -> None:
    assert recovered(tmp_path) == Recovered()
    assert segments(tmp_path, SRC) == []


def test_an_attempt_opened_in_a_segment_that_is_gone_is_settled_too(tmp_path: Path) -> None:
    filling = [event for n in range(2, 40, 2) for event in (opened(n, f"c{n}"), settled(n + 1, f"c{n}"))]
    spooled(tmp_path, [opened(1, "long"), *filling], segment_bytes=600)
    outbox = Outbox(tmp_path, SRC)
    last = max(segments(tmp_path, SRC))
    while outbox.position.segment < last and (batch := outbox.next_batch()) is not None:
        outbox.sent(batch, acked_seq=batch.items[-1].head.seq if batch.items[-1].head else 0)
    assert outbox.forgettable
    outbox.forget()
    assert segments(tmp_path, SRC) == [last]
    assert recovered(tmp_path).settled == 1
    orphan, close = events_of(tmp_path)[-2:]
    assert (orphan.call, orphan.quality, orphan.seq) == ("long", "orphan", 40)
    assert close.seq == 41


def test_an_unfinished_record_at_the_end_hides_nothing(tmp_path: Path) -> None:
    spooled(tmp_path, [opened(1, "a"), settled(2, "a")])
    path = segment_path(tmp_path, SRC, 1)
    path.write_bytes(path.read_bytes()[:-5])
    found = recovered(tmp_path)
    assert found == Recovered(settled=1, damaged=0)
    assert [(event.seq, event.kind, event.quality) for event in events_of(tmp_path)] == [
        (1, "open", "exact"),
        (2, "settle", "orphan"),
        (3, "close", "exact"),
    ]


def test_a_number_that_the_ledger_has_is_never_given_again(tmp_path: Path) -> None:
    spooled(tmp_path, [opened(1, "a"), opened(2, "b")])
    note_acked(tmp_path, SRC, Acked(1, 0, seq=9))
    recovered(tmp_path)
    assert [event.seq for event in events_of(tmp_path)] == [1, 2, 10, 11, 12]


def test_a_record_that_is_no_event_stops_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, src=SRC, cap_bytes=1 << 30)
    for payload in (b"{}", b"\xff", encode_event(opened(1, "a")), b'{"src":"x","seq":2,"kind":"open","usage":7}'):
        assert spool.append(payload)
    spool.close()
    assert recovered(tmp_path).settled == 1


KILLED_AT = """
import os, sys
from pathlib import Path
from ccproxy_runtime.spool import Spool
from ccproxy_runtime.spool_source import lock_source
from ccproxy_sidecar.recovery import recover
directory, src, allowed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
append = Spool.append
def some(self, payload):
    global allowed
    if allowed == 0:
        os.kill(os.getpid(), 9)
    allowed -= 1
    return append(self, payload)
Spool.append = some
recover(directory, src, lock_source(directory, src))
"""


def test_a_real_kill_during_recovery_is_recovered_from(tmp_path: Path) -> None:
    spooled(tmp_path, [opened(n, f"c{n}") for n in range(1, 6)])
    for allowed in (0, 2, 1):
        done = subprocess.run([sys.executable, "-c", KILLED_AT, str(tmp_path), SRC, str(allowed)], check=False)
        assert done.returncode == -9
    assert recovered(tmp_path).settled == 2
    assert_each_attempt_ends_once(events_of(tmp_path))


def assert_each_attempt_ends_once(events: list[UsageEvent]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    opens = Counter((event.call, event.attempt) for event in events if event.kind == "open")
    settles = Counter((event.call, event.attempt) for event in events if event.kind == "settle")
    assert opens == settles
    assert [event.kind for event in events].count("close") == 1
    assert events[-1].kind == "close"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_kill_of_writer_and_recovery_leaves_each_attempt_with_one_end(data: st.DataObject) -> None:
    """A kill is a cut of the newest segment: of the writer's, then of what each recovery wrote."""
    events: list[UsageEvent] = []
    running: list[str] = []
    coin, which = st.booleans(), st.integers(0, 99)
    for seq in range(1, data.draw(st.integers(1, 14)) + 1):
        ends = data.draw(coin)
        if running and ends:
            events.append(settled(seq, running.pop(data.draw(which) % len(running))))
        else:
            running.append(f"c{seq}")
            events.append(opened(seq, running[-1]))
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        spooled(directory, events, segment_bytes=data.draw(st.sampled_from([200, 700, 1 << 20])))
        for _ in range(data.draw(st.integers(0, 4))):
            path = segment_path(directory, SRC, max(segments(directory, SRC)))
            path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, path.stat().st_size))])
            assert recovered(directory).complete
        recovered(directory)
        if found := events_of(directory):
            assert_each_attempt_ends_once(found)
