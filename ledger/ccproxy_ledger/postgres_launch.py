"""Started as a script between the ledger and a Postgres program: die with the ledger, do not be root, then exec.

Usage: `python -I -S postgres_launch.py PARENT_PID MODE PROGRAM ARGS...`. Postgres refuses uid 0, so a ledger that runs
as root picks a MODE: `self` changes nothing; `userns` enters a user namespace in which root's files belong to `nobody`
(no other uid exists there); `uid:N` becomes uid N and keeps only the right to walk through root's folders. Neither adds
a user nor touches a folder of the user's. Must stay free of imports from ccproxy: it runs without site packages.
Next: `postgres_binaries.py`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from pathlib import Path

CANNOT = 77
"""Exit status when the mode does not work on this machine."""

NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


def main(argv: list[str]) -> None:
    """Become the program that `argv` names; ends with `CANNOT` when that is not possible as asked."""
    parent, mode, program = int(argv[1]), argv[2], argv[3:]
    try:
        change_identity(mode)
        if sys.platform == "linux":
            die_with(parent)
    except OSError as problem:
        print(f"cannot run Postgres as {mode}: {problem}", file=sys.stderr)  # noqa: T201 - read by the ledger
        sys.exit(CANNOT)
    os.execv(program[0], program)


def change_identity(mode: str) -> None:
    """Become who Postgres shall run as. Raises `OSError` when this machine does not allow it."""
    if mode == "userns":
        enter_user_namespace()
    elif mode.startswith("uid:"):
        become(int(mode[4:]))


def enter_user_namespace() -> None:
    """Go where root's files belong to `nobody`. Raises `OSError` when the kernel or a container forbids it."""
    _check(_libc().unshare(_CLONE_NEWUSER))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} 0 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} 0 1")


def become(uid: int) -> None:
    """Drop to `uid`, keeping the two capabilities that let it reach files below folders closed to it."""
    libc = _libc()
    _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kept = (1 << _CAP_DAC_OVERRIDE) | (1 << _CAP_DAC_READ_SEARCH)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    _check(libc.capset(header, struct.pack("<6I", kept, kept, kept, 0, 0, 0)))
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def die_with(parent: int) -> None:
    """Ask for a fast shutdown when `parent` ends; the kernel forgets this on a change of identity, so call it last."""
    _check(_libc().prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0))
    if os.getppid() != parent:
        sys.exit(CANNOT)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv)
