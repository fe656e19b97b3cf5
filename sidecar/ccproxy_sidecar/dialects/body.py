"""Decode a request body into a typed head, or say what is wrong with it without showing what is in it.

Strict where two readers could disagree (a second `model`, invalid UTF-8), lenient in fields we do not know. Must not
look at any dialect's own fields. Next: `request.py`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from ccproxy_sidecar.dialects.dialect import Malformed

NOTHING = msgspec.Raw(b"null")
_PIECE_BYTES = 1 << 16
CHECKED_BYTES = 1 << 18
"""Longer bodies, a coding agent's, are checked by the provider alone: the check would cost an eighth of the call, and
what we read of them is checked as it is read."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")

HeadT = TypeVar("HeadT")
PartT = TypeVar("PartT")


class ModelName(str):
    """A top-level `model`; refused when it is given twice."""

    __slots__ = ()


class StreamFlag(int):
    """A top-level `stream`; refused when it is given twice."""

    __slots__ = ()


def head_from_body(body: bytes, head: type[HeadT]) -> HeadT | Malformed:
    """Decode `body` as `head`; the message of a `Malformed` names the field, never its content."""
    if not body:
        return Malformed("the body is empty; send a JSON object")
    if len(body) <= CHECKED_BYTES and not body.isascii() and not _is_utf8(body):
        return Malformed("the body is not valid UTF-8")
    try:
        return msgspec.json.decode(body, type=head, dec_hook=_Once())
    except UnicodeDecodeError:  # in a string that is read here
        return Malformed("the body is not valid UTF-8")
    except msgspec.ValidationError as problem:
        return Malformed(_sentence(str(problem)))
    except msgspec.DecodeError as problem:
        return Malformed(f"the body is not valid JSON: {str(problem).removeprefix('JSON is malformed: ')}")
    except RecursionError:
        return Malformed("the body is nested too deeply")


def part(raw: msgspec.Raw | bytes, kind: type[PartT]) -> PartT | None:
    """A part of a body that was already found to be JSON; `None` when it is absent or of another type."""
    return None if raw is NOTHING else part_by(_decoder(kind), raw)


def _new_decoder(kind: Any) -> Callable[[msgspec.Raw | bytes], Any]:
    return msgspec.json.Decoder(kind).decode


_decoder: Callable[[Any], Callable[[msgspec.Raw | bytes], Any]] = cache(_new_decoder)
"""Made once per type: a decoder costs more than what it decodes."""


def part_by(decode: Callable[[msgspec.Raw | bytes], PartT], raw: msgspec.Raw | bytes) -> PartT | None:
    """`part` for a decoder of its own, such as one of a union."""
    try:
        return decode(raw)
    except (ValueError, RecursionError):
        return None


def text_map(raw: msgspec.Raw) -> dict[str, str]:
    """The strings and numbers of a JSON object as strings; empty for anything else."""
    members = part(raw, dict[str, Any]) or {}
    return {key: str(value) for key, value in members.items() if type(value) in (str, int, float)}


class _Once:
    """Builds the two guarded fields of one body and refuses a second occurrence."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: list[type] = []

    def __call__(self, kind: type, value: Any) -> ModelName | StreamFlag:
        if kind in self._seen:
            raise ValueError("given twice")
        self._seen.append(kind)
        if kind is ModelName:
            if type(value) is not str:
                raise ValueError("expected a string")
            return ModelName(value)
        if type(value) is not bool:
            raise ValueError("expected true or false")
        return StreamFlag(value)


def _is_utf8(body: bytes) -> bool:
    """Checks in pieces: a few letters outside ASCII would otherwise widen the whole text in memory."""
    view, at = memoryview(body), 0
    try:
        while at < len(body):
            last = at + _PIECE_BYTES >= len(body)
            at += codecs.utf_8_decode(view[at : at + _PIECE_BYTES], "strict", last)[1]
    except UnicodeDecodeError:
        return False
    return True


def _sentence(problem: str) -> str:
    """`Expected X, got Y - at $.a.b` as `a.b: expected X, got Y`."""
    found = _AT.match(problem)
    what, path = (found["what"], found["path"]) if found else (problem, None)
    missing = _MISSING.match(what)
    if missing:
        return f"{path + '.' if path else ''}{missing['field']}: required"
    what = what.replace("`", "")
    what = what[:1].lower() + what[1:]
    return f"{path}: {what}" if path else f"the body: {what}"
