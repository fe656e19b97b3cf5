"""What a call costs: tiers, periods, missing rates, unknown models."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given

from ccproxy_contract.prices import EMPTY_BOOK, Clause, ModelPrices, Period, PriceBook, TierRates, price_book
from ccproxy_contract.pricing import attempt_costs_pusd, cost_pusd
from ccproxy_contract.usage import NO_USAGE, Usage
from tests.contract.test_usage import USAGES

RATES = TierRates(input=10, output=50, cache_read=1, cache_write_5m=12, cache_write_1h=20)


def _book(*periods: Period) -> PriceBook:
    return price_book({"k": (ModelPrices(id="m", match=Clause("equals", "m"), periods=periods),)})


def _cost(book: PriceBook, usage: Usage, *, at: str = "2026-11-21T12:00:00", model: str = "m") -> int | None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return cost_pusd(book, keys=("k",), model=model, usage=usage, at_ms=int(moment.timestamp() * 1000))


def test_every_bucket_has_its_rate() -> None:
    usage = Usage(
        uncached=1,
        cache_read=10,
        cache_write_5m=100,
        cache_write_30m=1_000,
        cache_write_1h=10_000,
        cache_write_12h=100_000,
        output=1_000_000,
        reasoning=999,
        web_searches=2,
    )
    book = _book(Period(tiers=(RATES,), web_search_pusd=7))

    assert _cost(book, usage) == 10 + 10 + 1_100 * 12 + 110_000 * 20 + 50_000_000 + 14


def test_missing_cache_rates_are_the_input_rate() -> None:
    book = _book(Period(tiers=(TierRates(input=10, output=50),)))

    assert _cost(book, Usage(cache_read=1)) == 10
    assert _cost(book, Usage(cache_write_5m=1)) == 10
    assert _cost(book, Usage(cache_write_1h=1)) == 10


def test_a_missing_long_write_rate_is_the_short_one() -> None:
    assert _cost(_book(Period(tiers=(TierRates(input=10, cache_write_5m=12),))), Usage(cache_write_12h=1)) == 12


def test_an_unknown_price_of_a_used_bucket_is_none_and_never_zero() -> None:
    book = _book(Period(tiers=(TierRates(input=10),)))

    assert _cost(book, Usage(uncached=5)) == 50
    assert _cost(book, Usage(uncached=5, output=1)) is None
    assert _cost(book, Usage(uncached=5), model="other") is None
    assert _cost(EMPTY_BOOK, Usage(uncached=5)) is None
    assert cost_pusd(book, keys=(), model="m", usage=NO_USAGE, at_ms=0) is None


def test_a_call_without_usage_costs_nothing_at_a_known_model() -> None:
    assert _cost(_book(Period(tiers=(RATES,))), NO_USAGE) == 0


@pytest.mark.parametrize(
    ("usage", "rate"),
    [
        (Usage(uncached=200), 10),
        (Usage(uncached=201), 20),
        (Usage(uncached=1, cache_read=200), 20),
        (Usage(uncached=1, cache_write_1h=200), 20),
        (Usage(uncached=500), 20),
        (Usage(uncached=501), 30),
        (Usage(uncached=100, output=900), 10),
    ],
)
def test_crossing_a_threshold_prices_the_whole_call_anew(usage: Usage, rate: int) -> None:
    tiers = tuple(
        TierRates(above_input_tokens=above, input=price, output=0, cache_read=price, cache_write_5m=price)
        for above, price in ((0, 10), (200, 20), (500, 30))
    )

    assert _cost(_book(Period(tiers=tiers)), usage) == usage.input * rate


def test_the_last_period_that_holds_applies() -> None:
    def flat(rate: int, from_day: str = "") -> Period:
        return Period(tiers=(TierRates(input=rate),), from_day=from_day)

    book = _book(flat(1), flat(2, "2026-03-01"), flat(3, "2026-06-01"))

    assert _cost(book, Usage(uncached=1), at="2026-02-28T23:59:59") == 1
    assert _cost(book, Usage(uncached=1), at="2026-03-01T00:00:00") == 2
    assert _cost(book, Usage(uncached=1), at="2026-06-01T00:00:00") == 3


def test_before_the_first_period_the_price_is_unknown() -> None:
    book = _book(Period(tiers=(RATES,), from_day="2026-03-01"))

    assert _cost(book, Usage(uncached=1), at="2026-02-28T23:59:59") is None


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        ("2026-11-21T22:59:59", 1),
        ("2026-11-21T23:00:00", 2),
        ("2026-11-21T23:59:59", 2),
        ("2026-11-22T00:00:00", 2),
        ("2026-11-22T00:59:59", 2),
        ("2026-11-22T01:00:00", 1),
    ],
)
def test_hours_may_wrap_midnight(at: str, rate: int) -> None:
    night = Period(tiers=(TierRates(input=2),), from_s=23 * 3600, to_s=3600)
    book = _book(Period(tiers=(TierRates(input=1),)), night)

    assert _cost(book, Usage(uncached=1), at=at) == rate


@pytest.mark.parametrize(("at", "rate"), [("00:59:59", 1), ("01:00:00", 2), ("03:59:59", 2), ("04:00:00", 1)])
def test_hours_start_inclusive_and_end_exclusive(at: str, rate: int) -> None:
    peak = Period(tiers=(TierRates(input=2),), from_s=3600, to_s=4 * 3600)
    book = _book(Period(tiers=(TierRates(input=1),)), peak)

    assert _cost(book, Usage(uncached=1), at=f"2026-11-21T{at}") == rate


@given(USAGES, USAGES)
def test_without_tiers_costs_add_up(a: Usage, b: Usage) -> None:
    book = _book(Period(tiers=(RATES,), web_search_pusd=3))
    costs = [_cost(book, usage) for usage in (a, b, a + b)]

    assert None not in costs
    assert costs[0] is not None
    assert costs[1] is not None
    assert costs[0] + costs[1] == costs[2]


def _both(
    usage: Usage, *, exact: bool = True, served: str = "", requested: str = "dear"
) -> tuple[int | None, int | None]:
    def entry(name: str, rate: int) -> ModelPrices:
        return ModelPrices(id=name, match=Clause("equals", name), periods=(Period(tiers=(TierRates(input=rate),)),))

    return attempt_costs_pusd(
        price_book({"k": (entry("cheap", 2), entry("served", 3)), "asked": (entry("dear", 10),)}),
        usage=usage,
        exact=exact,
        at_ms=0,
        model="cheap",
        model_requested=requested,
        model_served=served,
        price_keys=("k",),
        base_price_keys=("asked",),
    )


def test_an_attempt_costs_what_its_model_costs_and_would_have_cost_what_was_asked_for() -> None:
    assert _both(Usage(uncached=5)) == (10, 50)
    assert _both(Usage(uncached=5), requested="cheap") == (10, 10)


def test_the_model_that_was_served_has_the_price_where_the_book_knows_it() -> None:
    assert _both(Usage(uncached=5), served="served") == (15, 50)
    assert _both(Usage(uncached=5), served="cheap-2026-01-01") == (10, 50)


def test_an_attempt_known_to_have_used_nothing_is_free_at_any_price() -> None:
    assert _both(NO_USAGE, requested="nobody-knows") == (0, 0)
    assert _both(NO_USAGE, exact=False, requested="nobody-knows") == (0, None)
    assert _both(Usage(uncached=5), requested="nobody-knows") == (10, None)
