"""How far each collector is, so that the books know up to when their figures are complete.

A collector that is away holds completeness back at its last word, for its spool may hold events that it acknowledged;
after `FORGOTTEN_AFTER` its volume counts as lost. Must not count events. Next: `usage.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ccproxy_ledger.store import Store

FORGOTTEN_AFTER = timedelta(hours=1)
HOLE_STAYS_AFTER = timedelta(hours=1)
"""A missing event that has not come in this time holds completeness back no longer; it still counts as missing."""

SAY = """
insert into collector (name, complete_through, seen_at) values ($1, $2, now()) on conflict (name) do update set
    complete_through = excluded.complete_through, seen_at = now()
"""
THROUGH = "select min(complete_through) from collector where seen_at > now() - $1::interval"
GIVE_UP = """
update source set given_up = upper(received) - 1
where coalesce(gapless_at, first_seen) < now() - $1::interval
    and received + int8multirange(int8range(1, given_up + 1)) <> int8multirange(int8range(1, upper(received)))
"""


async def say_through(store: Store, name: str, through: datetime) -> None:
    """Everything that collector `name` took before `through` is in the database. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        await connection.execute(SAY, name, through)


async def say_goodbye(store: Store, name: str) -> None:
    """Collector `name` ends with an empty spool. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        await connection.execute("delete from collector where name = $1", name)


async def complete_through(store: Store, now: datetime) -> datetime:
    """The time up to which every collector is done. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        through: datetime | None = await connection.fetchval(THROUGH, FORGOTTEN_AFTER)
    return now if through is None else min(now, through)


async def give_up_holes(store: Store) -> int:
    """Wait no longer for what has been missing for long; answers in how many sources. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        return int((await connection.execute(GIVE_UP, HOLE_STAYS_AFTER)).rpartition(" ")[2])
