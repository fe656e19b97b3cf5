"""Which tenant pays for which namespace, and what the ledger knows of all of them.

A namespace has at most one tenant; of two that select it the older has it. Must not hold credentials.
Next: `../starter.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec

from ccproxy_contract.accounts import Accounts, TenantAccount, sealed_accounts
from ccproxy_contract.names import NO_TENANT
from ccproxy_contract.prices import ModelPrices, PriceBook, price_book
from ccproxy_policy.admit import Written, admit, of_kind
from ccproxy_policy.backend_prices import price_key
from ccproxy_policy.books import public_prices
from ccproxy_policy.cluster.namespaces import CompiledNamespace
from ccproxy_policy.cluster.objects import by_age
from ccproxy_policy.documents import Document
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.places import cluster_findings
from ccproxy_policy.problems import Problem
from ccproxy_policy.providers import ALWAYS_PRICED

MAX_NAMES_SHOWN = 5
MAX_OWN_BYTES = 8 * 1024 * 1024
"""Of prices that backends state, in all: half of what one frame of the stream to the ledger holds."""
ENTRY_BYTES = 3_072
"""The longest entry: a name of 256 letters, twice, and nine tiers of six numbers."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Who pays for which namespace; one that is not here has no tenant."""

    by_namespace: dict[str, str]
    problems: tuple[Problem, ...]

    def tenant_of(self, namespace: str) -> str:
        """The namespace's tenant, else `none`: metered, unlimited, shown."""
        return self.by_namespace.get(namespace, NO_TENANT)


def tenants_of(namespaces: Mapping[str, Mapping[str, str]], tenants: Sequence[Document]) -> Tenancy:
    """Give each namespace (by name, with its labels) to the oldest tenant that selects it."""
    problems: list[Problem] = []
    by_namespace: dict[str, str] = {}
    for tenant in of_kind(Tenant, admit(sorted(tenants, key=by_age), cluster_findings, problems)):
        taken = []
        for namespace in _selected(tenant.object, namespaces):
            if by_namespace.setdefault(namespace, tenant.name) != tenant.name:
                taken.append((namespace, by_namespace[namespace]))
        if taken:
            problems.append(_taken(tenant, taken))
    return Tenancy(dict(sorted(by_namespace.items())), tuple(sorted(set(problems))))


def _selected(tenant: Tenant, namespaces: Mapping[str, Mapping[str, str]]) -> list[str]:
    if tenant.spec.namespaces is None:
        return []
    asked = tenant.spec.namespaces.match_labels.items()
    return sorted(name for name, labels in namespaces.items() if all(labels.get(key) == value for key, value in asked))


def _taken(tenant: Written[Tenant], taken: list[tuple[str, str]]) -> Problem:
    shown = ", ".join(f"`{namespace}` (of `{owner}`)" for namespace, owner in taken[:MAX_NAMES_SHOWN])
    more = f" and {len(taken) - MAX_NAMES_SHOWN} more" if len(taken) > MAX_NAMES_SHOWN else ""
    message = f"these namespaces belong to older tenants: {shown}{more}; write labels that no other tenant selects"
    return tenant.document.problem(("spec", "namespaces"), message, "NamespaceTaken")


def cluster_accounts(tenancy: Tenancy, tenants: Sequence[Document], compiled: Iterable[CompiledNamespace]) -> Accounts:
    """Accounts of the whole cluster: every price that some namespace uses, and which of them each book holds.

    Where namespaces state more prices than a ledger can be told, those that state the most are left out (`left_out`).
    """
    known = of_kind(Tenant, admit(sorted(tenants, key=by_age), cluster_findings, []))
    prices: dict[str, tuple[ModelPrices, ...]] = dict(public_prices(ALWAYS_PRICED))
    books: dict[str, tuple[str, ...]] = {}
    for book in _told({one.book.version: one.book for one in compiled}):
        books[book.version] = tuple(sorted(book.keys))
        prices |= book.keys
    whole = price_book(dict(sorted(prices.items())))
    books.pop(whole.version, None)
    accounts = Accounts(
        tenants=tuple(TenantAccount(name=name) for name in sorted(tenant.name for tenant in known)),
        namespaces=tenancy.by_namespace,
        book=whole,
        books=dict(sorted(books.items())),
    )
    return sealed_accounts(accounts)


def left_out(accounts: Accounts, compiled: Iterable[CompiledNamespace]) -> tuple[str, ...]:
    """Namespaces whose book the accounts do not hold: their calls are counted at the price that their sidecars say."""
    told = {accounts.book.version, *accounts.books}
    return tuple(sorted(one.namespace for one in compiled if one.book.version not in told))


def _told(books: Mapping[str, PriceBook]) -> list[PriceBook]:
    """As many as fit, those with the fewest own prices first: nobody can crowd the others out."""
    entries = sum(len(found) for book in books.values() for found in _own(book).values())
    if entries * ENTRY_BYTES <= MAX_OWN_BYTES:
        return list(books.values())
    sizes = sorted((len(_encode(_own(book))), version) for version, book in books.items())
    room = accumulate(size for size, _ in sizes)
    return [books[version] for (_, version), used in zip(sizes, room, strict=True) if used <= MAX_OWN_BYTES]


def _own(book: PriceBook) -> dict[str, tuple[ModelPrices, ...]]:
    return {key: entries for key, entries in book.keys.items() if key.startswith(price_key(""))}
