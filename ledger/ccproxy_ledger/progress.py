"""Which of a source's events are here: ranges of sequence numbers, and the point up to which none is missing.

Pure. Must not decide that a missing event is lost before its sender has shown that it no longer has it.
Next: `collector.py`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

TOLD_TIMES = 3
TOLD_S = 30.0
"""A sender that was told this often, over this time, what is missing, and still starts behind it, has lost it."""


class Ranges:
    """A set of integers from 1, kept as disjoint inclusive ranges in order."""

    def __init__(self, ranges: list[tuple[int, int]] | None = None) -> None:
        self._ranges: list[tuple[int, int]] = []
        for low, high in ranges or ():
            self.add(low, high)

    def add(self, low: int, high: int) -> None:
        """Add `low`..`high`, both included."""
        start = bisect_right(self._ranges, (low,))
        if start and self._ranges[start - 1][1] >= low - 1:
            start -= 1
        end = start
        while end < len(self._ranges) and self._ranges[end][0] <= high + 1:
            low, high = min(low, self._ranges[end][0]), max(high, self._ranges[end][1])
            end += 1
        self._ranges[start:end] = [(low, high)]

    def covers(self, low: int, high: int) -> bool:
        """Is every number of `low`..`high` here?"""
        place = bisect_right(self._ranges, (low, high)) - 1
        before = place >= 0 and self._ranges[place][1] >= high
        after = (
            place + 1 < len(self._ranges) and self._ranges[place + 1][0] == low and self._ranges[place + 1][1] >= high
        )
        return before or after

    @property
    def contiguous(self) -> int:
        """The largest n with 1..n all here; 0 when 1 is missing."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 1 else 0

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The holes below the highest number here."""
        bounds = [(0, 0), *self._ranges]
        return [(left[1] + 1, right[0] - 1) for left, right in pairwise(bounds) if right[0] > left[1] + 1]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(self._ranges)

    @property
    def multirange(self) -> str:
        """As Postgres writes it: `{[1,11),[20,31)}`."""
        return "{" + ",".join(f"[{low},{high + 1})" for low, high in self._ranges) + "}"


def ranges_of(numbers: list[int]) -> Ranges:
    """The ranges of some sequence numbers in any order."""
    found = Ranges()
    for number in sorted(numbers):
        found.add(number, number)
    return found


class Progress:
    """One source: what is here, and what its sender has given up."""

    def __init__(self, here: Ranges | None = None, given_up: int = 0) -> None:
        self.here = here or Ranges()
        self.given_up = given_up
        """Numbers up to here are waited for no longer."""
        self._told = 0
        self._told_since_s = 0.0

    @property
    def acknowledged(self) -> int:
        """What the sender may forget: all up to here is on disk, or known to be lost."""
        if not self.given_up:
            return self.here.contiguous
        known = Ranges([(1, self.given_up), *self.here.pairs])
        return known.contiguous

    def note(self, first_seq: int, now_s: float) -> bool:
        """A batch that starts at `first_seq` has come. True when this shows that the hole before it will stay."""
        if first_seq <= self.acknowledged + 1:
            self._told = 0
            return False
        if not self._told:
            self._told_since_s = now_s
        self._told += 1
        if self._told <= TOLD_TIMES or now_s - self._told_since_s < TOLD_S:
            return False
        self.given_up, self._told = first_seq - 1, 0
        return True
