"""A laptop's documents to what runs: one snapshot, the accounts, and the problems.

Pure: the same documents and environment give the same result, byte for byte. A bad object is left out with its
reason and the rest is compiled; whether a result with problems goes live is the caller's decision (a laptop says no).
A cluster's half is `cluster/`. Must not read files, environment or clock. Next: `cluster/objects.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ccproxy_contract.accounts import Accounts, TenantAccount, sealed_accounts
from ccproxy_contract.names import LOCAL_TENANT
from ccproxy_contract.prices import PriceBook, price_book
from ccproxy_contract.snapshot import Backend, Rule, Snapshot, sealed
from ccproxy_policy.admit import Written, admit, of_kind
from ccproxy_policy.backend_prices import own_prices, price_key
from ccproxy_policy.backends import backend_from
from ccproxy_policy.books import public_prices
from ccproxy_policy.credentials import credential
from ccproxy_policy.documents import Document, names_of
from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.kinds.secret import Secret
from ccproxy_policy.kinds.tenant import Tenant
from ccproxy_policy.places import laptop_findings
from ccproxy_policy.policies import Named, Resolve, no_backend, policy_rules
from ccproxy_policy.problems import Problem
from ccproxy_policy.providers import ALWAYS_PRICED, defaults

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
    in_order = sorted(objects, key=lambda document: (document.file, document.line))
    written = admit(in_order, laptop_findings, problems)
    tenant = _tenant(of_kind(Tenant, written), problems)
    asked = of_kind(ModelBackend, written)
    book = _book(asked)
    backends = _backends(asked, of_kind(Secret, written), environment=environment, book=book, problems=problems)
    names = frozenset(names_of(objects, "ModelBackend"))
    resolve = partial(_resolved, backends=backends, refused=names - set(backends))
    rules, default = _rules(of_kind(RoutingPolicy, written), resolve, problems)
    if of_kind(RoutingPolicy, written) and not names:
        problems.append(_no_backends(of_kind(RoutingPolicy, written)[0]))
    snapshot = Snapshot(tenant=tenant, rules=rules, default=default, backends=tuple(backends.values()), book=book)
    accounts = Accounts(tenants=(TenantAccount(name=tenant),), book=book)
    return Compiled({LAPTOP_NAMESPACE: sealed(snapshot)}, sealed_accounts(accounts), tuple(sorted(set(problems))))


def _tenant(tenants: list[Written[Tenant]], problems: list[Problem]) -> str:
    """The only Tenant's name, else `local`."""
    for extra in tenants[1:]:
        message = f"a laptop has one Tenant, and `{tenants[0].name}` is it; remove one of them"
        problems.append(extra.document.problem((), message))
    return tenants[0].name if tenants else LOCAL_TENANT


def _book(backends: list[Written[ModelBackend]]) -> PriceBook:
    """Public prices of the backends' providers and of the large three, and the prices that backends state."""
    keys = set(ALWAYS_PRICED).union(*(defaults(backend.object.spec.provider).price_keys for backend in backends))
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
        key = credential(written.object.spec, secrets=by_name, environment=environment)
        found = backend_from(written, key=key, book=book, priced_as=written.name)
        if isinstance(found, Backend):
            usable[written.name] = found
        else:
            problems += found
    return usable


def _rules(
    policies: list[Written[RoutingPolicy]], resolve: Resolve, problems: list[Problem]
) -> tuple[tuple[Rule, ...], Rule | None]:
    """Rules of all policies, highest priority first, then file and position; and the first default there is.

    A policy in Shadow changes nothing, so its default never becomes the default of the snapshot. A policy without a
    default leaves it to those behind it: else a small policy put in front would turn every unmatched call into a 404.
    """
    rules: list[Rule] = []
    defaults: list[Rule] = []
    for policy in sorted(policies, key=lambda policy: -policy.object.spec.priority):
        found = policy_rules(policy, resolve)
        problems += found.problems
        rules += found.rules
        if policy.object.spec.mode == "Enforce" and found.default is not None:
            defaults.append(found.default)
    return tuple(rules), defaults[0] if defaults else None


def _resolved(ref: str, *, backends: Mapping[str, Backend], refused: frozenset[str]) -> Named:
    """What a name in a policy leads to; a backend with problems of its own is not reported again."""
    if ref in backends:
        return Named(ref, backends[ref].dialects)
    if ref in refused:
        return Named(ref, reason="BackendNotUsable")
    if "/" in ref:
        message = "a laptop has no namespaces; write the backend's name alone"
        return Named(ref, reason="BackendNotFound", message=message)
    return Named(ref, reason="BackendNotFound", message=no_backend(ref, sorted(backends)))


def _no_backends(policy: Written[RoutingPolicy]) -> Problem:
    return policy.document.problem((), "there is no ModelBackend at all, nothing can be called; write one")
