"""Processes, ports, the lock and the log of one machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from ccproxy_cli.journal import LOG_CAP_BYTES, Journal, rotate
from ccproxy_cli.lock import acquire
from ccproxy_cli.ports import free_port, holder, is_free, port_or_another
from ccproxy_cli.processes import Identity, alive, command_line, end, identity_of
from ccproxy_cli.screens import ago

SLEEP = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)",
)


def test_a_process_that_ignores_the_request_is_killed() -> None:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        identity = identity_of(process.pid)
        assert identity is not None
        assert command_line(process.pid) == SLEEP
        assert end(identity, grace_s=0.2)
        assert process.wait(5) == -9
    assert end(identity, grace_s=0.2)


def test_another_birth_is_another_process() -> None:
    here = identity_of(os.getpid())
    assert here is not None
    assert alive(here)
    assert not alive(Identity(here.pid, "1"))
    assert identity_of(2**22 + 1) is None
    assert command_line(2**22 + 1) == ()


def test_a_taken_port_is_seen_with_its_holder_and_another_one_is_offered() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert f"process {os.getpid()} (" in holder(port)
        assert port_or_another(port) != port
    assert is_free(free_port())
    assert holder(free_port()) == "another process"


def test_the_lock_is_given_back_when_its_holder_closes_it(tmp_path: Path) -> None:
    first = acquire(tmp_path / "lock")
    assert first is not None
    assert acquire(tmp_path / "lock") is None
    os.close(first)
    second = acquire(tmp_path / "lock")
    assert second is not None
    os.close(second)


def test_the_journal_counts_what_it_could_not_write(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "later" / "supervisor.log"
    journal = Journal(log, echo=said.append, now_s=lambda: 1_763_715_600.0)
    journal.write("one", "first")
    log.parent.mkdir()
    journal.write("two", "second", level="error")
    assert said == ["first", "second"]
    assert json.loads(log.read_text()) == {
        "ts": "2025-11-21T09:00:00.000+00:00",
        "level": "error",
        "process": "supervisor",
        "event": "two",
        "message": "second",
        "unwritten_lines": "1",
    }


def test_a_large_log_is_moved_aside(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    rotate(log)
    log.write_bytes(b"small")
    rotate(log)
    assert log.exists()
    os.truncate(log, LOG_CAP_BYTES + 1)
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "a.log.1").stat().st_size == LOG_CAP_BYTES + 1


def test_durations_are_shown_in_their_largest_unit() -> None:
    assert [ago(ms) for ms in (-5, 12_300, 300_000, 10_800_000, 172_800_000)] == ["0 s", "12 s", "5 min", "3 h", "2 d"]
