"""Token counts as providers write them, made safe: whole, not negative, and parts never larger than their whole.

Must not know field names. Next: `refusals.py`.
"""

from __future__ import annotations

Count = int | float | None
"""As found on the wire: some servers write `12.0` or `null`."""

_MOST = 10**12


def tokens(count: Count) -> int:
    """A count as a whole number between 0 and 10^12."""
    return min(max(int(count), 0), _MOST) if count else 0


def within(count: Count, whole: int) -> int:
    """A count that is a part of `whole`."""
    return min(tokens(count), whole)


def whole_or_none(count: Count) -> int | None:
    """A limit as a client wrote it; some JSON writers have no integers."""
    return None if count is None else int(count)
