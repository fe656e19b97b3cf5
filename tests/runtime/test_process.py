"""How a process starts and ends: names, signals, parents; and its private files."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_runtime.atomic import atomic_write
from ccproxy_runtime.stopping import src_id, stop_event
from ccproxy_runtime.token import bearer_matches, read_token

CHILD = """
import sys, time
from ccproxy_runtime.stopping import exit_with_parent
exit_with_parent(int(sys.argv[1]))
print("up", flush=True)
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    for _ in range(500):
        if not alive(pid):
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the child outlived its parent by five seconds")


def test_a_child_whose_parent_is_gone_already_ends_whoever_took_it_over() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with subprocess.Popen([sys.executable, "-c", CHILD, str(gone.pid)], stdout=subprocess.PIPE) as adopted:
        assert adopted.wait(timeout=10) == -signal.SIGTERM


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a process namespace of its own")
def test_a_parent_that_is_process_1_is_a_parent() -> None:
    look = "assert os.getpid() == 1; time.sleep(0.3); print(child.poll(), flush=True)"
    first = PARENT.strip().removesuffix("time.sleep(60)") + look
    ran = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", first], capture_output=True, text=True
    )
    if "not permitted" in ran.stderr:
        pytest.skip("no process namespaces here")
    assert ran.stdout.split()[-1] == "None", ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_signal_sets_the_event(number: signal.Signals) -> None:
    loop = asyncio.get_running_loop()
    stop = stop_event(loop)
    try:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_source_name_is_a_uuid_of_version_7_that_sorts_by_time(first: int, second: int, random: bytes) -> None:
    one, other = src_id(first, random), src_id(second, random)
    assert UUID(one).version == 7
    assert UUID(one).variant == "specified in RFC 4122"
    assert UUID(one).int >> 80 == first
    assert (one < other) == (first < second)


def test_source_names_differ_by_their_random_part() -> None:
    assert src_id(1, b"a" * 10) != src_id(1, b"b" * 10)
    with pytest.raises(ValueError, match="10 random bytes"):
        src_id(1, b"short")


@pytest.mark.parametrize("header", ["Bearer tok", "bearer tok", "BEARER  tok"])
def test_the_right_token_matches(header: str) -> None:
    assert bearer_matches(header, b"tok")


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer to", "Bearer tokk", "tok", "Basic tok", "Bearer \udc80tok", "Bearer tök"],
)
def test_anything_else_does_not(header: str | None) -> None:
    assert not bearer_matches(header, b"tok")


def test_an_empty_token_opens_nothing() -> None:
    assert not bearer_matches("Bearer ", b"")


def test_a_token_file_is_private_and_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "ledger.token"
    with pytest.raises(OSError, match="No such file"):
        read_token(path)
    atomic_write(path, b" tok\n")
    assert read_token(path) == b"tok"
    path.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        read_token(path)
    atomic_write(path, b"\n")
    with pytest.raises(ValueError, match="empty"):
        read_token(path)


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    atomic_write(path, b"", mode=0o644, durable=False)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "x").write_bytes(b"")
    with pytest.raises(OSError, match="directory"):
        atomic_write(target, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
