"""One JSON line per event on stderr, redacted: no key, no prompt text. Also takes what libraries log.

Fields are scalars; anything else is shown as the name of its type. Equal events of one logger are written once a
second, with the number of those left out. Must not be used on the hot path. Next: `redaction.py`.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from ccproxy_runtime.redaction import redacted

Scalar = str | int | float | bool | None
Level = Literal["debug", "info", "warning", "error"]

MAX_FIELD_CHARS = 500
MAX_FOREIGN_CHARS = 200
"""Of a library's message only the first line is written, this long: the rest may quote what a client sent."""
REPEAT_S = 1.0
MAX_REMEMBERED = 500
"""Distinct events whose repeats are watched; past that the memory starts anew."""
LIBRARIES = ("aiohttp", "asyncio", "asyncpg")

_encode = msgspec.json.Encoder().encode


class Logger:
    """A named source of log events; one that was never configured writes warnings and errors as plain lines."""

    __slots__ = ("_log",)

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def debug(self, event: str, **fields: Scalar) -> None:
        """Write `event` for those who look for a fault."""
        self._emit(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Scalar) -> None:
        """Write `event` as a part of normal life."""
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Scalar) -> None:
        """Write `event` that somebody may have to look at."""
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Scalar) -> None:
        """Write `event` that somebody has to look at."""
        self._emit(logging.ERROR, event, fields)

    def _emit(self, level: int, event: str, fields: dict[str, Scalar]) -> None:
        if self._log.isEnabledFor(level):
            self._log.log(level, event, extra={"fields": fields})


def logger(name: str) -> Logger:
    """The logger of one module or part, such as `shipping`."""
    return Logger(name)


def configure_logging(process: str, level: Level | str) -> None:
    """Send everything that this process logs to stderr as JSON lines, from `level` up.

    Libraries are heard from `warning` up. Raises: `ValueError` for a level that does not exist.
    """
    root = logging.getLogger()
    root.setLevel(level.upper())
    handler = JsonLines(process, write=_to_stderr, clock=time.time)
    root.handlers[:] = [handler]
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


class JsonLines(logging.Handler):
    """Writes records as redacted JSON lines; `clock` answers Unix seconds."""

    def __init__(self, process: str, *, write: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        super().__init__()
        self._process = process
        self._write = write
        self._clock = clock
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, unless it repeats within a second."""
        now_s = self._clock()
        left_out = self._repeats.left_out_before((record.name, str(record.msg)), now_s)
        if left_out is None:
            return
        try:
            self._write(_encode(_line(record, process=self._process, now_s=now_s, left_out=left_out)) + b"\n")
        except OSError:
            self._repeats.unwritten += 1


class Repeats:
    """Remembers when an event was last written; `unwritten` counts lines that stderr did not take."""

    def __init__(self) -> None:
        self.unwritten = 0
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def left_out_before(self, event: tuple[str, str], now_s: float) -> int | None:
        """How many equal events were left out since the last one written; None when this one is left out too."""
        last_s, left_out = self._last.get(event, (-REPEAT_S, 0))
        if 0 <= now_s - last_s < REPEAT_S:
            self._last[event] = (last_s, left_out + 1)
            return None
        if len(self._last) >= MAX_REMEMBERED:
            self._last.clear()
        self._last[event] = (now_s, 0)
        return left_out


def _line(record: logging.LogRecord, *, process: str, now_s: float, left_out: int) -> dict[str, Scalar]:
    fields: object = record.__dict__.get("fields")
    line: dict[str, Scalar] = {
        "ts": datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "process": process,
        "logger": record.name,
    }
    if isinstance(fields, dict):
        line["event"] = redacted(str(record.msg))
        line |= {f"{key}_" if key in line else str(key): _scalar(value) for key, value in fields.items()}
    else:
        line["event"] = _foreign(record)
    if record.exc_info and record.exc_info[0]:
        line["exception"] = _exception(record.exc_info[1])
    if left_out:
        line["suppressed"] = left_out
    return line


def _foreign(record: logging.LogRecord) -> str:
    first, _, _ = record.getMessage().partition("\n")
    return redacted(first)[:MAX_FOREIGN_CHARS]


def _exception(error: BaseException | None) -> str:
    """Type and place, without the message: that may quote what a client sent."""
    place = error.__traceback__ if error is not None else None
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place is not None else ""
    return f"{type(error).__name__}{where}"


def _scalar(value: object) -> Scalar:
    if isinstance(value, str):
        return redacted(value)[:MAX_FIELD_CHARS]
    if value is None or isinstance(value, bool | int | float):
        return value
    return type(value).__name__


def _to_stderr(line: bytes) -> None:
    os.write(sys.stderr.fileno(), line)
