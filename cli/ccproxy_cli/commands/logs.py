"""`ccproxy logs`: the lines of the processes, those of several in the order of their times. Next: `run.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from ccproxy_cli.exits import Failure
from ccproxy_cli.home import Home
from ccproxy_cli.settings import settings
from ccproxy_cli.terminal import say

PROCESSES = ("supervisor", "sidecar", "ledger")
POLL_S = 0.2
TAIL_BYTES = 1024 * 1024

EPILOG = """\b
Examples:
  ccproxy logs                          the last lines of all processes
  ccproxy logs -f                       and what comes, until Ctrl-C
  ccproxy logs --process ledger -n 200"""


@click.command(epilog=EPILOG)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
@click.option("--process", type=click.Choice(PROCESSES), help="Only this process.")
@click.option("--lines", "-n", type=click.IntRange(0, 100_000), default=50, show_default=True, help="How many.")
def command(*, follow: bool, process: str | None, lines: int) -> None:
    """Show what the processes wrote."""
    home = Home(settings().home)
    sources = {name: home.log(name) for name in ([process] if process else PROCESSES)}
    if not any(path.exists() for path in sources.values()):
        raise Failure(f"no logs in {home.logs}: ccproxy never ran there. Start it with `ccproxy start`.")
    tails = {name: Tail(path) for name, path in sources.items()}
    _show(tails, last=lines)
    if follow:
        _follow(tails)


def _follow(tails: dict[str, Tail]) -> None:
    try:
        while True:
            time.sleep(POLL_S)
            _show(tails)
    except KeyboardInterrupt:  # how following ends
        return


class Tail:
    """The complete lines of a growing file; starts again when the file is replaced by a shorter one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = max(0, path.stat().st_size - TAIL_BYTES) if path.exists() else 0

    def lines(self) -> Iterator[str]:
        """What was completed since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            if self._path.stat().st_size < self._offset:
                self._offset = 0
            yield from self._complete(file)

    def _complete(self, file: BinaryIO) -> Iterator[str]:
        file.seek(self._offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            self._offset += len(line)
            yield line.decode(errors="replace").rstrip("\n")


def _show(tails: dict[str, Tail], *, last: int | None = None) -> None:
    found = [(_time(line), name, line) for name, tail in tails.items() for line in tail.lines()]
    found = _timed(found)
    width = max(map(len, tails))
    for _at, name, line in found if last is None else found[len(found) - min(last, len(found)) :]:
        say(f"{name:{width}}  {line}")


def _timed(lines: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """In the order of time; a line without one (a traceback) stays behind the one before it."""
    keyed: list[tuple[str, str, str]] = []
    latest: dict[str, str] = {}
    for at, name, line in lines:
        latest[name] = at or latest.get(name, "")
        keyed.append((latest[name], name, line))
    return sorted(keyed, key=lambda entry: entry[0])


def _time(line: str) -> str:
    try:
        decoded = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return ""
    return str(decoded.get("ts", "")) if isinstance(decoded, dict) else ""
