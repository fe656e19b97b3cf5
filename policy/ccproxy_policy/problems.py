"""A problem: one thing wrong with what somebody wrote, where it stands and what to write instead.

The same text is what `ccproxy check` prints and what a cluster shows as a status message. Must never hold a secret's
value. Next: `documents.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

PathParts = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` counts from 1 (0: the whole file); `path` is like `spec.rules[0].match` and empty for a whole document."""

    file: str
    line: int
    path: str
    message: str

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
