"""Sums of usage: from the hourly sums where whole hours are asked for, else from the attempts themselves.

Both give the same figures (`audit.py` compares them). Must not round: money stays in pico-USD. Next: `usage.py`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ccproxy_ledger.rows import COUNTS
from ccproxy_ledger.store import Connection, Store
from ccproxy_ledger.usage_query import UsageQuery

MAX_GROUPS = 20_000
EVENTS = """(
    select tenant, date_trunc('hour', ended_at, 'UTC') as hour, ended_at, namespace, workload, session, agent, backend,
        model, rule, quality,
        (kind = 'settle' and attempt <= 1)::int as calls, (kind = 'settle')::int as attempts,
        uncached, cache_read, cache_write_5m, cache_write_30m, cache_write_1h, cache_write_12h, output, reasoning,
        web_searches, input_before,
        coalesce(cost_pusd, 0) as cost_pusd, coalesce(base_cost_pusd, 0) as base_cost_pusd,
        coalesce(base_cost_pusd - cost_pusd, 0) as savings_pusd,
        (cost_pusd is null)::int as unpriced, (base_cost_pusd is null)::int as base_unpriced,
        (base_cost_pusd - cost_pusd is null)::int as uncompared
    from usage_event
) as e"""
"""Attempts in the shape of the hourly sums."""

MISSING = """
select coalesce(sum(greatest(coalesce(closed_seq, 0), upper(received) - 1)
    - (select sum(upper(r) - lower(r)) from unnest(received) as r)), 0)::bigint
from source where first_seen < $2 and last_seen >= $1
"""
GAPLESS = """
select min(coalesce(gapless_at, first_seen)) from source
where received + int8multirange(int8range(1, given_up + 1))
    <> int8multirange(int8range(1, greatest(coalesce(closed_seq, 0), upper(received) - 1) + 1))
"""
OPEN = "select count(*) from open_attempt where opened_at >= $1 and opened_at < $2"


class Sum(msgspec.Struct, frozen=True):
    """One group of one quality. `counts` holds the sums by their name in `rows.COUNTS`; money in pico-USD."""

    keys: dict[str, str | datetime]
    quality: str
    counts: dict[str, int]


class Completeness(msgspec.Struct, frozen=True):
    """What is known to be missing. `gapless_at` is `None` when no source has a hole."""

    gapless_at: datetime | None
    missing_events: int
    open_attempts: int


async def usage_sums(store: Store, query: UsageQuery) -> list[Sum]:
    """The sums that `query` asks for. Raises: `StoreUnavailable`, `ValueError` for more than `MAX_GROUPS`."""
    async with store.connection() as connection:
        records = await connection.fetch(statement(query), query.since, query.until)
    if len(records) > MAX_GROUPS:
        raise ValueError(f"more than {MAX_GROUPS} groups: ask for a shorter time or group by less")
    return [
        Sum(
            keys={name: record[name] for name in query.group_by},
            quality=record["quality"],
            counts={name: int(record[name]) for name in COUNTS},
        )
        for record in records
    ]


def statement(query: UsageQuery) -> str:
    """The SQL of a query; every name in it is one of ours."""
    source, moment = ("rollup_hour", "hour") if query.whole_hours else (EVENTS, "ended_at")
    keys = ", ".join((*query.group_by, "quality"))
    sums = ", ".join(f"sum({name}) as {name}" for name in COUNTS)
    parts = (
        *("select", keys, ",", sums, "from", source),
        *("where", moment, ">= $1 and", moment, "< $2"),
        *("group by", keys, "order by", keys, "limit", str(MAX_GROUPS + 1)),
    )
    return " ".join(parts)


async def completeness(store: Store, query: UsageQuery) -> Completeness:
    """What the asked time may lack. Raises: `StoreUnavailable`."""
    async with store.connection() as connection:
        return await _completeness(connection, query)


async def _completeness(connection: Connection, query: UsageQuery) -> Completeness:
    return Completeness(
        gapless_at=await connection.fetchval(GAPLESS),
        missing_events=await connection.fetchval(MISSING, query.since, query.until),
        open_attempts=await connection.fetchval(OPEN, query.since, query.until),
    )
