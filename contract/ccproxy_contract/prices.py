"""The price book: immutable, named by the hash of its content.

A book is a list of models per key. A key is a provider of the price data (`anthropic`) or one backend with prices of
its own (`backend/NAME`). Must not compute a cost (`pricing.py` does). Next: `pricing.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from ccproxy_contract.hashes import content_hash


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """How a model name is recognised. Comparison ignores case. `any_of` and `all_of` nest."""

    kind: Literal["equals", "startsWith", "endsWith", "contains", "regex", "anyOf", "allOf"]
    text: str = ""
    parts: tuple[Clause, ...] = ()


class TierRates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Rates in pico-USD per token that apply to ALL tokens once total input exceeds `above_input_tokens`.

    `None` is unknown. A missing cache rate means the provider has no such rate: reads and writes then cost the input
    rate (counted as such by the caller).
    """

    above_input_tokens: int = 0
    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = msgspec.field(default=None, name="cacheWrite5m")
    cache_write_1h: int | None = msgspec.field(default=None, name="cacheWrite1h")


class Period(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Rates that hold from a UTC day on and within a UTC time of day. The last period that holds applies."""

    tiers: tuple[TierRates, ...]
    from_day: str = ""
    """ISO date, inclusive; empty: always."""
    from_s: int = 0
    to_s: int = 0
    """Seconds of the UTC day, `from_s` inclusive, `to_s` exclusive; both 0: all day; may wrap midnight."""
    web_search_pusd: int = 0
    """Pico-USD of one web search request."""


class ModelPrices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What one model costs. `match` recognises its names; `periods` are in order of precedence, last wins."""

    id: str
    match: Clause
    periods: tuple[Period, ...]
    context_window: int | None = None


class PriceBook(msgspec.Struct, frozen=True, kw_only=True, rename="camel", eq=False):
    """Prices by key. `version` is the content hash of `keys` alone; make books with `price_book`."""

    version: str
    keys: dict[str, tuple[ModelPrices, ...]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PriceBook) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)


def price_book(keys: dict[str, tuple[ModelPrices, ...]]) -> PriceBook:
    return PriceBook(version=content_hash(keys), keys=keys)


EMPTY_BOOK = price_book({})


@lru_cache(maxsize=4096)
def model_prices(book: PriceBook, keys: tuple[str, ...], model: str) -> ModelPrices | None:
    """The first entry that recognises `model`, in the order of `keys`; `None` when no key knows it."""
    name = model.lower()
    for key in keys:
        for entry in book.keys.get(key, ()):
            if matches(entry.match, name):
                return entry
    return None


def matches(clause: Clause, name: str) -> bool:
    """Does the lower-case `name` satisfy the clause?"""
    text = clause.text.lower()
    match clause.kind:
        case "equals":
            return name == text
        case "startsWith":
            return name.startswith(text)
        case "endsWith":
            return name.endswith(text)
        case "contains":
            return text in name
        case "regex":  # from the price data, never from a user
            return re.search(clause.text, name, re.IGNORECASE) is not None
        case "anyOf":
            return any(matches(part, name) for part in clause.parts)
        case "allOf":
            return all(matches(part, name) for part in clause.parts)
