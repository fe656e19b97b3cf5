"""The final price of an attempt: computed here from the book that the event names, whatever the sender computed.

Must not do I/O: books are handed in. Next: `rows.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ccproxy_contract.events import UsageEvent
from ccproxy_contract.prices import EMPTY_BOOK, PriceBook
from ccproxy_contract.pricing import attempt_costs_pusd
from ccproxy_contract.usage import Usage

PricedBy = Literal["ledger", "sender"]
MAX_PUSD = 2**62
"""About four and a half million dollars for one attempt: a price that gives more is wrong, and no bigint holds it."""


class Price(msgspec.Struct, frozen=True):
    """Pico-USD; `None` is unpriced. `by` says whether the book was known here."""

    cost_pusd: int | None
    base_cost_pusd: int | None
    by: PricedBy


class Priceable(msgspec.Struct, frozen=True, kw_only=True):
    """All that the price of an attempt depends on, besides the book. `at_ms`: when it was opened, as stored."""

    usage: Usage
    quality: str
    model: str
    model_requested: str
    model_served: str
    price_keys: tuple[str, ...]
    base_price_keys: tuple[str, ...]
    at_ms: int


def price(event: UsageEvent, books: Mapping[str, PriceBook], at_ms: int) -> Price:
    """What `event`, opened at Unix time `at_ms`, costs and would have cost at the model that the client asked for.

    An adjustment is a difference, which no tier fits, so it keeps the sender's figures, as does an event whose book
    is unknown here.
    """
    priceable = Priceable(
        usage=event.usage,
        quality=event.quality,
        model=event.model,
        model_requested=event.model_requested,
        model_served=event.model_served,
        price_keys=event.price_keys,
        base_price_keys=event.base_price_keys,
        at_ms=at_ms,
    )
    cost, base_cost = costs_pusd(priceable, books.get(event.book, EMPTY_BOOK))
    known = event.book in books or cost is not None  # what used nothing has its price in any book, so in the empty one
    if event.kind != "settle" or not known:
        return Price(event.cost_pusd, event.base_cost_pusd, "sender")
    return Price(cost, base_cost, "ledger")


def costs_pusd(attempt: Priceable, book: PriceBook) -> tuple[int | None, int | None]:
    """Cost, and cost at the model that the client asked for; `None` as well for what cannot be stored."""
    cost, base = attempt_costs_pusd(
        book,
        usage=attempt.usage,
        exact=attempt.quality == "exact",
        at_ms=attempt.at_ms,
        model=attempt.model,
        model_requested=attempt.model_requested,
        model_served=attempt.model_served,
        price_keys=attempt.price_keys,
        base_price_keys=attempt.base_price_keys,
    )
    return _storable(cost), _storable(base)


def _storable(cost_pusd: int | None) -> int | None:
    return cost_pusd if cost_pusd is not None and abs(cost_pusd) <= MAX_PUSD else None
