"""The final price of an attempt: computed here from the book that the event names, whatever the sender computed.

Must not do I/O: books are handed in. Next: `rows.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ccproxy_contract.events import UsageEvent
from ccproxy_contract.prices import PriceBook
from ccproxy_contract.pricing import cost_pusd
from ccproxy_contract.usage import NO_USAGE, Usage

PricedBy = Literal["ledger", "sender"]


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
    if event.kind == "settle" and is_free(priceable):
        return Price(0, 0, "ledger")
    book = books.get(event.book)
    if book is None or event.kind != "settle":
        return Price(event.cost_pusd, event.base_cost_pusd, "sender")
    return Price(*costs_pusd(priceable, book), "ledger")


def is_free(attempt: Priceable) -> bool:
    """An attempt that is known to have used nothing costs nothing at any price, known or not."""
    return attempt.usage == NO_USAGE and attempt.quality == "exact"


def costs_pusd(attempt: Priceable, book: PriceBook) -> tuple[int | None, int | None]:
    """Cost, and cost at the model that the client asked for."""
    if is_free(attempt):
        return 0, 0
    cost = _cost(attempt, book)
    if attempt.model == attempt.model_requested:
        return cost, cost
    return cost, _at(attempt, book, keys=attempt.base_price_keys, model=attempt.model_requested)


def _cost(attempt: Priceable, book: PriceBook) -> int | None:
    """At the model that the provider says it served; at the one asked for when the book does not know that name."""
    served = None
    if attempt.model_served:
        served = _at(attempt, book, keys=attempt.price_keys, model=attempt.model_served)
    return served if served is not None else _at(attempt, book, keys=attempt.price_keys, model=attempt.model)


def _at(attempt: Priceable, book: PriceBook, *, keys: tuple[str, ...], model: str) -> int | None:
    return cost_pusd(book, keys=keys, model=model, usage=attempt.usage, at_ms=attempt.at_ms)
