"""Public prices: the genai-prices data as entries of the contract's price book.

The only file that imports genai_prices, and only when a book is made (it takes most of a compile's time: its data is
Python code). Nothing is fetched: the data is what the pinned package ships. Next: `compressors.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

from ccproxy_contract.money import PUSD_PER_USD, pusd_per_token
from ccproxy_contract.prices import Clause, ModelPrices, Period, TierRates

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, MatchLogic, ModelInfo, ModelPrice

_RATES: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
"""Our rate to the data's price key. Audio, image and character rates have no bucket of ours."""


def public_prices(keys: Iterable[str]) -> dict[str, tuple[ModelPrices, ...]]:
    """Entries of the given provider ids; an id that the data does not know is left out."""
    return {key: entries for key in sorted(set(keys)) if (entries := _prices(key))}


@cache
def _prices(key: str) -> tuple[ModelPrices, ...]:
    """Of one provider; made once, so that the books of many namespaces share them."""
    from genai_prices.data import providers

    return tuple(_entry(model) for provider in providers if provider.id == key for model in provider.models)


def _entry(model: ModelInfo) -> ModelPrices:
    return ModelPrices(
        id=model.id, match=_clause(model.match), periods=_periods(model), context_window=model.context_window
    )


def _clause(logic: MatchLogic) -> Clause:
    from genai_prices import types

    match logic:
        case types.ClauseEquals():
            return Clause("equals", logic.equals)
        case types.ClauseStartsWith():
            return Clause("startsWith", logic.starts_with)
        case types.ClauseEndsWith():
            return Clause("endsWith", logic.ends_with)
        case types.ClauseContains():
            return Clause("contains", logic.contains)
        case types.ClauseRegex():
            return Clause("regex", logic.regex)
        case types.ClauseOr():
            return Clause("anyOf", parts=tuple(_clause(part) for part in logic.or_))
        case types.ClauseAnd():
            return Clause("allOf", parts=tuple(_clause(part) for part in logic.and_))


def _periods(model: ModelInfo) -> tuple[Period, ...]:
    """Periods in the data's order (the last that holds applies); the first holds always, as in the data."""
    if not isinstance(model.prices, list):
        return (_period(model.prices),)
    first, *later = model.prices
    periods = [_period(first.prices), *(_conditional(price) for price in later)]
    return tuple(period for period in periods if period is not None)


def _conditional(price: ConditionalPrice) -> Period | None:
    from genai_prices import types

    if isinstance(price.constraint, types.StartDateConstraint):
        return _period(price.prices, from_day=price.constraint.start_date.isoformat())
    if isinstance(price.constraint, types.TimeOfDateConstraint):
        start, end = _second(price.constraint.start_time), _second(price.constraint.end_time)
        return _period(price.prices, from_s=start, to_s=end) if start != end else None
    return _period(price.prices)


def _second(at: time) -> int:
    """The second of the UTC day; times without a zone are UTC."""
    moment = datetime.combine(datetime(2000, 1, 2, tzinfo=UTC), at, tzinfo=at.tzinfo or UTC).astimezone(UTC)
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _period(price: ModelPrice, *, from_day: str = "", from_s: int = 0, to_s: int = 0) -> Period:
    search = getattr(price, "web_searches_kcount", None)
    return Period(
        tiers=tuple(_rates(price, start) for start in _starts(price)),
        from_day=from_day,
        from_s=from_s,
        to_s=to_s,
        web_search_pusd=int(search * PUSD_PER_USD / 1000) if isinstance(search, Decimal) else 0,
    )


def _starts(price: ModelPrice) -> list[int]:
    """Every input size at which some rate changes, from 0 up."""
    starts = {0}
    for name in _RATES.values():
        starts.update(tier.start for tier in getattr(getattr(price, name, None), "tiers", ()))
    return sorted(starts)


def _rates(price: ModelPrice, start: int) -> TierRates:
    rates = {ours: _rate(getattr(price, theirs, None), start) for ours, theirs in _RATES.items()}
    return TierRates(above_input_tokens=start, **rates)


def _rate(value: object, start: int) -> int | None:
    """The rate that holds just above `start` input tokens, in pico-USD per token."""
    from genai_prices.types import TieredPrices

    if isinstance(value, TieredPrices):
        passed = [tier.price for tier in value.tiers if tier.start <= start and start > 0]
        return pusd_per_token(passed[-1] if passed else value.base)
    return pusd_per_token(value) if isinstance(value, Decimal) else None
