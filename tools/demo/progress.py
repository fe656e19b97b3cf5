"""One line that says what the demo is doing; only on a terminal does it overwrite itself. Next: `agent.py`."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts calls and shows where the session is."""

    def __init__(self) -> None:
        self.calls = 0
        self._started_s = time.monotonic()
        self._phase = ""

    def phase(self, name: str) -> None:
        self._phase = name
        if not sys.stderr.isatty():
            print(f"{self._seconds():5.1f} s  {name}", file=sys.stderr, flush=True)
        self._show()

    def call(self) -> None:
        """One more call goes out."""
        self.calls += 1
        self._show()

    def done(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _show(self) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{self._seconds():5.1f} s  {self.calls:3d} calls  {self._phase}", end="", file=sys.stderr)
            sys.stderr.flush()

    def _seconds(self) -> float:
        return time.monotonic() - self._started_s
