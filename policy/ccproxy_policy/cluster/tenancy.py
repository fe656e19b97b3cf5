"""Which tenant pays for which namespace, and what the ledger knows of all of them.

A namespace has at most one tenant; of two that select it the older has it. Must not hold credentials. Next:
`../starter.py`, then `../crds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ccproxy_contract.accounts import Accounts, TenantAccount, sealed_accounts
from ccproxy_contract.names import NO_TENANT
from ccproxy_contract.prices import ModelPrices, price_book
from ccproxy_policy.admit import Written, admit, of_kind
from ccproxy_policy.books import public_prices
from ccproxy_policy.cluster.namespaces import CompiledNamespace
from ccproxy_policy.cluster.objects import by_age
from ccproxy_policy.documents import Document
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.places import cluster_findings
from ccproxy_policy.problems import Problem
from ccproxy_policy.providers import ALWAYS_PRICED

MAX_NAMES_SHOWN = 5


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
    """Accounts of the whole cluster: every price that some namespace uses, and which of them each book holds."""
    known = of_kind(Tenant, admit(sorted(tenants, key=by_age), cluster_findings, []))
    prices: dict[str, tuple[ModelPrices, ...]] = dict(public_prices(ALWAYS_PRICED))
    books: dict[str, tuple[str, ...]] = {}
    for one in compiled:
        if one.book.version not in books:
            books[one.book.version] = tuple(sorted(one.book.keys))
            prices |= one.book.keys
    whole = price_book(dict(sorted(prices.items())))
    books.pop(whole.version, None)
    accounts = Accounts(
        tenants=tuple(TenantAccount(name=name) for name in sorted(tenant.name for tenant in known)),
        namespaces=tenancy.by_namespace,
        book=whole,
        books=dict(sorted(books.items())),
    )
    return sealed_accounts(accounts)
