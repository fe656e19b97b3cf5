"""When to compile again: the policy folder looks different and has been left alone for a moment.

Looks at names, sizes, times and inodes, so it sees editors that replace files; never at content.
Next: `compile_process.py`.
"""

from __future__ import annotations

from pathlib import Path

Fingerprint = tuple[tuple[str, int, int, int], ...]

DEBOUNCE_S = 0.3
SUFFIXES = (".yaml", ".yml")


def policy_files(folder: Path) -> list[Path]:
    """The files that count as policies, in the order in which they are read. Raises `OSError` without a folder."""
    found = (path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def fingerprint(folder: Path) -> Fingerprint:
    """What the policy files look like from outside; empty when it cannot be seen, or is just changing."""
    try:
        seen = [(path.name, path.stat()) for path in policy_files(folder)]
    except OSError:
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in seen)


class PolicyWatch:
    """Remembers what was compiled last and since when the folder looks as it does."""

    def __init__(self, compiled: Fingerprint) -> None:
        self._compiled = compiled
        self._seen = compiled
        self._since_s = 0.0

    def due(self, now_seen: Fingerprint, *, now_s: float) -> bool:
        """Is it time to compile? Call it every few tenths of a second with the clock; each change is due once."""
        if now_seen != self._seen:
            self._seen, self._since_s = now_seen, now_s
        if self._seen == self._compiled or now_s - self._since_s < DEBOUNCE_S:
            return False
        self._compiled = self._seen
        return True
