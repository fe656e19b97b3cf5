"""Are the books right? Every difference between what the tables say, as a sentence; none is the only right answer.

`python -m ccproxy_ledger.audit URL` prints them and exits 1 when there are any. Must not mend anything.
Next: `migrations/versions/0001_ledger.py`.
"""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from ccproxy_contract.usage import Usage
from ccproxy_ledger.pricer import Priceable, costs_pusd
from ccproxy_ledger.rows import COUNTS, RollupKey, unix_ms
from ccproxy_ledger.store import Connection, Record, Store, StoreUnavailable, open_store
from ccproxy_ledger.store_books import Books
from ccproxy_ledger.store_usage import EVENTS

SHOWN = 20
_KEYS = ", ".join(RollupKey._fields)
_SUMS = ", ".join(f"sum({name})::numeric as {name}" for name in COUNTS)
_BOTH = ", ".join(f"r.{name}::numeric as was_{name}, d.{name} as is_{name}" for name in COUNTS)
_DIFFER = " or ".join(f"r.{name}::numeric is distinct from d.{name}" for name in COUNTS)
_SUMMED = ("with d as ( select", _KEYS, ",", _SUMS, "from", EVENTS, "group by", _KEYS, ")")
_JOINED = ("select", _KEYS, ",", _BOTH, "from rollup_hour r full join d using (", _KEYS, ")")
ROLLUPS = " ".join((*_SUMMED, *_JOINED, "where", _DIFFER, "limit", str(SHOWN)))
DUPLICATES = """
select tenant, call, attempt, count(*) as rows from usage_event where kind = 'settle'
group by 1, 2, 3 having count(*) > 1 limit 20
"""
WITHOUT_KEY = """
select count(*) from usage_event e where not exists (select from event_key k where k.event_id = e.event_id)
"""
COUNT_OF_KEYS = """
select (select count(*) from event_key) as keys,
    (select coalesce(sum(upper(r) - lower(r)), 0) from source, unnest(received) as r) as received
"""
GAPS = """
select src, closed_seq, given_up, gaps::text as gaps from (
    select src, closed_seq, given_up,
        int8multirange(int8range(1, greatest(coalesce(closed_seq, 0), upper(received) - 1) + 1)) - received as gaps
    from source
) as s where not isempty(gaps) limit 20
"""
STILL_OPEN = """
select count(*) from open_attempt o join usage_event u using (tenant, call, attempt) where u.kind = 'settle'
"""
PRICED = """
select event_id, book, price_keys, base_price_keys, model, model_requested, model_served, opened_at, uncached,
    cache_read, cache_write_5m, cache_write_30m, cache_write_1h, cache_write_12h, output, reasoning, web_searches,
    quality, cost_pusd, base_cost_pusd
from usage_event where priced_by = 'ledger' and kind = 'settle' and event_id > $1 order by event_id limit 5000
"""


async def audit(database: str) -> list[str]:
    """Every difference in the database at the URL `database`. Raises: `StoreUnavailable`."""
    store = await open_store(database)
    try:
        return await audit_store(store)
    finally:
        await store.close()


async def audit_store(store: Store) -> list[str]:
    """Every difference, at most `SHOWN` of a kind. Raises: `StoreUnavailable`."""
    async with store.transaction() as connection:
        await connection.execute("set transaction isolation level repeatable read, read only")
        found = await _sums(connection)
        found += await _identities(connection)
        found += await _sources(connection)
    return found + await _prices(store)


async def _sums(connection: Connection) -> list[str]:
    found = []
    for record in await connection.fetch(ROLLUPS):
        key = " ".join(str(record[name]) for name in RollupKey._fields)
        wrong = [n for n in COUNTS if record[f"was_{n}"] != record[f"is_{n}"]]
        shown = ", ".join(f"{n} {record[f'was_{n}']} is {record[f'is_{n}']}" for n in wrong)
        found.append(f"hourly sum of {key}: {shown}")
    return found


async def _identities(connection: Connection) -> list[str]:
    found = [
        f"attempt {record['attempt']} of call {record['call']} has {record['rows']} rows"
        for record in await connection.fetch(DUPLICATES)
    ]
    if without := await connection.fetchval(WITHOUT_KEY):
        found.append(f"{without} attempts have no event identity")
    counts = await connection.fetchrow(COUNT_OF_KEYS)
    if counts is not None and counts["keys"] != counts["received"]:
        found.append(f"{counts['keys']} event identities, but sources delivered {counts['received']}")
    if still := await connection.fetchval(STILL_OPEN):
        found.append(f"{still} attempts are both open and settled")
    return found


async def _sources(connection: Connection) -> list[str]:
    return [
        f"source {record['src']} misses events {record['gaps']} (given up to {record['given_up']})"
        for record in await connection.fetch(GAPS)
    ]


async def _prices(store: Store) -> list[str]:
    found: list[str] = []
    books, last = Books(), UUID(int=0)
    while len(found) < SHOWN:
        async with store.connection() as connection:
            records = await connection.fetch(PRICED, last)
        if not records:
            break
        last = records[-1]["event_id"]
        named = await books.named({record["book"] for record in records if record["book"]}, store)
        for record in records:
            expected = costs_pusd(_priceable(record), named[record["book"]]) if record["book"] in named else None
            if expected not in (None, (record["cost_pusd"], record["base_cost_pusd"])):
                found.append(f"event {record['event_id']} costs {record['cost_pusd']}, its book says {expected}")
    return found


def _priceable(record: Record) -> Priceable:
    return Priceable(
        usage=Usage(**{name: record[name] for name in Usage.__struct_fields__}),
        quality=record["quality"],
        model=record["model"],
        model_requested=record["model_requested"],
        model_served=record["model_served"],
        price_keys=tuple(filter(None, record["price_keys"].split("\n"))),
        base_price_keys=tuple(filter(None, record["base_price_keys"].split("\n"))),
        at_ms=unix_ms(record["opened_at"]),
    )


def main(url: str) -> int:
    """0: no difference; 1: some; 2: the database could not be read."""
    try:
        found = asyncio.run(audit(url))
    except StoreUnavailable as fault:
        sys.stderr.write(f"ccproxy audit: {fault}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in found) or "no differences\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
