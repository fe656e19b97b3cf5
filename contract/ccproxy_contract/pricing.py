"""What usage costs under a price book. The same for the sidecar (provisional) and the ledger (final).

Unknown is `None`, never 0. Must not read a clock: the time of the call is a parameter. Next: `patterns.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ccproxy_contract.prices import ModelPrices, Period, PriceBook, TierRates, model_prices
from ccproxy_contract.usage import NO_USAGE, Usage


def cost_pusd(book: PriceBook, *, keys: tuple[str, ...], model: str, usage: Usage, at_ms: int) -> int | None:
    """Pico-USD of `usage` at `model` at Unix time `at_ms`; `None` when the book has no price for a used bucket."""
    entry = model_prices(book, keys, model)
    if entry is None:
        return None
    period = period_at(entry, at_ms)
    if period is None:
        return None
    return _cost(period, rates_for(period, usage.input), usage)


def attempt_costs_pusd(
    book: PriceBook,
    *,
    usage: Usage,
    exact: bool,
    at_ms: int,
    model: str,
    model_requested: str,
    model_served: str,
    price_keys: tuple[str, ...],
    base_price_keys: tuple[str, ...],
) -> tuple[int | None, int | None]:
    """What an attempt cost, and what it would have cost at the model asked for; pico-USD, `None` is unpriced.

    The price is that of the model the provider says it served, else of the one it was asked for. An attempt known
    (`exact`) to have used nothing costs nothing at any price, known or not.
    """
    if exact and usage == NO_USAGE:
        return 0, 0
    cost = None
    if model_served:
        cost = cost_pusd(book, keys=price_keys, model=model_served, usage=usage, at_ms=at_ms)
    if cost is None:
        cost = cost_pusd(book, keys=price_keys, model=model, usage=usage, at_ms=at_ms)
    if model == model_requested:
        return cost, cost
    return cost, cost_pusd(book, keys=base_price_keys, model=model_requested, usage=usage, at_ms=at_ms)


def period_at(entry: ModelPrices, at_ms: int) -> Period | None:
    """The last period of the entry that holds at Unix time `at_ms` (milliseconds)."""
    if len(entry.periods) == 1 and not entry.periods[0].from_day and not entry.periods[0].to_s:
        return entry.periods[0]
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    day, second = at.date().isoformat(), at.hour * 3600 + at.minute * 60 + at.second
    holding = [p for p in entry.periods if p.from_day <= day and _in_hours(p, second)]
    return holding[-1] if holding else None


def _in_hours(period: Period, second: int) -> bool:
    if period.from_s == period.to_s:
        return True
    if period.from_s < period.to_s:
        return period.from_s <= second < period.to_s
    return second >= period.from_s or second < period.to_s


def rates_for(period: Period, input_tokens: int) -> TierRates:
    """The tier that `input_tokens` falls in: crossing a threshold re-prices the whole call."""
    chosen = period.tiers[0]
    for tier in period.tiers[1:]:
        if input_tokens > tier.above_input_tokens:
            chosen = tier
    return chosen


def _cost(period: Period, rates: TierRates, usage: Usage) -> int | None:
    read = rates.cache_read if rates.cache_read is not None else rates.input
    short = rates.cache_write_5m if rates.cache_write_5m is not None else rates.input
    long = rates.cache_write_1h if rates.cache_write_1h is not None else short
    buckets = (
        (usage.uncached, rates.input),
        (usage.cache_read, read),
        (usage.cache_write_5m + usage.cache_write_30m, short),
        (usage.cache_write_1h + usage.cache_write_12h, long),
        (usage.output, rates.output),
    )
    total = usage.web_searches * period.web_search_pusd
    for tokens, rate in buckets:
        if not tokens:
            continue
        if rate is None:
            return None
        total += tokens * rate
    return total
