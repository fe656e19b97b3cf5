"""The ledger's `/usage` answer as rows for people: money with a sign, big counts short, `unpriced` loud.

Pure. A missing price is a word, never 0. Next: `commands/usage.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

UNPRICED = "unpriced"
SMALLEST_SHOWN = Decimal("0.0001")
"""Dollars; less is said to be less, because 0 would be wrong."""
INPUT_BUCKETS = ("uncached", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_12h")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one group or of all. Money is decimal dollars, `None` when no attempt has a price."""

    calls: int = 0
    attempts: int = 0
    tokens: dict[str, int] = {}
    saved: int = 0
    cost: str | None = None
    counterfactual_cost: str | None = None
    savings: str | None = None
    unpriced_calls: int = 0

    @property
    def input_tokens(self) -> int:
        return sum(self.tokens.get(bucket, 0) for bucket in INPUT_BUCKETS)

    @property
    def cached_tokens(self) -> int:
        return self.tokens.get("cache_read", 0)


FIGURE_COLUMNS = ("Calls", "Input", "Cached", "Output", "Cost", "Would have cost", "Saved")


def figures(answer: Mapping[str, object]) -> Figures:
    """The figures of one group or of `total`. Raises `msgspec.ValidationError` when a ledger speaks otherwise."""
    return msgspec.convert(answer, Figures)


def cells(sums: Figures) -> tuple[str, ...]:
    """One cell per column of `FIGURE_COLUMNS`."""
    return (
        f"{sums.calls:,}",
        short(sums.input_tokens),
        short(sums.cached_tokens),
        short(sums.tokens.get("output", 0)),
        cost(sums),
        money(sums.counterfactual_cost),
        money(sums.savings),
    )


def cost(sums: Figures) -> str:
    """The cost, and how many attempts have no price."""
    if not sums.unpriced_calls:
        return money(sums.cost)
    loud = f"{sums.unpriced_calls:,} {UNPRICED}"
    return loud if sums.cost is None else f"{money(sums.cost)} + {loud}"


def money(dollars: str | None) -> str:
    """`$12.34`, `$0.0814`, `-$0.0200`, `<$0.0001`; a dash where there is no price."""
    if dollars is None:
        return "–"
    amount = Decimal(dollars)
    sign = "-" if amount < 0 else ""
    return sign + _unsigned(abs(amount))


def _unsigned(amount: Decimal) -> str:
    if amount >= 1 or not amount:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= SMALLEST_SHOWN else f"<${SMALLEST_SHOWN}"


def short(count: int) -> str:
    """`950`, `12.3k`, `4.56M`."""
    if count < 1_000:
        return str(count)
    if count < 999_950:
        return f"{count / 1_000:.1f}k"
    return f"{count / 1_000_000:.2f}M"
