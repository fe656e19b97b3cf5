"""What one workload's sidecars run: the policies that select its pods and the backends and keys that these name.

Pure and fast: an operator cuts a slice for every workload after every change. A slice's hash does not depend on the
resourceVersions in it. Must not look anything up. Next: `tenancy.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec

from ccproxy_contract.features import needs
from ccproxy_contract.snapshot import Backend, Match, Rule, Snapshot, sealed
from ccproxy_policy.cluster.namespaces import CompiledNamespace, CompiledPolicy, backends_of


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule that the sidecar is too old for: left out of its slice, or (`denies_more`) in it with fewer conditions."""

    policy: str
    rule: str
    missing: tuple[str, ...]
    """Features that it asks for and the sidecar has not."""
    denies_more: bool = False


@dataclass(frozen=True, slots=True)
class WorkloadSlice:
    """A slice, and what it should hold besides if the sidecar were newer."""

    snapshot: Snapshot
    left_out: tuple[LeftOut, ...]


def selects(policy: CompiledPolicy, labels: Mapping[str, str]) -> bool:
    """Is the policy for pods with these labels?"""
    return policy.selector.items() <= labels.items()


def for_workload(
    compiled: CompiledNamespace,
    *,
    workload: str,
    labels: Mapping[str, str],
    features: frozenset[str],
    resource_versions: Mapping[str, str],
    next_root: str = "",
    retired: bool = False,
) -> WorkloadSlice:
    """The slice of pods with these labels whose sidecar can do `features`."""
    left: list[LeftOut] = []
    rules: list[Rule] = []
    default: Rule | None = None
    for policy in compiled.policies:
        if not selects(policy, labels):
            continue
        known = policy if policy.needs <= features else _known(policy, features, left)
        rules += known.rules
        if default is None and known.mode == "Enforce":
            default = known.default
    snapshot = Snapshot(
        workload=workload,
        namespace=compiled.namespace,
        tenant=compiled.tenant,
        rules=tuple(rules),
        default=default,
        backends=tuple(_backends(compiled, backends_of((*rules, default)))),
        book=compiled.book,
        next_root=next_root,
        retired=retired,
        resource_versions=dict(sorted(resource_versions.items())),
    )
    return WorkloadSlice(sealed(snapshot), tuple(left))


def _backends(compiled: CompiledNamespace, named: set[str]) -> Iterator[Backend]:
    """What the slice's rules name, and the namespace's own that no policy names: any workload may fall back on them."""
    for name, backend in compiled.backends.items():
        if name in named or ("/" not in name and name not in compiled.named):
            yield backend


def _known(policy: CompiledPolicy, features: frozenset[str], left: list[LeftOut]) -> CompiledPolicy:
    """The policy as far as a sidecar with `features` can run it; adds to `left` what it cannot."""
    know = partial(_known_rule, policy, features=features, left=left)
    rules = tuple(rule for written in policy.rules if (rule := know(written)))
    default = know(policy.default) if policy.default else None
    return CompiledPolicy(
        name=policy.name,
        selector=policy.selector,
        mode=policy.mode,
        rules=rules,
        default=default,
        fail_mode=policy.fail_mode,
        needs=policy.needs & features,
    )


def _known_rule(policy: CompiledPolicy, rule: Rule, *, features: frozenset[str], left: list[LeftOut]) -> Rule | None:
    missing = needs(rule) - features
    if not missing:
        return rule
    conditions = {name.removeprefix("match.") for name in missing if name.startswith("match.")}
    closed = rule.then.deny is not None and policy.fail_mode == "Closed" and rule.mode == "Enforce"
    kept = closed and len(conditions) == len(missing)
    left.append(LeftOut(policy.name, rule.name, tuple(sorted(missing)), denies_more=kept))
    return msgspec.structs.replace(rule, match=_without(rule.match, conditions)) if kept else None


def _without(match: Match, conditions: set[str]) -> Match:
    """The match without asking for `conditions`."""
    unasked = Match()
    return msgspec.structs.replace(match, **{name: getattr(unasked, name) for name in conditions})
