"""What `GET /usage` asks for, read from its query string. Pure.

A date without a time means its whole day, so `to=2026-11-21` includes the 21st; a time is exclusive. Times without a
zone are UTC. Must not know how the answer is found. Next: `store_usage.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

import msgspec

GROUPS = ("tenant", "namespace", "workload", "session", "agent", "backend", "model", "rule", "hour")
"""What sums may be grouped by, in the order in which they are answered."""
PARAMETERS = frozenset({"from", "to", "group_by"})
LONGEST = timedelta(days=3660)


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts that ended at or after `since` and before `until`, summed by `group_by`."""

    since: datetime
    until: datetime
    group_by: tuple[str, ...] = ()

    @property
    def whole_hours(self) -> bool:
        """Can the hourly sums answer this?"""
        return "session" not in self.group_by and _is_hour(self.since) and _is_hour(self.until)


def usage_query(parameters: Iterable[tuple[str, str]], now: datetime) -> UsageQuery:
    """Raises: `ValueError` with a sentence that says which parameter is wrong and what it takes."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name not in PARAMETERS:
            raise ValueError(f"{name} is no parameter of /usage: it takes from, to and group_by")
        given[name] = f"{given[name]},{value}" if name in given else value
    since, until = _bounds(given, now)
    if since >= until:
        raise ValueError("from must lie before to")
    if until - since > LONGEST:
        raise ValueError("from and to lie more than ten years apart")
    return UsageQuery(since=since, until=until, group_by=_groups(given.get("group_by", "")))


def _bounds(given: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    today = now.astimezone(UTC).date()
    until = _moment(given["to"], "to", end_of_day=True) if given.get("to") else _midnight(today + timedelta(days=1))
    if given.get("from"):
        return _moment(given["from"], "from", end_of_day=False), until
    last = (until - timedelta(microseconds=1)).date()
    return _midnight(min(today, last)), until


def _moment(text: str, name: str, *, end_of_day: bool) -> datetime:
    try:
        if len(text) <= len("2026-11-21"):
            day = date.fromisoformat(text)
            return _midnight(day + timedelta(days=1) if end_of_day else day)
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped + arrives as a space
    except (ValueError, OverflowError):
        raise ValueError(f"{name}={text!r} is neither a date (2026-11-21) nor a time (2026-11-21T09:00:00Z)") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _groups(text: str) -> tuple[str, ...]:
    asked = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(asked - set(GROUPS))
    if unknown:
        raise ValueError(f"group_by={unknown[0]!r} is unknown: it takes {', '.join(GROUPS)}")
    return tuple(name for name in GROUPS if name in asked)


def _is_hour(moment: datetime) -> bool:
    return not (moment.minute or moment.second or moment.microsecond)
