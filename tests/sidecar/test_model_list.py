"""The models a caller is told of: what backends list, else what can be called of what the price book knows."""

from __future__ import annotations

from ccproxy_contract.prices import Clause, ModelPrices, Period, TierRates, price_book
from ccproxy_contract.snapshot import Backend, Credential, Model, Snapshot
from ccproxy_sidecar.model_list import listed_models


def _priced(name: str, window: int | None = None) -> ModelPrices:
    period = Period(tiers=(TierRates(input=1),))
    return ModelPrices(id=name, match=Clause("equals", name), periods=(period,), context_window=window)


GOOGLE = tuple(_priced(name, 1_000_000) for name in ("claude-opus-5-5", "gemini-3-flash"))
OPENAI = tuple(_priced(name) for name in ("ft:gpt-4o", "gpt-4o-mini.ft-", "gpt-5.5"))
KEY = Credential("PassThrough")


def _names(*backends: Backend) -> list[tuple[str, int | None]]:
    snapshot = Snapshot(backends=backends, book=price_book({"google": GOOGLE, "openai": OPENAI}))
    return [(model.name, model.context_window) for model in listed_models(snapshot, "openai-chat", now_ms=0)]


def test_models_that_an_api_does_not_serve_are_left_out() -> None:
    gemini = Backend("g", "Gemini", "http://g", ("openai-chat",), KEY, ("google",))
    assert _names(gemini) == [("gemini-3-flash", 1_000_000)]


def test_names_that_stand_for_many_models_are_left_out() -> None:
    assert _names(Backend("o", "OpenAI", "http://o", ("openai-chat",), KEY, ("openai",))) == [("gpt-5.5", None)]


def test_what_a_backend_lists_is_what_it_has() -> None:
    own = Backend("o", "OpenAI", "http://o", ("openai-chat",), KEY, ("openai",), models=(Model("ft:mine", 8_000),))
    assert _names(own) == [("ft:mine", 8_000)]
    assert _names(Backend("a", "Anthropic", "http://a", ("anthropic-messages",), KEY, ("openai",))) == []
