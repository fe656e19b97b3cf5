"""Change one value inside a body and keep every other byte.

Bodies have passed `Dialect.read`: they are JSON objects with at most one top-level `model`. Must not re-serialise.
Next: `sse.py`.
"""

from __future__ import annotations

import re

import msgspec

_STRING = rb'"(?:[^"\\]|\\.)*"'
# A quote behind a backslash belongs to a string; any other `"model"` before a colon is a key, at some depth.
_MODEL = re.compile(rb'(?<!\\)"model"[ \t\r\n]*:[ \t\r\n]*(' + _STRING + rb")", re.DOTALL)
_OPTIONS = re.compile(rb'(?<!\\)"stream_options"[ \t\r\n]*:[ \t\r\n]*(?=[{n])')
_INCLUDE = re.compile(rb'(?<!\\)"include_usage"[ \t\r\n]*:[ \t\r\n]*(true|false|null)')
_TOKENS = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_FRONT_BYTES = 4096


class _AnyObject(msgspec.Struct):
    pass


_is_object = msgspec.json.Decoder(_AnyObject).decode


def spliced_model(body: bytes, model: str) -> bytes:
    """`body` with its top-level `model` replaced. Raises `ValueError` when it has none that is a plain string."""
    found = _top_level(body, _MODEL)
    if found is None:
        raise ValueError("the body has no top-level model")
    return body[: found.start(1)] + msgspec.json.encode(model) + body[found.end(1) :]


def with_stream_usage(body: bytes) -> bytes:
    """A Chat body that asks for the usage event: `stream_options.include_usage` true, all else as it was."""
    found = _top_level(body, _OPTIONS)
    if found is None:
        start = body.index(b"{") + 1
        comma = b"" if body[start:].lstrip().startswith(b"}") else b","
        return body[:start] + b'"stream_options":{"include_usage":true}' + comma + body[start:]
    start, end = found.end(), _value_end(body, found.end())
    return body[:start] + _asking(body[start:end]) + body[end:]


def _asking(options: bytes) -> bytes:
    if options == b"null":
        return b'{"include_usage":true}'
    given = _top_level(options, _INCLUDE)
    if given is not None:
        return options[: given.start(1)] + b"true" + options[given.end(1) :]
    comma = b"" if options[1:].lstrip().startswith(b"}") else b","
    return b'{"include_usage":true' + comma + options[1:]


def _top_level(body: bytes, member: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """The match of `member` that is a key of the outermost object: first at the front, where SDKs put it."""
    front = member.search(body, 0, _FRONT_BYTES)
    if front is not None and front.end() < _FRONT_BYTES and _at_top(body, front.start()):
        return front
    matches = list(member.finditer(body))
    if len(matches) == 1:
        return matches[0] if _at_top(body, matches[0].start()) else None
    starts = _top_level_keys(body) if matches else frozenset()
    return next((match for match in matches if match.start() in starts), None)


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


def _top_level_keys(body: bytes) -> frozenset[int]:
    """Where strings start that stand directly in the outermost object. One pass; strings are skipped whole."""
    depth, starts = 0, []
    for token in _TOKENS.finditer(body):
        first = body[token.start()]
        if first == 0x22:  # "
            if depth == 1:
                starts.append(token.start())
        else:
            depth += 1 if first in b"{[" else -1
    return frozenset(starts)


def _value_end(body: bytes, start: int) -> int:
    """Where the object or literal that starts at `start` ends."""
    if body[start : start + 4] == b"null":
        return start + 4
    depth = 0
    for token in _TOKENS.finditer(body, start):
        first = body[token.start()]
        if first != 0x22:
            depth += 1 if first in b"{[" else -1
            if depth == 0:
                return token.end()
    raise ValueError("the body has an unclosed stream_options")
