"""The audit: what the ledger says against what the provider saw and charged. Differences as sentences.

Must not forgive anything that is not named here. Next: `test_fault_run.py`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import msgspec

from ccproxy_contract.usage import NO_USAGE, Usage
from ccproxy_ledger.store import connect, translated_faults
from tests.fakes.provider.records import Seen
from tests.faults.load import SESSION

USAGE = ", ".join(Usage.__struct_fields__)
ROWS = f"""
select session, call, attempt, status, quality, http_status, cost_pusd, {USAGE} from usage_event
where kind = 'settle' order by session, attempt
"""
COUNTS = """
select (select coalesce(sum(upper(r) - lower(r)), 0) from source, unnest(received) as r)::bigint as received,
    (select count(*) from source where closed_seq is not null) as closed,
    (select coalesce(sum(conflicts), 0) from source)::bigint as conflicts,
    (select count(*) from open_attempt) as still_open
"""


@dataclass(frozen=True)
class Row:
    """A settled attempt in the ledger."""

    call: str
    attempt: int
    status: str
    quality: str
    http_status: int
    cost_pusd: int | None
    usage: Usage

    @property
    def reached(self) -> bool:
        """Has the provider certainly seen it?"""
        return self.http_status > 0


@dataclass(frozen=True)
class Ledger:
    """What the tables hold. `received` events make 2 for each attempt and 1 for each ended source."""

    rows: dict[str, list[Row]]
    received: int
    closed: int
    conflicts: int
    still_open: int

    @property
    def attempts(self) -> int:
        return sum(map(len, self.rows.values()))

    @property
    def whole(self) -> bool:
        """Does every `open` that has arrived have its one row?"""
        return self.received == 2 * self.attempts + self.closed and not self.still_open


async def read_ledger(database: str) -> Ledger:
    """Everything, at one moment. Raises: `StoreUnavailable`."""
    async with translated_faults():
        connection = await connect(database)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                counts = await connection.fetchrow(COUNTS)
                records = await connection.fetch(ROWS)
        finally:
            await connection.close()
    assert counts is not None
    rows: dict[str, list[Row]] = defaultdict(list)
    for record in records:
        usage = Usage(**{name: record[name] for name in Usage.__struct_fields__})
        plain = {name: record[name] for name in Row.__dataclass_fields__ if name != "usage"}
        rows[record["session"]].append(Row(**plain, usage=usage))
    return Ledger(rows=dict(rows), **dict(counts))


def seen_by_session(calls: list[Seen]) -> dict[str, list[Seen]]:
    """The provider's records of each call, in the order in which they came."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for seen in calls:
        found[seen.header(SESSION) or ""].append(seen)
    return found


def differences(ledger: Ledger, seen: dict[str, list[Seen]], answered: set[str]) -> list[str]:
    """All that is wrong; none is the only right answer."""
    found = []
    if not ledger.whole:
        found.append(
            f"{ledger.received} events of {ledger.closed} ended sources, but {ledger.attempts} attempts have rows"
        )
    if ledger.conflicts:
        found.append(f"{ledger.conflicts} attempts were settled twice")
    found += [f"{session}: answered, and no row" for session in answered if session not in ledger.rows]
    for session in sorted({*seen, *ledger.rows}):
        found += [f"{session}: {what}" for what in _of_one_call(ledger.rows.get(session, []), seen.get(session, []))]
    return found


def _of_one_call(rows: list[Row], seen: list[Seen]) -> list[str]:
    found = []
    if len({row.call for row in rows}) > 1:
        found.append("rows of more than one call")
    if [row.attempt for row in rows] != list(range(1, len(rows) + 1)):
        found.append(f"attempts {[row.attempt for row in rows]}")
    if not sum(row.reached for row in rows) <= len(seen) <= len(rows):
        found.append(f"{len(rows)} rows of {len(seen)} requests that the provider saw")
    elif len(seen) == len(rows):
        found += [what for row, one in zip(rows, seen, strict=True) if (what := _of_one_attempt(row, one))]
    else:
        charges = [one.charged for one in seen]
        found += ["a charge of its own" for row in rows if row.status == "ok" and row.usage not in charges]
    return found


def _of_one_attempt(row: Row, seen: Seen) -> str:
    if row.quality == "orphan":
        return "" if row.usage == NO_USAGE else "an orphan with usage"
    if row.reached and row.http_status != seen.status:
        return f"status {row.http_status}, the provider sent {seen.status}"
    if row.http_status >= 400 and row.usage != NO_USAGE:
        return "a refused attempt with usage"
    if row.status == "ok" and "no_usage" not in seen.fault and (row.usage, row.quality) != (seen.charged, "exact"):
        return f"{row.quality} {row.usage}, the provider charged {seen.charged}"
    return ""


def summed(ledger: Ledger) -> Usage:
    """The sum over all rows."""
    total = NO_USAGE
    for rows in ledger.rows.values():
        for row in rows:
            total += row.usage
    return total


def tokens_of(answer: dict[str, object]) -> Usage:
    """The sum that `/usage` tells."""
    total = answer["total"]
    assert isinstance(total, dict)
    return msgspec.convert({_camel(name): count for name, count in total["tokens"].items()}, Usage)


def _camel(name: str) -> str:
    return {field.name: field.encode_name for field in msgspec.structs.fields(Usage)}[name]
