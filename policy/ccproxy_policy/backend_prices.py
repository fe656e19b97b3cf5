"""Prices that a backend states itself, as entries of the price book under `backend/NAME`.

Must not know public prices (`books.py` does). Next: `books.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ccproxy_contract.money import pusd_per_token
from ccproxy_contract.prices import Clause, ModelPrices, Period, TierRates
from ccproxy_policy.kinds.model_backend import Model, Price, PriceTier
from ccproxy_policy.problems import PathParts


def price_key(backend: str) -> str:
    """The backend's own key of the price book."""
    return f"backend/{backend}"


def own_prices(models: list[Model]) -> tuple[ModelPrices, ...]:
    """Book entries of the models that state a price, in their order."""
    return tuple(
        ModelPrices(
            id=model.name,
            match=Clause("equals", model.name),
            periods=(Period(tiers=_tiers(model.price)),),
            context_window=model.context_window,
        )
        for model in models
        if model.price
    )


def _tiers(price: Price) -> tuple[TierRates, ...]:
    return (_rates(price, None), *(_rates(price, tier) for tier in price.tiers))


def _rates(price: Price, tier: PriceTier | None) -> TierRates:
    def rate(field: str) -> int | None:
        written = (getattr(tier, field) if tier else None) or getattr(price, field)
        return None if written is None else pusd_per_token(written)

    return TierRates(
        above_input_tokens=tier.above_input_tokens if tier else 0,
        input=rate("input_per_m_tok"),
        output=rate("output_per_m_tok"),
        cache_read=rate("cached_input_per_m_tok"),
        cache_write_5m=rate("cache_write_per_m_tok"),
        cache_write_1h=rate("cache_write_1h_per_m_tok"),
    )


def model_findings(models: list[Model]) -> Iterator[tuple[PathParts, str]]:
    """Models that stand twice and price tiers out of order."""
    seen: set[str] = set()
    for index, model in enumerate(models):
        here: PathParts = ("spec", "models", index)
        if model.name.lower() in seen:
            yield (*here, "name"), "this model stands twice in the list; keep one of them"
        seen.add(model.name.lower())
        starts = [tier.above_input_tokens for tier in model.price.tiers] if model.price else []
        if any(later <= earlier for earlier, later in pairwise(starts)):
            yield (*here, "price", "tiers"), "write tiers with rising aboveInputTokens"
