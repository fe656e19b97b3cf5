"""Change one value inside a body and keep every other byte.

Bodies have passed `Dialect.read`: they are JSON objects with at most one top-level `model`. Must not re-serialise.
Next: `sse.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_STRING = rb'"(?:[^"\\]|\\.)*"'
_SPACE = rb"[ \t\r\n]*"
_MODEL = re.compile(rb'"model"' + _SPACE + rb":" + _SPACE + rb"(" + _STRING + rb")", re.DOTALL)
_OPTIONS = re.compile(rb'"stream_options"' + _SPACE + rb":" + _SPACE + rb"(?=[{n])")
_INCLUDE = re.compile(rb'"include_usage"' + _SPACE + rb":" + _SPACE + rb"(true|false|null)")
_TOKENS = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_QUOTE = ord(b'"')
_EDGE_BYTES = 4096
"""SDKs put small members before or behind the messages: looking there first spares a search of the whole body."""


class _AnyObject(msgspec.Struct):
    pass


_is_object = msgspec.json.Decoder(_AnyObject).decode


def spliced_model(body: bytes, model: str) -> bytes:
    """`body` with its top-level `model` replaced. Raises `ValueError` when it has none that is a plain string."""
    found = _top_level(body, b'"model"', _MODEL)
    if found is None:
        raise ValueError("the body has no top-level model")
    return body[: found.start(1)] + msgspec.json.encode(model) + body[found.end(1) :]


def with_stream_usage(body: bytes) -> bytes:
    """A Chat body that asks for the usage event: `stream_options.include_usage` true, all else as it was."""
    found = _top_level(body, b'"stream_options"', _OPTIONS)
    if found is None:
        start = body.index(b"{") + 1
        comma = b"" if body[start:].lstrip().startswith(b"}") else b","
        return body[:start] + b'"stream_options":{"include_usage":true}' + comma + body[start:]
    start, end = found.end(), _value_end(body, found.end())
    return body[:start] + _asking(body[start:end]) + body[end:]


def _asking(options: bytes) -> bytes:
    if options == b"null":
        return b'{"include_usage":true}'
    given = _top_level(options, b'"include_usage"', _INCLUDE)
    if given is not None:
        return options[: given.start(1)] + b"true" + options[given.end(1) :]
    comma = b"" if options[1:].lstrip().startswith(b"}") else b","
    return b'{"include_usage":true' + comma + options[1:]


def _top_level(body: bytes, key: bytes, member: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """The match of `member`, which starts with `key`, that stands directly in the outermost object."""
    for start in (body.find(key, 0, _EDGE_BYTES), body.rfind(key, max(len(body) - _EDGE_BYTES, 0))):
        found = _member_at(body, start, member)
        if found is not None and _at_top(body, start):
            return found
    tops = _top_level_strings(body) if key in body else ()
    return next((found for start in tops if (found := _member_at(body, start, member)) is not None), None)


def _member_at(body: bytes, start: int, member: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """A quote behind a backslash belongs to a string; any other quoted word before a colon is a key, at some depth."""
    if start < 0 or body[start - 1 : start] == b"\\":
        return None
    return member.match(body, start)


def _at_top(body: bytes, start: int) -> bool:
    """Is the key at `start` one of the outermost object? The shorter side must close on its own."""
    if start <= len(body) // 2:
        return _closes(body[:start] + b'"":0}')
    return _closes(b"{" + body[start:])


def _closes(text: bytes) -> bool:
    try:
        _is_object(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _top_level_strings(body: bytes) -> Iterator[int]:
    """Where strings start that stand directly in the outermost object. One pass; strings are skipped whole."""
    depth = 0
    for token in _TOKENS.finditer(body):
        first = body[token.start()]
        if first != _QUOTE:
            depth += 1 if first in b"{[" else -1
        elif depth == 1:
            yield token.start()


def _value_end(body: bytes, start: int) -> int:
    """Where the object or literal that starts at `start` ends."""
    if body[start : start + 4] == b"null":
        return start + 4
    depth = 0
    for token in _TOKENS.finditer(body, start):
        first = body[token.start()]
        if first != _QUOTE:
            depth += 1 if first in b"{[" else -1
            if depth == 0:
                return token.end()
    raise ValueError("the body has an unclosed stream_options")
