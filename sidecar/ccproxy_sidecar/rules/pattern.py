"""Patterns as tests: what `ccproxy_contract.patterns` means, without RE2 where a glob needs none.

RE2 through its Python wrapper costs 2-4 µs a search, a string comparison 0.1; most patterns are plain globs, and most
values (models, agents, clients) are the same few on every call, so their verdicts are kept. Must not use Python's
`re`: it back-tracks. Next: `stream.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

from ccproxy_contract.patterns import REGEX_PREFIX, re2_search_source, re2_source

Test = Callable[[str], bool]

MAX_KEPT_VERDICTS = 512
MAX_KEPT_CHARS = 200
"""Longer values are looked at again each time, so that a client cannot fill the memory: 512 x 200 characters."""


class AnyPattern:
    """Holds for a text when one of the patterns does. Raises `ValueError` for a pattern that RE2 refuses."""

    __slots__ = ("_tests", "_verdicts", "patterns")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        self._tests = tuple(whole_test(pattern) for pattern in patterns)
        self._verdicts: dict[str, bool] = {}

    def holds(self, text: str) -> bool:
        verdict = self._verdicts.get(text)
        return self._look(text) if verdict is None else verdict

    def _look(self, text: str) -> bool:
        verdict = any(test(text) for test in self._tests)
        if len(text) <= MAX_KEPT_CHARS:
            if len(self._verdicts) >= MAX_KEPT_VERDICTS:
                self._verdicts.clear()
            self._verdicts[text] = verdict
        return verdict


def whole_test(pattern: str) -> Test:
    """A test of a whole value. Raises `ValueError` for a pattern that RE2 refuses."""
    if pattern.startswith(REGEX_PREFIX) or "?" in pattern:
        return _re2_test(re2_source(pattern), pattern)
    if "*" not in pattern:
        return pattern.__eq__
    return _stars_test(pattern.split("*"))


def search_test(pattern: str) -> Test:
    """A test whether the pattern occurs anywhere in a text. Raises `ValueError` for a pattern that RE2 refuses."""
    if pattern.startswith(REGEX_PREFIX) or "?" in pattern:
        return _re2_test(re2_search_source(pattern), pattern)
    return _search_stars_test([piece for piece in pattern.split("*") if piece])


def _re2_test(source: str, pattern: str) -> Test:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(source, options=options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"{pattern!r} is not a pattern that RE2 runs: {reason}") from None

    def test(text: str) -> bool:
        # Header values may hold lone surrogates, which are no UTF-8; a mark stands in for each.
        return compiled.search(text.encode("utf-8", "replace")) is not None

    return test


def _stars_test(pieces: list[str]) -> Test:
    first, *middle, last = pieces
    least = len(first) + len(last)

    def test(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        return _in_order(middle, text, start=len(first), end=len(text) - len(last))

    return test


def _search_stars_test(pieces: list[str]) -> Test:
    if len(pieces) == 1:
        only = pieces[0]
        return lambda text: only in text
    return lambda text: _in_order(pieces, text, start=0, end=len(text))


def _in_order(pieces: list[str], text: str, *, start: int, end: int) -> bool:
    """The pieces occur one after the other within `text[start:end]`: the first place of each is as good as any."""
    for piece in pieces:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True
