"""A problem: one thing wrong with what somebody wrote, where it stands and what to write instead.

The same text is what `ccproxy check` prints and what a cluster shows as a status message. Must never hold a secret's
value. Next: `documents.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

PathParts = tuple[str | int, ...]
Finding = tuple[PathParts, str] | tuple[PathParts, str, str]
"""A path inside one document, what is wrong there, and a reason other than `Invalid`."""
Findings = Iterator[Finding]
INVALID: Final = "Invalid"
REFERENCE_REASONS: Final = frozenset(
    {"BackendNotFound", "BackendNotUsable", "BackendNotRoutable", "RefNotPermitted", "DialectNotSpoken",
     "SecretNotFound", "SecretKeyMissing", "SecretNotLabelled", "SecretValueInvalid", "HostNotAllowed"}
)  # fmt: skip
"""Reasons that lie between objects: the object itself is accepted and what does not hang on the reference works."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` counts from 1 (0: the whole file); `path` is like `spec.rules[0].match` and empty for a whole document."""

    file: str
    line: int
    path: str
    message: str
    reason: str = INVALID
    """A word for machines; the reason of a status condition."""

    @property
    def condition(self) -> Literal["Accepted", "ResolvedRefs"]:
        """The status condition that this makes False."""
        return "ResolvedRefs" if self.reason in REFERENCE_REASONS else "Accepted"

    @property
    def text(self) -> str:
        """`file:line: path: message` on one line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.path, self.message) if part)


def path_text(parts: PathParts) -> str:
    """The written form of a path: `("spec", "rules", 0)` is `spec.rules[0]`."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" if text else _printable(part)
    return text


def _printable(key: str) -> str:
    """Keys come from files: control characters would break the line that a problem is."""
    cut = key if len(key) <= 80 else key[:77] + "..."
    return cut if cut.isprintable() else ascii(cut)
