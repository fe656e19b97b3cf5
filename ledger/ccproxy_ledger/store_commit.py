"""One transaction per group of batches: identities, attempts, hourly sums and sources change together or not at all.

An event counts once: its identity is unique. An attempt is settled once: whichever settle is committed first holds
(the process's own, or the one that recovery wrote for it), a later one is counted as a conflict and changes nothing.
Every table is locked in the same order, rows in key order. Next: `committer.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, get_type_hints
from uuid import UUID

import msgspec

from ccproxy_contract.events import UsageEvent, event_id
from ccproxy_contract.prices import PriceBook
from ccproxy_ledger.progress import ranges_of
from ccproxy_ledger.received import Received, Sender
from ccproxy_ledger.rows import COUNTS, RollupKey, Row, believed_ms, moment, rollups, row, text
from ccproxy_ledger.store import Connection, Store


class Committed(msgspec.Struct, frozen=True):
    """What one transaction did, in events."""

    events: int
    duplicates: int
    conflicts: int
    unpriced: int
    book_unknown: int


class Identified(NamedTuple):
    """An event with its identity and what the collector knows of it."""

    id: UUID
    event: UsageEvent
    sender: Sender
    received_ms: int


SOURCES = """
insert into source (src, tenant, namespace, pod, received, closed_seq, given_up, gapless_at, first_seen, last_seen)
select s, t, n, p, r::int8multirange, c, g, case when r like '{[1,%' and r not like '%),[%' then f end, f, f
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::timestamptz[])
    as x(s, t, n, p, r, c, g, f)
on conflict (src) do update set
    received = source.received + excluded.received,
    closed_seq = coalesce(excluded.closed_seq, source.closed_seq),
    given_up = greatest(source.given_up, excluded.given_up),
    gapless_at = case
        when source.received + excluded.received
            + int8multirange(int8range(1, greatest(source.given_up, excluded.given_up) + 1))
            = int8multirange(int8range(1, upper(source.received + excluded.received))) then excluded.last_seen
        else source.gapless_at
    end,
    first_seen = least(source.first_seen, excluded.first_seen),
    last_seen = greatest(source.last_seen, excluded.last_seen)
