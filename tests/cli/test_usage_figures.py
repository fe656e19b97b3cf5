"""Figures for people: exact signs, loud gaps, short counts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.usage_figures import FIGURE_COLUMNS, Figures, cells, cost, figures, money, short


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [
        ("0.00", "$0.00"),
        ("0.081399", "$0.0814"),
        ("1.5", "$1.50"),
        ("1234.567", "$1,234.57"),
        ("-0.02", "-$0.0200"),
        ("0.0000041", "<$0.0001"),
        ("-0.0000041", "-<$0.0001"),
        (None, "–"),
    ],
)
def test_money_is_shown_with_as_many_decimals_as_it_needs(dollars: str | None, shown: str) -> None:
    assert money(dollars) == shown


@given(st.decimals(min_value="-1e9", max_value="1e9", places=12, allow_nan=False))
def test_money_never_shows_nothing_for_something(amount: Decimal) -> None:
    assert (money(f"{amount:f}") == "$0.00") == (amount == 0)
    assert money(f"{amount:f}").startswith("-") == (amount < 0)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0"), (999, "999"), (1_000, "1.0k"), (999_949, "999.9k"), (999_950, "1.00M")]
)
def test_counts_are_short(count: int, shown: str) -> None:
    assert short(count) == shown


def test_attempts_without_a_price_are_loud() -> None:
    assert cost(Figures(cost="1.00", unpriced_calls=2)) == "$1.00 + 2 unpriced"
    assert cost(Figures(cost=None, unpriced_calls=2)) == "2 unpriced"


def test_cells_fit_their_columns() -> None:
    answer = {
        "calls": 3,
        "tokens": {"uncached": 1, "cache_read": 2, "cache_write_5m": 4, "output": 8, "reasoning": 5},
        "cost": "0.50",
        "counterfactual_cost": "2.00",
        "savings": "1.50",
        "unpriced_calls": 0,
        "quality": {"exact": 1.0},
    }
    shown = dict(zip(FIGURE_COLUMNS, cells(figures(answer)), strict=True))
    assert shown == {
        "Calls": "3",
        "Input": "7",
        "Cached": "2",
        "Output": "8",
        "Cost": "$0.5000",
        "Would have cost": "$2.00",
        "Saved": "$1.50",
    }
