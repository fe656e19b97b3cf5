"""Runs a command to its end and keeps what it said; a failure carries its own words.

Must not know what it runs. Next: `clusters.py`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class CommandFailed(AssertionError):
    """A command ended badly; caught by tests that provoke it."""


def run(*command: str | Path, stdin: str = "", env: Mapping[str, str] | None = None, timeout_s: float = 300) -> str:
    """The command's output. Raises `CommandFailed` with everything it said."""
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        text=True,
        env=None if env is None else dict(env),
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        words = " ".join(map(str, command))
        raise CommandFailed(f"{words}: exit status {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


def wait(what: str, ask: Callable[[], T | None], *, timeout_s: float = 60, poll_s: float = 0.25) -> T:
    """What `ask` answers as soon as it is neither false nor `None`. Raises `CommandFailed` after `timeout_s`.

    A command that fails meanwhile counts as no answer; the last complaint is part of the error.
    """
    deadline, last = time.monotonic() + timeout_s, ""
    while True:
        try:
            answer = ask()
        except CommandFailed as failed:
            answer, last = None, str(failed)
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise CommandFailed(f"waited {timeout_s:.0f} s for {what}; last: {answer!r} {last}")
        time.sleep(poll_s)