"""
KEYS = """
insert into event_key select unnest($1::uuid[]) on conflict do nothing returning event_id
"""
CONFLICTS = """
update source set conflicts = conflicts + n from unnest($1::uuid[], $2::bigint[]) as x(s, n) where src = s
"""
OPEN = """
insert into open_attempt (tenant, call, attempt, src, opened_at, workload, backend, model)
select x.* from unnest($1::text[], $2::text[], $3::int[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[]) as x(tenant, call, attempt, src, opened_at, workload, backend, model)
where not exists (
    select from usage_event u
    where u.kind = 'settle' and u.tenant = x.tenant and u.call = x.call and u.attempt = x.attempt
)
on conflict do nothing
"""
CLOSE_OPEN = """
delete from open_attempt o using unnest($1::text[], $2::text[], $3::int[]) as x(tenant, call, attempt)
where o.tenant = x.tenant and o.call = x.call and o.attempt = x.attempt
"""

_TYPES: Mapping[object, str] = {
    UUID: "uuid",
    int: "bigint",
    int | None: "bigint",
    bool: "boolean",
    datetime: "timestamptz",
}
"""Columns of any other type are text."""


def _unnest(types: Sequence[str]) -> str:
    return ", ".join(f"${place}::{name}[]" for place, name in enumerate(types, start=1))


def _rows_statement() -> str:
    types = [_TYPES.get(hint, "text") for hint in get_type_hints(Row).values()]
    names = ", ".join(Row._fields)
    into = ("insert into usage_event (", names, ") select * from unnest(", _unnest(types), ")")
    return " ".join((*into, "on conflict do nothing returning event_id"))


def _rollups_statement() -> str:
    types = ["timestamptz" if name == "hour" else "text" for name in RollupKey._fields]
    types += ["numeric" if name.endswith("_pusd") else "bigint" for name in COUNTS]
    sums = ", ".join(f"{name} = r.{name} + excluded.{name}" for name in COUNTS)
    keys, names = ", ".join(RollupKey._fields), ", ".join((*RollupKey._fields, *COUNTS))
    into = ("insert into rollup_hour as r (", names, ") select * from unnest(", _unnest(types), ")")
    return " ".join((*into, "on conflict (", keys, ") do update set", sums))


ROWS = _rows_statement()
ROLLUPS = _rollups_statement()


async def commit(store: Store, batches: Sequence[Received], books: Mapping[str, PriceBook]) -> Committed:
    """Commit `batches`, in any order, however often they have come before.

    Raises: `StoreUnavailable` (nothing was committed, or all of it: try again), `Unstorable`.
    """
    events = _identified(batches)
    async with store.transaction() as connection:
        await _sources(connection, batches)
        fresh = await _fresh(connection, events)
        rows = [_row(one, books) for one in fresh if one.event.kind in ("settle", "adjust")]
        stored = await _store_rows(connection, rows)
        conflicts = [one for one in rows if one.event_id not in stored]
        await _count_conflicts(connection, conflicts)
        await _open_and_close(connection, fresh)
    kept = [one for one in rows if one.event_id in stored]
    return Committed(
        events=len(fresh),
        duplicates=len(events) - len(fresh),
        conflicts=len(conflicts),
        unpriced=sum(one.cost_pusd is None for one in kept),
        book_unknown=sum(one.priced_by == "sender" and one.kind == "settle" for one in kept),
    )


def _identified(batches: Sequence[Received]) -> list[Identified]:
    """All events in the order of their identity; the first of two with the same one holds."""
    found: dict[UUID, Identified] = {}
    for received in batches:
        sender = Sender(text(received.tenant), text(received.namespace), text(received.pod))
        for event in received.batch.events:
            id = event_id(event.src, event.seq)
            found.setdefault(id, Identified(id, event, sender, received.received_ms))
    return [found[id] for id in sorted(found)]


def _row(one: Identified, books: Mapping[str, PriceBook]) -> Row:
    sender = one.sender
    return row(
        one.event,
        id=one.id,
        tenant=sender.tenant,
        namespace=sender.namespace,
        received_ms=one.received_ms,
        books=books,
    )


async def _sources(connection: Connection, batches: Sequence[Received]) -> None:
    """Note what has come from whom. Comes first: it makes two writers of one source take turns."""
    by_src: dict[UUID, list[Received]] = {}
    for received in batches:
        if received.batch.events:
            by_src.setdefault(UUID(received.batch.src), []).append(received)
    lines = [_source_line(src, by_src[src]) for src in sorted(by_src)]
    if lines:
        await connection.execute(SOURCES, *_columns(lines))


def _source_line(src: UUID, batches: list[Received]) -> tuple[object, ...]:
    events = [event for received in batches for event in received.batch.events]
    closed: int | None = max((event.seq for event in events if event.kind == "close"), default=0) or None
    seen: datetime = moment(max(received.received_ms for received in batches))
    numbers = ranges_of([event.seq for event in events])
    lost = max(received.given_up for received in batches)
    first = batches[0]
    sender = text(first.tenant), text(first.namespace), text(first.pod)
    return src, *sender, numbers.multirange, closed, lost, seen


async def _fresh(connection: Connection, events: list[Identified]) -> list[Identified]:
    new = {record[0] for record in await connection.fetch(KEYS, [one.id for one in events])}
    return [one for one in events if one.id in new]


async def _store_rows(connection: Connection, rows: list[Row]) -> set[UUID]:
    """Insert rows and add those that went in to the hourly sums; answers their identities."""
    if not rows:
        return set()
    ordered = sorted(rows, key=lambda one: (one.tenant, one.call, one.attempt, one.seq))
    stored = {record[0] for record in await connection.fetch(ROWS, *_columns(ordered))}
    sums = rollups(one for one in rows if one.event_id in stored)
    if sums:
        await connection.execute(ROLLUPS, *_columns([(*key, *share) for key, share in sums]))
    return stored


async def _count_conflicts(connection: Connection, conflicts: list[Row]) -> None:
    by_src: dict[UUID, int] = {}
    for one in conflicts:
        by_src[one.src] = by_src.get(one.src, 0) + 1
    if by_src:
        await connection.execute(CONFLICTS, *_columns(sorted(by_src.items())))


async def _open_and_close(connection: Connection, fresh: list[Identified]) -> None:
    """Keep the attempts that have begun and not ended: what a kill leaves open is seen here."""
    settled = {_attempt(one) for one in fresh if one.event.kind == "settle"}
    opened = {_attempt(one): one for one in fresh if one.event.kind == "open"}
    lines = [(*key, *_open_line(opened[key])) for key in sorted(opened) if key not in settled]
    if lines:
        await connection.execute(OPEN, *_columns(lines))
    ended = sorted(settled - opened.keys())
    if ended:
        await connection.execute(CLOSE_OPEN, *_columns(ended))


def _attempt(one: Identified) -> tuple[str, str, int]:
    return one.sender.tenant, text(one.event.call), one.event.attempt


def _open_line(one: Identified) -> tuple[object, ...]:
    event = one.event
    opened = moment(believed_ms(event.opened_ms or one.received_ms, one.received_ms))
    return UUID(event.src), opened, text(event.workload), text(event.backend), text(event.model)


def _columns(lines: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*lines, strict=True)]
