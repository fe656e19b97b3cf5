"""Money is whole pico-USD: nothing is lost on the way in or out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_contract.money import PUSD_PER_USD, pusd_from_usd, pusd_per_token, usd_string


@pytest.mark.parametrize(
    ("amount", "pusd"),
    [("1", PUSD_PER_USD), ("0.081399", 81_399_000_000), ("0.000000000001", 1), ("-2.5", -2_500_000_000_000), ("0", 0)],
)
def test_dollars_are_whole_pico_dollars(amount: str, pusd: int) -> None:
    assert pusd_from_usd(amount) == pusd
    assert pusd_from_usd(Decimal(amount)) == pusd


def test_more_than_twelve_decimals_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 12 decimals"):
        pusd_from_usd("0.0000000000001")


@pytest.mark.parametrize(
    ("usd_per_million", "pusd"),
    [("3", 3_000_000), ("0.25", 250_000), ("0.000001", 1), ("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2)],
)
def test_prices_per_million_are_pico_dollars_per_token(usd_per_million: str, pusd: int) -> None:
    assert pusd_per_token(usd_per_million) == pusd


@given(st.integers(-(10**24), 10**24))
def test_every_amount_survives_being_written(pusd: int) -> None:
    assert pusd_from_usd(usd_string(pusd)) == pusd


@pytest.mark.parametrize(
    ("pusd", "decimals", "text"),
    [
        (81_399_000_000, 12, "0.081399000000"),
        (81_399_000_000, 4, "0.0814"),
        (1, 12, "0.000000000001"),
        (5 * 10**11, 0, "0"),
        (15 * 10**11, 0, "2"),
        (10**30, 2, "1000000000000000000.00"),
    ],
)
def test_dollars_are_written_without_exponent_and_rounded_half_to_even(pusd: int, decimals: int, text: str) -> None:
    assert usd_string(pusd, decimals=decimals) == text
