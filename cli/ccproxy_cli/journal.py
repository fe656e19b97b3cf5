"""The supervisor's own log: JSON lines in logs/supervisor.log, the same as sentences on a terminal when one watches.

Must not take anything but names, numbers and sentences of ours: no key, no environment. Next: `supervision/plan.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

LOG_CAP_BYTES = 10 * 1024 * 1024


def rotate(log: Path) -> None:
    """Move a log over 10 MiB aside, to one older file; called while nobody writes to it."""
    if log.exists() and log.stat().st_size > LOG_CAP_BYTES:
        log.replace(log.with_suffix(".log.1"))


class Journal:
    """Appends what the supervisor does. `echo` also gets each sentence; `now_s` is Unix time in seconds."""

    def __init__(
        self, log: Path, *, echo: Callable[[str], None] | None = None, now_s: Callable[[], float] = time.time
    ) -> None:
        self._log = log
        self._echo = echo
        self._now_s = now_s
        self._unwritten_lines = 0

    def write(self, event: str, sentence: str, *, level: str = "info", aloud: bool = True) -> None:
        """One line. A full disk stops no supervisor: lines that could not be written are counted in the next one.

        `aloud=False` keeps it from the terminal, where something else says the same.
        """
        at = datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="milliseconds")
        line = {"ts": at, "level": level, "process": "supervisor", "event": event, "message": sentence}
        if self._unwritten_lines:
            line["unwritten_lines"] = str(self._unwritten_lines)
        try:
            with self._log.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
            self._unwritten_lines = 0
        except OSError:
            self._unwritten_lines += 1
        if self._echo and aloud:
            self._echo(sentence)
