"""One namespace's objects to what its sidecars can run: policies in their order, backends, prices and problems.

Pure: the same objects give the same result, in whatever order they come; what an object compiles to is kept with its
document, so a namespace of thousands compiles again in milliseconds. A bad object is left out with its reason and
changes nothing for the others. Must not choose what one workload gets (`workloads.py` does). Next: `workloads.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Literal

from ccproxy_contract.features import needs
from ccproxy_contract.prices import PriceBook, price_book
from ccproxy_contract.snapshot import Backend, Mode, Rule
from ccproxy_policy.admit import Written, admit, of_kind
from ccproxy_policy.books import public_prices
from ccproxy_policy.cluster.objects import Find, Key, NamespaceLabels, by_age
from ccproxy_policy.cluster.references import Prices, References
from ccproxy_policy.documents import Document, names_of
from ccproxy_policy.kinds.model_backend import ModelBackend
from ccproxy_policy.kinds.routing_policy import RoutingPolicy
from ccproxy_policy.matching import pattern_cost
from ccproxy_policy.places import cluster_findings
from ccproxy_policy.policies import PolicyRules, own_problems, policy_rules
from ccproxy_policy.problems import Problem
from ccproxy_policy.providers import ALWAYS_PRICED

MAX_PATTERN_COST: Final = 32_768
"""Of all policies of a namespace (`pattern_cost`): about 3 s at the worst, while nobody else's are compiled."""
_TOO_DEAR: Final = (
    f"the namespace's patterns take more than {MAX_PATTERN_COST} (one for each, and one for each letter of a `re:`); "
    "write globs instead of `re:`, or fewer"
)


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One policy: the pods it selects, its rules in order, and its default as a rule. Without rules when it is Off."""

    name: str
    selector: dict[str, str]
    """Labels a pod must carry; empty: every pod of the namespace."""
    mode: Mode
    rules: tuple[Rule, ...]
    default: Rule | None
    fail_mode: Literal["Closed", "Open"]
    needs: frozenset[str]
    """Features that some rule or the default asks for."""


@dataclass(frozen=True, slots=True)
class CompiledNamespace:
    """What the sidecars of one namespace can run. Holds secrets."""

    namespace: str
    tenant: str
    policies: tuple[CompiledPolicy, ...]
    """In the order in which their rules are tried: highest priority, then oldest, then name."""
    backends: dict[str, Backend]
    """By the name that slices use: `name`, or `namespace/name` of another namespace's."""
    named: frozenset[str]
    """The backends that some policy's rule or default names."""
    book: PriceBook
    problems: tuple[Problem, ...]
    uses: frozenset[Key]
    """All that was looked up, also what was not there: a change of any of them makes this result old."""


def compile_namespace(
    namespace: str, own: Sequence[Document], *, find: Find, tenant: str, namespace_labels: NamespaceLabels
) -> CompiledNamespace:
    """Compile the RoutingPolicies and ModelBackends of one namespace."""
    problems: list[Problem] = []
    written = admit(sorted(own, key=by_age), cluster_findings, problems)
    references = References(namespace, find=find, namespace_labels=namespace_labels)
    problems += references.own(of_kind(ModelBackend, written), names_of(own, "ModelBackend"))
    policies = _policies(_affordable(of_kind(RoutingPolicy, written), problems), references, problems)
    return CompiledNamespace(
        namespace=namespace,
        tenant=tenant,
        policies=policies,
        backends=dict(sorted(references.backends.items())),
        named=frozenset().union(*(backends_of((*policy.rules, policy.default)) for policy in policies)),
        book=_book(*references.prices()),
        problems=tuple(sorted(set(problems))),
        uses=frozenset(references.uses),
    )


def _affordable(written: Sequence[Written[RoutingPolicy]], problems: list[Problem]) -> list[Written[RoutingPolicy]]:
    """The policies, the oldest first, as long as their patterns can be proved in time: others wait for it."""
    found, room = [], MAX_PATTERN_COST
    for policy in written:
        cost = sum(pattern_cost(rule.match) for rule in policy.object.spec.rules)
        if cost > room:
            problems.append(policy.document.problem(("spec", "rules"), _TOO_DEAR, "TooManyPatterns"))
        else:
            found.append(policy)
            room -= cost
    return found


def backends_of(rules: Sequence[Rule | None]) -> set[str]:
    """The backends that these rules name."""
    routes = (rule.then.route for rule in rules if rule is not None and rule.then.route is not None)
    return {target.backend for route in routes for target in route.targets}


def _policies(
    written: Sequence[Written[RoutingPolicy]], references: References, problems: list[Problem]
) -> tuple[CompiledPolicy, ...]:
    """Every policy whose own text is right, in order; those of one priority as they come, the oldest first."""
    found = []
    for policy in sorted(written, key=lambda policy: -policy.object.spec.priority):
        ruled = policy_rules(policy, references.resolve)
        problems += ruled.problems
        if not own_problems(policy):
            found.append(policy.document.kept("policy", ruled, partial(_policy, policy, ruled)))
    return tuple(found)


def _policy(written: Written[RoutingPolicy], ruled: PolicyRules) -> CompiledPolicy:
    spec = written.object.spec
    rules = (*ruled.rules, *((ruled.default,) if ruled.default else ()))
    return CompiledPolicy(
        name=written.name,
        selector=dict(spec.workload_selector.match_labels),
        mode=spec.mode,
        rules=ruled.rules,
        default=ruled.default,
        fail_mode=spec.fail_mode,
        needs=frozenset().union(*(needs(rule) for rule in rules)),
    )


def _book(providers: set[str], own: Prices) -> PriceBook:
    """Public prices of the backends' providers and of the large three, and the prices that backends state."""
    keys = frozenset(providers.union(ALWAYS_PRICED))
    return price_book(public_prices(keys) | own) if own else _public_book(keys)


@lru_cache(maxsize=256)
def _public_book(keys: frozenset[str]) -> PriceBook:
    """One book for all namespaces that use the same providers at public prices."""
    return price_book(public_prices(keys))
