"""What can be told to go wrong, and the plan that says when. Times in seconds, sizes in bytes of the answer's body.

A fault is written `name=value;name=value`, in the header `x-fake-fault` of a request or in a plan:

    status=529  retry_after=2  message=TEXT  should_retry=false   an error in the API's own shape
    reset                          the connection is reset before any byte of the answer
    reset;after=N | reset;events=N     ... after N bytes | in the middle of the event after N whole ones
    cut;after=N | cut;events=N     the answer ends early, as if it were complete (a whole body: short of its length)
    garbage;after=N | garbage;events=N     bytes of no format, then the end
    silence;after=N | silence;events=N     nothing more, for ever, with the connection open
    error_event;events=N  status=529   a stream breaks with the dialect's own error event after N events
    slow_first=S  slow_chunk=S     waits before the status line | before every further frame
    split=N                        frames are re-cut into writes of N bytes
    encoding=gzip|deflate          the body is compressed without being asked
    content_type=text/html         a wrong type
    huge=N                         blanks that make the body at least N bytes (a stream: comments)
    no_usage                       every `usage` member is left out

Must not send anything (`delivery.py` does). Next: `records.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

FAULT_HEADER = "x-fake-fault"
FOREVER = -1


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to fail; the fields are the words of the module's list. Counts of -1: not asked."""

    status: int = 0
    retry_after: str = ""
    message: str = ""
    should_retry: str = ""
    reset: bool = False
    cut: bool = False
    garbage: bool = False
    silence: bool = False
    error_event: bool = False
    no_usage: bool = False
    after: int = -1
    events: int = -1
    slow_first: float = 0.0
    slow_chunk: float = 0.0
    split: int = 0
    encoding: str = ""
    content_type: str = ""
    huge: int = 0

    @property
    def ends(self) -> bool:
        """Does it stop the answer short?"""
        return self.reset or self.cut or self.garbage or self.silence or self.error_event


NO_FAULT = Fault()


def fault(text: str) -> Fault:
    """Read `status=529;retry_after=2`. Raises `ValueError` for a word that is not in the list."""
    words: dict[str, Any] = {}
    for word in filter(None, (part.strip() for part in text.split(";"))):
        name, given, value = word.partition("=")
        words[name.strip()] = value.strip() if given else True
    return msgspec.convert(words, Fault, strict=False)


class Planned(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault for requests that match: `path`, `model` and `key` are searched as regular expressions."""

    fault: str
    times: int = 1
    """How many requests it befalls; -1: all."""
    skip: int = 0
    """So many matching requests pass unharmed before."""
    path: str = ""
    model: str = ""
    key: str = ""
    headers: dict[str, str] = {}
    """Lower-case header name to regular expression; all must be found."""


class Plan:
    """Faults in order: the first entry that matches and is not used up befalls a request."""

    def __init__(self) -> None:
        self._entries: list[Planned] = []

    def replace(self, entries: list[Planned]) -> None:
        """Raises `ValueError` when a fault is not readable; then nothing changes."""
        for entry in entries:
            fault(entry.fault)
        self._entries = [msgspec.structs.replace(entry) for entry in entries]

    def befalls(self, *, path: str, model: str, headers: Mapping[str, str], key: str) -> Fault:
        """The fault of this request: its own header first, else the plan's."""
        own = headers.get(FAULT_HEADER, "")
        if own:
            return fault(own)
        for entry in self._entries:
            if entry.times == 0 or not _matches(entry, path=path, model=model, headers=headers, key=key):
                continue
            if entry.skip > 0:
                entry.skip -= 1
                continue
            if entry.times > 0:
                entry.times -= 1
            return fault(entry.fault)
        return NO_FAULT


def _matches(entry: Planned, *, path: str, model: str, headers: Mapping[str, str], key: str) -> bool:
    asked = [(entry.path, path), (entry.model, model), (entry.key, key)]
    asked += [(pattern, headers.get(name, "")) for name, pattern in entry.headers.items()]
    return all(re.search(pattern, value) for pattern, value in asked)
