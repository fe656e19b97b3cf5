"""Loopback ports: is one free, who holds it, which one may we take. Next: `lock.py`."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from ccproxy_cli.processes import PROC, command_line

LOOPBACK = "127.0.0.1"
_LISTENING = "0A"  # state column of /proc/net/tcp (proc(5))


def is_free(port: int) -> bool:
    """Could a server listen on this loopback port now?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def port_or_another(port: int) -> int:
    """`port` when it is free, else one the system chooses."""
    return port if is_free(port) else free_port()


def holder(port: int) -> str:
    """Who listens on `port`, in words (`process 12 (nginx -g …)`); `another process` when that cannot be seen."""
    inodes = _listening_inodes(port)
    for folder in PROC.glob("[0-9]*"):
        if inodes & _socket_inodes(folder):
            shown = " ".join(command_line(int(folder.name)))
            return f"process {folder.name} ({shown[:120]})"
    return "another process"


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in (PROC / "net" / "tcp", PROC / "net" / "tcp6"):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _socket_inodes(process: Path) -> set[str]:
    links = []
    with suppress(OSError):  # gone meanwhile, or somebody else's process
        for entry in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                links.append(str(entry.readlink()))
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
