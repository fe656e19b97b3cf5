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
  ccproxy logs --process ledger -n 200
  ccproxy logs --json | jq .event"""


@click.command(epilog=EPILOG)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
@click.option("--process", type=click.Choice(PROCESSES), help="Only this process.")
@click.option("--lines", "-n", type=click.IntRange(0, 100_000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they were written.")
def command(*, follow: bool, process: str | None, lines: int, as_json: bool) -> None:
    """Show what the processes wrote."""
    home = Home(settings().home)
    sources = {name: home.log(name) for name in ([process] if process else PROCESSES)}
    if not any(path.exists() for path in sources.values()):
        raise Failure(f"no logs in {home.logs}: ccproxy never ran there. Start it with `ccproxy start`.")
    tails = {name: Tail(path) for name, path in sources.items()}
    _show(tails, as_json=as_json, last=lines)
    if follow:
        _follow(tails, as_json=as_json)


def _follow(tails: dict[str, Tail], *, as_json: bool) -> None:
    try:
        while True:
            time.sleep(POLL_S)
            _show(tails, as_json=as_json)
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


def _show(tails: dict[str, Tail], *, as_json: bool, last: int | None = None) -> None:
    found = _timed([(_time(line), name, line) for name, tail in tails.items() for line in tail.lines()])
    for _at, name, line in found if last is None else found[len(found) - min(last, len(found)) :]:
        say(line if as_json else readable(name, line))


def readable(process: str, line: str) -> str:
    """A log line for people: time, process, level when it is not `info`, message or event, other fields."""
    fields = _fields(line)
    if not fields:
        return f"{'':8} {process:10} {line}"
    at, level = str(fields.pop("ts", ""))[11:19], str(fields.pop("level", "info"))
    event, _process = str(fields.pop("event", "")), fields.pop("process", "")
    words = [*([level.upper()] if level != "info" else []), str(fields.pop("message", event))]
    words += [f"{name}={value}" for name, value in fields.items()]
    return f"{at:8} {process:10} {' '.join(words)}"


def _timed(lines: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """In the order of time; a line without one (a traceback) stays behind the one before it."""
    keyed: list[tuple[str, str, str]] = []
    latest: dict[str, str] = {}
    for at, name, line in lines:
        latest[name] = at or latest.get(name, "")
        keyed.append((latest[name], name, line))
    return sorted(keyed, key=lambda entry: entry[0])


def _time(line: str) -> str:
    return str(_fields(line).get("ts", ""))


def _fields(line: str) -> dict[str, object]:
    """The fields of a JSON line; none of any other."""
    try:
        decoded = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}
