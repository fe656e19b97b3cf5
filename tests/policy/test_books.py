"""The converted book costs what genai-prices itself computes, to the last decimal."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices import types
from genai_prices.data import providers

from ccproxy_contract.money import PUSD_PER_USD, usd_string
from ccproxy_contract.prices import PriceBook, model_prices, price_book
from ccproxy_contract.pricing import cost_pusd
from ccproxy_contract.usage import Usage
from ccproxy_policy.books import public_prices
from tests.policy.writing import backend, snapshot

KEYS = ("anthropic", "openai", "google", "deepseek", "mistral", "groq", "openrouter")
BY_ID = {provider.id: provider for provider in providers}


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return price_book(public_prices(KEYS))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _theirs(model: types.ModelInfo, provider: types.Provider, usage: Usage, at: datetime) -> Decimal:
    """The same call in genai-prices' words: its buckets contain each other."""
    counts = types.Usage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_tokens=usage.output,
        web_searches=usage.web_searches,
    )
    return model.calc_price(counts, provider, genai_request_timestamp=at).total_price


def _name(model: types.ModelInfo) -> str | None:
    """A name that the model's own clause recognises."""
    names = [model.id]
    clauses = [model.match]
    while clauses:
        clause = clauses.pop()
        if isinstance(clause, types.ClauseOr):
            clauses += clause.or_
        elif isinstance(clause, types.ClauseEquals):
            names.append(clause.equals)
        elif isinstance(clause, types.ClauseStartsWith):
            names.append(clause.starts_with)
    return next((name for name in names if model.is_match(name)), None)


def _priced(model: types.ModelInfo) -> bool:
    prices = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    return all({"input_mtok", "output_mtok"} <= set(price.prices.__dict__) for price in prices)


def _usage(chance: random.Random) -> Usage:
    return Usage(
        uncached=chance.randrange(0, 400_000),
        cache_read=chance.choice([0, chance.randrange(0, 900_000)]),
        cache_write_5m=chance.choice([0, chance.randrange(0, 200_000)]),
        cache_write_1h=chance.choice([0, chance.randrange(0, 200_000)]),
        output=chance.randrange(0, 64_000),
        web_searches=chance.choice([0, 3]),
    )


def test_costs_equal_genai_prices_on_many_calls(book: PriceBook) -> None:
    chance = random.Random(20261121)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    compared = 0
    for key in KEYS[:4]:
        for model in BY_ID[key].models:
            name = _name(model)
            found = model_prices(book, (key,), name) if name else None
            if name is None or found is None or found.id != model.id or not _priced(model):
                continue
            for _ in range(4):
                usage, at = _usage(chance), start + timedelta(seconds=chance.randrange(400 * 86400))
                ours = cost_pusd(book, keys=(key,), model=name, usage=usage, at_ms=_ms(at))
                assert ours == _theirs(model, BY_ID[key], usage, at) * PUSD_PER_USD, (key, name, at, usage)
                compared += 1
    assert compared >= 600


def test_the_first_model_that_recognises_a_name_is_the_same(book: PriceBook) -> None:
    differing = []
    for key in KEYS:
        for model in BY_ID[key].models:
            name = _name(model)
            theirs = BY_ID[key].find_model(name) if name else None
            ours = model_prices(book, (key,), name) if name else None
            if name and (not theirs or not ours or theirs.id != ours.id):
                differing.append((key, name))
    assert differing == []


def test_a_call_computed_by_hand(book: PriceBook) -> None:
    usage = Usage(uncached=3, cache_write_5m=304, cache_write_1h=12_000, output=550)
    cost = cost_pusd(book, keys=("anthropic",), model="claude-sonnet-4-5", usage=usage, at_ms=0)

    # 3 x $3 + 304 x $3.75 + 12,000 x $6 + 550 x $15, per million tokens.
    assert cost is not None
    assert usd_string(cost) == "0.081399000000"


@pytest.mark.parametrize(
    ("hour", "dearer"), [(0, False), (1, True), (3, True), (4, False), (6, True), (9, True), (10, False)]
)
def test_deepseeks_peak_hours_cost_more(book: PriceBook, hour: int, dearer: bool) -> None:
    def cost(at: datetime) -> int:
        found = cost_pusd(book, keys=("deepseek",), model="deepseek-v4-pro", usage=Usage(uncached=1000), at_ms=_ms(at))
        assert found is not None
        return found

    day = datetime(2026, 11, 21, tzinfo=UTC)

    assert (cost(day + timedelta(hours=hour)) > cost(day + timedelta(hours=12))) == dearer


def test_a_key_that_the_data_does_not_know_is_left_out() -> None:
    assert set(public_prices(["anthropic", "nobody"])) == {"anthropic"}


def test_a_backends_own_price_comes_first() -> None:
    text = backend("""
        provider: OpenAI
        credentials: {passThrough: true}
        models:
          - name: gpt-5
            price:
              inputPerMTok: "1"
              outputPerMTok: "2.5"
              cachedInputPerMTok: "0.1"
              tiers: [{aboveInputTokens: 1000, inputPerMTok: "2"}]
    """)
    found = snapshot(text)
    keys = next(b for b in found.backends if b.name == "b").price_keys

    def cost(usage: Usage, model: str = "gpt-5") -> int | None:
        return cost_pusd(found.book, keys=keys, model=model, usage=usage, at_ms=0)

    assert keys == ("backend/b", "openai")
    assert cost(Usage(uncached=600, cache_read=400, output=10)) == 600 * 10**6 + 400 * 10**5 + 10 * 2_500_000
    assert cost(Usage(uncached=601, cache_read=400, output=10)) == 601 * 2 * 10**6 + 400 * 10**5 + 10 * 2_500_000
    assert cost(Usage(uncached=1), "gpt-4o") == 2_500_000
    assert cost(Usage(uncached=1), "nobody-knows") is None
