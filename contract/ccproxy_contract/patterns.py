"""Patterns that people write, as RE2 source: one translation for `check`, admission and the data plane.

A pattern is a glob (`claude-*`, `?` for one character, case kept) or, after `re:`, a regular expression that must
match anywhere. Must not compile anything: both sides hand the result to RE2. Next: `snapshot.py`.
"""

from __future__ import annotations

import re

REGEX_PREFIX = "re:"


def re2_source(pattern: str) -> str:
    """RE2 source of a glob (anchored) or of a `re:` pattern (as written, unanchored)."""
    if pattern.startswith(REGEX_PREFIX):
        return pattern[len(REGEX_PREFIX) :]
    return f"(?s)^{_glob_source(pattern)}$"


def re2_search_source(pattern: str) -> str:
    """RE2 source that finds the pattern anywhere in a text: a glob loses its anchors."""
    if pattern.startswith(REGEX_PREFIX):
        return pattern[len(REGEX_PREFIX) :]
    return f"(?s){_glob_source(pattern)}"


def _glob_source(glob: str) -> str:
    parts = re.split(r"([*?])", glob)
    return "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
