"""The answer of `GET /usage`: sums as JSON, money as decimal strings of dollars.

`null` money means that no attempt of the group has a price; it is never shown as 0. Must not read the database.
Next: `app.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ccproxy_contract.money import usd_string
from ccproxy_ledger.store_usage import Completeness, Sum
from ccproxy_ledger.usage_query import UsageQuery

Json = dict[str, object]

BUCKETS = (
    "uncached", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h", "output",
    "reasoning",
)  # fmt: skip
_INPUT = BUCKETS[:6]


def usage_answer(query: UsageQuery, sums: list[Sum], known: Completeness, *, complete_through: datetime) -> Json:
    """The whole answer; `complete_through` is the time up to which every event that was sent is in it."""
    return {
        "from": iso(query.since),
        "to": iso(query.until),
        "group_by": list(query.group_by),
        "groups": [_group(group) for group in _grouped(sums)] if query.group_by else [],
        "total": _figures(sums),
        "complete_through": iso(complete_through),
        "missing_events": known.missing_events,
        "open_attempts": known.open_attempts,
    }


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def dollars(pusd: int) -> str:
    """Decimal dollars without needless zeros, at least two decimals: `0.081399`, `1.50`."""
    whole, _, decimals = usd_string(pusd).partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _grouped(sums: list[Sum]) -> Iterable[list[Sum]]:
    groups: dict[tuple[object, ...], list[Sum]] = {}
    for one in sums:
        groups.setdefault(tuple(one.keys.values()), []).append(one)
    return groups.values()


def _group(sums: list[Sum]) -> Json:
    keys: Json = {name: iso(value) if isinstance(value, datetime) else value for name, value in sums[0].keys.items()}
    return keys | _figures(sums)


def _figures(sums: list[Sum]) -> Json:
    def total(name: str) -> int:
        return sum(one.counts[name] for one in sums)

    attempts, after = total("attempts"), sum(total(name) for name in _INPUT)
    return {
        "calls": total("calls"),
        "attempts": attempts,
        "tokens": {name: total(name) for name in BUCKETS},
        "web_searches": total("web_searches"),
        "before": total("input_before"),
        "after": after,
        "saved": total("input_before") - after,
        "cost": _money(total("cost_pusd"), total("unpriced"), attempts),
        "counterfactual_cost": _money(total("base_cost_pusd"), total("base_unpriced"), attempts),
        "savings": _money(total("savings_pusd"), total("uncompared"), attempts),
        "unpriced_calls": total("unpriced"),
        "quality": _shares(sums, attempts),
    }


def _money(pusd: int, without: int, attempts: int) -> str | None:
    return None if attempts and without >= attempts else dollars(pusd)


def _shares(sums: list[Sum], attempts: int) -> dict[str, float]:
    """How the counts are known: the share of attempts by quality."""
    by_name: dict[str, int] = {}
    for one in sums:
        by_name[one.quality] = by_name.get(one.quality, 0) + one.counts["attempts"]
    return {name: round(count / attempts, 4) for name, count in sorted(by_name.items()) if attempts}
