"""Who pays for which namespace, and what the ledger is told."""

from __future__ import annotations

from typing import Any

import msgspec

from ccproxy_contract.accounts import accounts_bytes, accounts_from_bytes, books_of
from ccproxy_contract.prices import price_book
from ccproxy_contract.stream import MAX_FRAME_BYTES
from ccproxy_policy.cluster.objects import cluster_document
from ccproxy_policy.cluster.tenancy import ENTRY_BYTES, Tenancy, cluster_accounts, left_out, tenants_of
from ccproxy_policy.documents import Document
from tests.policy.cluster_writing import backend, compiled, thing

NAMESPACES = {"a1": {"team": "a"}, "a2": {"team": "a", "shared": "x"}, "b1": {"team": "b", "shared": "x"}, "c": {}}


def _tenant(name: str, spec: Any, *, day: int = 1) -> Document:
    return cluster_document(thing("Tenant", name, spec, namespace="", created=f"2026-11-{day:02}T00:00:00Z"))


def _by_labels(name: str, labels: dict[str, str], *, day: int = 1) -> Document:
    return _tenant(name, {"namespaces": {"matchLabels": labels}}, day=day)


def _tenancy(*tenants: Document) -> Tenancy:
    once, again = tenants_of(NAMESPACES, tenants), tenants_of(NAMESPACES, tenants[::-1])
    assert once == again
    return once


def test_a_tenant_has_the_namespaces_that_it_selects() -> None:
    found = _tenancy(_by_labels("a", {"team": "a"}), _by_labels("b", {"team": "b"}), _tenant("empty", {}))

    assert found == Tenancy({"a1": "a", "a2": "a", "b1": "b"}, ())
    assert (found.tenant_of("a2"), found.tenant_of("c"), found.tenant_of("unheard-of")) == ("a", "none", "none")


def test_a_selector_without_labels_takes_every_namespace_that_is_left() -> None:
    found = _tenancy(_by_labels("rest", {}, day=2), _by_labels("a", {"team": "a"}))

    assert found.by_namespace == {"a1": "a", "a2": "a", "b1": "rest", "c": "rest"}
    assert [problem.reason for problem in found.problems] == ["NamespaceTaken"]


def test_of_two_tenants_the_older_has_the_namespace_and_the_other_is_told() -> None:
    found = _tenancy(_by_labels("young", {"shared": "x"}, day=2), _by_labels("zold", {"team": "a"}))

    assert found.by_namespace == {"a1": "zold", "a2": "zold", "b1": "young"}
    assert [(p.reason, p.condition, p.text) for p in found.problems] == [
        ("NamespaceTaken", "Accepted", "Tenant young: spec.namespaces: these namespaces belong to older tenants: "
         "`a2` (of `zold`); write labels that no other tenant selects")
    ]  # fmt: skip


def test_of_two_tenants_of_one_age_the_first_by_name_has_it() -> None:
    assert _tenancy(_by_labels("b", {"team": "a"}), _by_labels("a", {"team": "a"})).by_namespace["a1"] == "a"


def test_a_wrong_tenant_has_nothing_and_disturbs_nobody() -> None:
    good = _by_labels("a", {"team": "a"}, day=9)
    found = _tenancy(_tenant("x", {"namespaces": {"labels": {"team": "a"}}}), _by_labels("none", {"team": "a"}), good)

    assert found.by_namespace == {"a1": "a", "a2": "a"}
    assert [problem.text for problem in found.problems] == [
        "Tenant none: metadata.name: `none` means that nobody pays; choose another name",
        "Tenant x: spec.namespaces.labels: unknown field; did you mean `matchLabels`?",
    ]


def test_the_accounts_hold_every_book_that_a_slice_may_name() -> None:
    own = {"models": [{"name": "m", "price": {"inputPerMTok": "1", "outputPerMTok": "2"}}]}
    spaces = [
        compiled(backend("x", own, namespace="a1"), namespace="a1"),
        compiled(backend("x", {"provider": "Groq"}, namespace="b1"), namespace="b1"),
        compiled(namespace="c"),
    ]
    tenants = [_by_labels("b", {"team": "b"}), _by_labels("a", {"team": "a"})]
    accounts = cluster_accounts(tenants_of(NAMESPACES, tenants), tenants, spaces)
    books = {book.version: book for book in books_of(accounts_from_bytes(accounts_bytes(accounts)))}

    assert [tenant.name for tenant in accounts.tenants] == ["a", "b"]
    assert accounts.namespaces == {"a1": "a", "a2": "a", "b1": "b"}
    assert {space.book.version for space in spaces} <= set(books)
    assert all(price_book(book.keys).version == version for version, book in books.items())
    assert accounts == cluster_accounts(tenants_of(NAMESPACES, tenants), tenants[::-1], spaces[::-1])
    assert "backend/a1/x" not in books[spaces[1].book.version].keys


def _dear(number: int) -> dict[str, Any]:
    """A model with the longest price that a ModelBackend may state."""
    rates = {f"{kind}PerMTok": "999999999.999999" for kind in ("input", "output", "cachedInput", "cacheWrite")}
    rates["cacheWrite1hPerMTok"] = "999999999.999999"
    tiers = [rates | {"aboveInputTokens": 90_000_000 + tier} for tier in range(8)]
    return {"name": f"{number}".rjust(256, "m"), "price": rates | {"tiers": tiers}}


def test_a_namespace_with_endless_prices_keeps_no_other_out_of_the_accounts() -> None:
    greedy = [backend(f"b{each}", {"models": [_dear(n) for n in range(500)]}, namespace="a1") for each in range(10)]
    modest = {"models": [{"name": "m", "price": {"inputPerMTok": "1", "outputPerMTok": "2"}}]}
    spaces = [
        compiled(*greedy, namespace="a1"),
        compiled(backend("x", modest, namespace="b1"), namespace="b1"),
        compiled(namespace="c"),
    ]
    accounts = cluster_accounts(_tenancy(), [], spaces)

    assert len(accounts_bytes(accounts)) < MAX_FRAME_BYTES // 2
    assert "backend/b1/x" in accounts.book.keys
    assert left_out(accounts, spaces) == ("a1",)
    assert left_out(cluster_accounts(_tenancy(), [], spaces[1:]), spaces[1:]) == ()


def test_the_longest_price_is_no_longer_than_it_is_taken_for() -> None:
    space = compiled(backend("x", {"models": [_dear(1)]}, namespace="a1"), namespace="a1")
    (entries,) = (entries for key, entries in space.book.keys.items() if key == "backend/a1/x")
    assert len(msgspec.json.encode(entries)) < ENTRY_BYTES
