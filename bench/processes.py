"""Processes under test: start, stop, and what their whole tree costs in CPU and memory (from /proc).

Next: `targets.py`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Memory(msgspec.Struct, frozen=True):
    """Megabytes (2^20 bytes) of a process tree. RSS counts shared pages in full, PSS by their share."""

    rss_mb: float
    pss_mb: float


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        text = _read(stat)
        fields = text[text.rfind(")") + 2 :].split()
        if fields:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def cpu_ns(pid: int) -> int:
    """CPU time of the tree's living threads, to the nanosecond."""
    files = (file for process in tree(pid) for file in _PROC.glob(f"{process}/task/*/schedstat"))
    return sum(int(text.split()[0]) for text in map(_read, files) if text)


def memory(pid: int) -> Memory:
    rss = pss = 0
    for process in tree(pid):
        for line in _read(_PROC / str(process) / "smaps_rollup").splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1])
            elif line.startswith("Pss:"):
                pss += int(line.split()[1])
    return Memory(rss_mb=round(rss / 1024, 1), pss_mb=round(pss / 1024, 1))


def machine_busy_s() -> float:
    """Seconds that all cores together have been busy since boot."""
    ticks = [int(value) for value in _read(_PROC / "stat").split("\n", 1)[0].split()[1:9]]
    idle, iowait = ticks[3], ticks[4]
    return (sum(ticks) - idle - iowait) / _TICKS_PER_S


def _read(path: Path) -> str:
    """The file's text; empty when its process has ended meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""


def refuse_taken_ports(ports: Iterable[int]) -> None:
    """Raises `SystemExit` naming the first port that somebody already answers on."""
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise SystemExit(f"port {port} is taken: a gateway or provider of an earlier run still listens")


def start_provider(program: Path, port: int, *options: str, core: str) -> subprocess.Popen[bytes]:
    """Starts the fake provider and waits until it listens."""
    process = subprocess.Popen(["taskset", "-c", core, str(program), str(port), *options])
    wait_for_port(port, process)
    return process


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout_s: float = 90) -> None:
    """Raises `RuntimeError` when the process ends first, `TimeoutError` when it does not listen in time."""
    give_up = time.monotonic() + timeout_s
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"ended with status {process.returncode} before it listened on port {port}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"port {port} was not opened within {timeout_s:.0f} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole tree: politely, after 5 seconds by force."""
    family = tree(process.pid) if process.poll() is None else []
    for pid in reversed(family):
        _signal(pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    for pid in family:
        if pid != process.pid or process.poll() is None:
            _signal(pid, signal.SIGKILL)
    process.wait()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
