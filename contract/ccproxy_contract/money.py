"""Money as integers: pico-USD (10^-12 USD), written `pusd` in names.

A price of p USD per million tokens is p * 10^6 pUSD per token, exact up to six decimals. Must not use floats.
Next: `hashes.py`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

PUSD_PER_USD = 10**12


def pusd_from_usd(amount: Decimal | str) -> int:
    """Whole pico-USD of a decimal amount of dollars. Raises `ValueError` when it has more than 12 decimals."""
    pusd = Decimal(amount) * PUSD_PER_USD
    if pusd != pusd.to_integral_value():
        raise ValueError(f"{amount} USD has more than 12 decimals")
    return int(pusd)


def pusd_per_token(usd_per_million: Decimal | str) -> int:
    """A price per million tokens as pico-USD per token; prices finer than a pico-USD are rounded half to even."""
    return int((Decimal(usd_per_million) * 10**6).to_integral_value(rounding=ROUND_HALF_EVEN))


def usd_string(pusd: int, *, decimals: int = 12) -> str:
    """Decimal dollars without an exponent, rounded half to even at `decimals`: `"0.081399000000"`."""
    amount = Decimal(pusd) / PUSD_PER_USD
    return f"{amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN):f}"
