"""Documents to what runs: one snapshot per namespace (a laptop's is ``), the accounts, and the problems.

Pure: the same documents and environment give the same result, byte for byte. A bad object is left out with its
reason and the rest is compiled; whether a result with problems goes live is the caller's decision (a laptop says no).
Must not read files, environment or clock. Next: `starter.py`, then `crds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ccproxy_contract.accounts import Accounts, TenantAccount, sealed_accounts
from ccproxy_contract.names import LOCAL_TENANT
from ccproxy_contract.prices import PriceBook, price_book
from ccproxy_contract.snapshot import Backend, Rule, Snapshot, sealed
from ccproxy_policy.admit import Kind, Written, admitted, of_kind
from ccproxy_policy.backend_prices import own_prices, price_key
from ccproxy_policy.backends import backend_from
from ccproxy_policy.books import public_prices
from ccproxy_policy.documents import Document
from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.secret import Secret
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.policies import Backends, policy_rules
from ccproxy_policy.problems import Problem
from ccproxy_policy.providers import ALWAYS_PRICED, DEFAULTS

LAPTOP_NAMESPACE: Final = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What runs, by namespace, and what was left out and why, in file and line order. Holds secrets."""

    snapshots: dict[str, Snapshot]
    accounts: Accounts
    problems: tuple[Problem, ...]


def compile(objects: Sequence[Document], *, environment: Mapping[str, str]) -> Compiled:
    """Compile a laptop's documents; `environment` is where `{env: NAME}` and `${NAME}` are looked up."""
    problems: list[Problem] = []
    written = _admit(sorted(objects, key=lambda document: (document.file, document.line)), problems)
    tenant = _tenant(of_kind(Tenant, written), problems)
    asked = of_kind(ModelBackend, written)
    book = _book(asked)
    backends = _backends(asked, of_kind(Secret, written), environment=environment, book=book, problems=problems)
    names = frozenset(_names(objects, "ModelBackend"))
    rules, default = _rules(of_kind(RoutingPolicy, written), Backends(backends, names - set(backends)), problems)
    if of_kind(RoutingPolicy, written) and not names:
        problems.append(_no_backends(of_kind(RoutingPolicy, written)[0]))
    snapshot = Snapshot(tenant=tenant, rules=rules, default=default, backends=tuple(backends.values()), book=book)
    accounts = Accounts(tenants=(TenantAccount(name=tenant),), book=book)
    return Compiled({LAPTOP_NAMESPACE: sealed(snapshot)}, sealed_accounts(accounts), tuple(sorted(set(problems))))


def _admit(documents: Iterable[Document], problems: list[Problem]) -> list[Written[Kind]]:
    """Every document that is an object; of two with one kind and name the first."""
    taken: dict[tuple[str, str], Document] = {}
    objects = []
    for document in documents:
        found = admitted(document)
        if isinstance(found, list):
            problems += found
            continue
        first = taken.setdefault((found.object.kind, found.name), document)
        if first is document:
            objects.append(found)
        else:
            message = f"{found.object.kind} `{found.name}` is already in {first.file}:{first.line}; choose another name"
            problems.append(document.problem(("metadata", "name"), message))
    return objects


def _tenant(tenants: list[Written[Tenant]], problems: list[Problem]) -> str:
    """The only Tenant's name, else `local`."""
    for extra in tenants[1:]:
        message = f"a laptop has one Tenant, and `{tenants[0].name}` is it; remove one of them"
        problems.append(extra.document.problem((), message))
    return tenants[0].name if tenants else LOCAL_TENANT


def _book(backends: list[Written[ModelBackend]]) -> PriceBook:
    """Public prices of the backends' providers and of the large three, and the prices that backends state."""
    keys = set(ALWAYS_PRICED).union(*(DEFAULTS[backend.object.spec.provider].price_keys for backend in backends))
    own = {price_key(backend.name): own_prices(backend.object.spec.models) for backend in backends}
    return price_book(public_prices(keys) | {key: entries for key, entries in own.items() if entries})


def _backends(
    asked: list[Written[ModelBackend]],
    secrets: list[Written[Secret]],
    *,
    environment: Mapping[str, str],
    book: PriceBook,
    problems: list[Problem],
) -> dict[str, Backend]:
    by_name = {secret.name: secret for secret in secrets}
    usable: dict[str, Backend] = {}
    for written in asked:
        found = backend_from(written, secrets=by_name, environment=environment, book=book)
        if isinstance(found, Backend):
            usable[written.name] = found
        else:
            problems += found
    return usable


def _rules(
    policies: list[Written[RoutingPolicy]], backends: Backends, problems: list[Problem]
) -> tuple[tuple[Rule, ...], Rule | None]:
    """Rules of all policies, highest priority first, then file and position; and the first default there is.

    A policy in Shadow changes nothing, so its default never becomes the default of the snapshot. A policy without a
    default leaves it to those behind it: else a small policy put in front would turn every unmatched call into a 404.
    """
    rules: list[Rule] = []
    defaults: list[Rule] = []
    for policy in sorted(policies, key=lambda policy: -policy.object.spec.priority):
        found = policy_rules(policy, backends)
        problems += found.problems
        rules += found.rules
        if policy.object.spec.mode == "Enforce" and found.default is not None:
            defaults.append(found.default)
    return tuple(rules), defaults[0] if defaults else None


def _no_backends(policy: Written[RoutingPolicy]) -> Problem:
    return policy.document.problem((), "there is no ModelBackend at all, nothing can be called; write one")


def _names(documents: Iterable[Document], kind: str) -> Iterable[str]:
    """Names of all documents that mean to be of a kind, also of those that are refused."""
    for document in documents:
        value = document.value
        if isinstance(value, dict) and value.get("kind") == kind and isinstance(value.get("metadata"), dict):
            name = value["metadata"].get("name")
            if isinstance(name, str):
                yield name
