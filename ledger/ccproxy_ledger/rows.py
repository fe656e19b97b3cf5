"""Events as rows of `usage_event`, and rows summed into `rollup_hour`. Pure: same events, same rows.

Must not decide what is new: the database does. Next: `store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from ccproxy_contract.events import MAX_RAW_USAGE_BYTES, Kind, Quality, UsageEvent
from ccproxy_contract.prices import PriceBook
from ccproxy_ledger.pricer import PricedBy, price

MAX_TEXT = 1024
"""Characters of one text column; names and hashes are far shorter."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OLDEST_MS = 35 * 24 * 3600 * 1000
NEWEST_MS = 5 * 60 * 1000
"""A sender's clock is believed this far before and after the time of receipt (billing.md §5.3)."""


class Row(NamedTuple):
    """One settled or corrected attempt; the fields are the columns of `usage_event` in order."""

    event_id: UUID
    src: UUID
    seq: int
    kind: Kind
    call: str
    attempt: int
    tenant: str
    namespace: str
    workload: str
    session: str
    agent: str
    task: str
    rule: str
    policy: str
    backend: str
    provider: str
    dialect: str
    operation: str
    stream: bool
    model: str
    model_requested: str
    model_served: str
    service_tier: str
    region: str
    status: str
    http_status: int
    error: str
    quality: Quality
    opened_at: datetime
    ended_at: datetime
    received_at: datetime
    skewed: bool
    duration_us: int
    first_byte_us: int | None
    uncached: int
    cache_read: int
    cache_write_5m: int
    cache_write_30m: int
    cache_write_1h: int
    cache_write_12h: int
    output: int
    reasoning: int
    web_searches: int
    input_before: int
    price_keys: str
    base_price_keys: str
    book: str
    priced_by: PricedBy
    cost_pusd: int | None
    base_cost_pusd: int | None
    snapshot: str
    raw_usage: str
    key_hash: str


class RollupKey(NamedTuple):
    """What `rollup_hour` sums over."""

    tenant: str
    hour: datetime
    namespace: str
    workload: str
    agent: str
    backend: str
    model: str
    rule: str
    quality: str


COUNTS = (
    "calls", "attempts", "uncached", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h",
    "cache_write_12h", "output", "reasoning", "web_searches", "input_before", "cost_pusd", "base_cost_pusd",
    "savings_pusd", "unpriced", "base_unpriced", "uncompared",
)  # fmt: skip
"""The sums of `rollup_hour` in order."""


def row(
    event: UsageEvent, *, id: UUID, tenant: str, namespace: str = "", received_ms: int, books: Mapping[str, PriceBook]
) -> Row:
    """The row of one `settle` or `adjust`; times from the sender, held near the time of receipt.

    `namespace` is the token's; empty where there are no tokens (laptop): then the event's own.
    """
    sent_ms = event.ended_ms or event.opened_ms or received_ms
    ended_ms = believed_ms(sent_ms, received_ms)
    opened_ms = believed_ms(event.opened_ms or event.ended_ms or received_ms, received_ms)
    usage, priced = event.usage, price(event, books, opened_ms)
    return Row(
        event_id=id, src=source_id(event.src), seq=event.seq, kind=event.kind, call=text(event.call),
        attempt=event.attempt, tenant=text(tenant), namespace=text(namespace or event.namespace),
        workload=text(event.workload), session=text(event.session), agent=text(event.agent),
        task=text(event.task), rule=text(event.rule), policy=text(event.policy), backend=text(event.backend),
        provider=text(event.provider), dialect=text(event.dialect), operation=text(event.operation),
        stream=event.stream, model=text(event.model or event.model_requested),
        model_requested=text(event.model_requested), model_served=text(event.model_served),
        service_tier=text(event.service_tier), region=text(event.region), status=event.status,
        http_status=event.http_status, error=text(event.error), quality=event.quality,
        opened_at=moment(opened_ms), ended_at=moment(ended_ms), received_at=moment(received_ms),
        skewed=ended_ms != sent_ms, duration_us=event.duration_us, first_byte_us=event.first_byte_us,
        uncached=usage.uncached, cache_read=usage.cache_read, cache_write_5m=usage.cache_write_5m,
        cache_write_30m=usage.cache_write_30m, cache_write_1h=usage.cache_write_1h,
        cache_write_12h=usage.cache_write_12h, output=usage.output, reasoning=usage.reasoning,
        web_searches=usage.web_searches, input_before=input_before(event), price_keys=_lines(event.price_keys),
        base_price_keys=_lines(event.base_price_keys), book=text(event.book), priced_by=priced.by,
        cost_pusd=priced.cost_pusd, base_cost_pusd=priced.base_cost_pusd, snapshot=text(event.snapshot),
        raw_usage=text(event.raw_usage, MAX_RAW_USAGE_BYTES), key_hash=text(event.key_hash),
    )  # fmt: skip


def text(value: str, length: int = MAX_TEXT) -> str:
    """What Postgres can hold: no NUL, at most `length` characters."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")[:length]


def _lines(values: tuple[str, ...]) -> str:
    return text("\n".join(values), MAX_RAW_USAGE_BYTES)


def input_before(event: UsageEvent) -> int:
    """A sender that names no count before compression has not compressed."""
    return event.input_before or event.usage.input


def moment(unix_ms: int) -> datetime:
    """UTC time of Unix milliseconds, without the rounding of a float."""
    return EPOCH + timedelta(milliseconds=unix_ms)


def unix_ms(moment: datetime) -> int:
    """Whole Unix milliseconds of a UTC time."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def believed_ms(sent_ms: int, received_ms: int) -> int:
    """The sender's time, moved to the nearest that is within bounds of the receipt."""
    return min(max(sent_ms, received_ms - OLDEST_MS), received_ms + NEWEST_MS)


@lru_cache(maxsize=1024)
def source_id(src: str) -> UUID:
    return UUID(src)


def rollup_key(row: Row) -> RollupKey:
    hour = row.ended_at.replace(minute=0, second=0, microsecond=0)
    return RollupKey(
        row.tenant, hour, row.namespace, row.workload, row.agent, row.backend, row.model, row.rule, row.quality
    )


def counts(row: Row) -> tuple[int, ...]:
    """One row's share of the sums, in the order of `COUNTS`.

    A call counts once, where its first attempt went; an adjustment is no attempt. Money of unpriced rows is left out
    and the row counted, so that a sum can say how much of it is unknown.
    """
    attempt = int(row.kind == "settle")
    call = int(attempt and row.attempt <= 1)
    cost, base = row.cost_pusd, row.base_cost_pusd
    savings = base - cost if cost is not None and base is not None else None
    return (
        call, attempt, row.uncached, row.cache_read, row.cache_write_5m, row.cache_write_30m, row.cache_write_1h,
        row.cache_write_12h, row.output, row.reasoning, row.web_searches, row.input_before, cost or 0, base or 0,
        savings or 0, int(cost is None), int(base is None), int(savings is None),
    )  # fmt: skip


def rollups(rows: Iterable[Row]) -> list[tuple[RollupKey, tuple[int, ...]]]:
    """Sums per key, sorted by key: every writer locks in the same order."""
    sums: dict[RollupKey, tuple[int, ...]] = {}
    for one in rows:
        key, share = rollup_key(one), counts(one)
        so_far = sums.get(key)
        sums[key] = share if so_far is None else tuple(a + b for a, b in zip(so_far, share, strict=True))
    return sorted(sums.items())
