"""Books are named by content; models are found by clause, in the order of keys."""

from __future__ import annotations

import pytest

from ccproxy_contract.prices import Clause, ModelPrices, Period, TierRates, matches, model_prices, price_book


def _entry(name: str, clause: Clause | None = None) -> ModelPrices:
    return ModelPrices(id=name, match=clause or Clause("equals", name), periods=(Period(tiers=(TierRates(input=1),)),))


@pytest.mark.parametrize(
    ("clause", "yes", "no"),
    [
        (Clause("equals", "GPT-5"), "gpt-5", "gpt-5-mini"),
        (Clause("startsWith", "gpt-5"), "gpt-5-mini", "my-gpt-5"),
        (Clause("endsWith", "-Mini"), "gpt-5-mini", "mini"),
        (Clause("contains", "haiku"), "claude-haiku-4", "claude"),
        (Clause("regex", r"^o\d$"), "o3", "o3-mini"),
        (Clause("anyOf", parts=(Clause("equals", "a"), Clause("equals", "b"))), "b", "c"),
        (Clause("allOf", parts=(Clause("startsWith", "a"), Clause("endsWith", "z"))), "a-z", "a-y"),
        (Clause("anyOf", parts=(Clause("allOf", parts=(Clause("contains", "x"),)),)), "x", "y"),
    ],
)
def test_each_clause_recognises(clause: Clause, yes: str, no: str) -> None:
    assert matches(clause, yes)
    assert not matches(clause, no)


def test_the_first_key_and_entry_that_know_a_model_win() -> None:
    broad = _entry("broad", Clause("startsWith", "m"))
    book = price_book({"own": (_entry("m-1"),), "public": (broad, _entry("m-2"))})

    def found(*keys: str, model: str) -> str | None:
        entry = model_prices(book, keys, model)
        return entry.id if entry else None

    assert found("own", "public", model="M-1") == "m-1"
    assert found("public", "own", model="m-1") == "broad"
    assert found("own", "public", model="m-2") == "broad"
    assert found("nobody", "public", model="m-3") == "broad"
    assert found("own", model="m-2") is None


def test_a_books_version_is_its_content() -> None:
    one, same = price_book({"k": (_entry("a"),)}), price_book({"k": (_entry("a"),)})
    other = price_book({"k": (_entry("b"),)})

    assert one == same
    assert hash(one) == hash(same)
    assert one.version == same.version
    assert one != other
    assert one.version.startswith("sha256:")
    assert one != "sha256:"


def test_the_order_of_keys_does_not_change_a_version_but_the_order_of_models_does() -> None:
    a, b = (_entry("a"),), (_entry("b"),)

    assert price_book({"x": a, "y": b}).version == price_book({"y": b, "x": a}).version
    assert price_book({"x": a + b}).version != price_book({"x": b + a}).version
