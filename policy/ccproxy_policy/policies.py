"""A RoutingPolicy to the contract's rules, with missing parts of `then` filled from its `default`.

A policy with something wrong in its own text is left out as a whole. A rule whose backends are missing stays, marked
`broken`: its calls are answered 503 and never slip to the next rule. Next: `compile.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ccproxy_contract import snapshot as run
from ccproxy_contract.names import DEFAULT_RULE, NO_RULE
from ccproxy_policy.admit import Written
from ccproxy_policy.kinds.routing_policy import Match, Route, RoutingPolicy, RoutingPolicySpec, Treatment
from ccproxy_policy.matching import match_findings, match_from
from ccproxy_policy.problems import PathParts, Problem
from ccproxy_policy.sentences import nearest
from ccproxy_policy.spoken import route_finding

_NO_TREATMENT: Final = "write route or deny, or give the policy a `default`"


@dataclass(frozen=True, slots=True)
class Backends:
    """Backends by name; `refused` are those that were written but have problems of their own."""

    usable: Mapping[str, run.Backend]
    refused: frozenset[str]


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """One policy's rules in order, its default as a rule, and what is wrong."""

    rules: tuple[run.Rule, ...] = ()
    default: run.Rule | None = None
    problems: tuple[Problem, ...] = ()


def policy_rules(written: Written[RoutingPolicy], backends: Backends) -> PolicyRules:
    """The rules of one policy; none when the policy itself is wrong or Off."""
    own = [written.document.problem(*finding) for finding in _own_findings(written.object.spec)]
    if own or written.object.spec.mode == "Off":
        return PolicyRules(problems=tuple(own))
    rules: list[run.Rule] = []
    problems: list[Problem] = []
    for draft in _drafts(written, backends):
        rules.append(draft.rule())
        problems += draft.problems()
    default = next((rule for rule in rules if rule.name == DEFAULT_RULE), None)
    return PolicyRules(tuple(rule for rule in rules if rule is not default), default, tuple(problems))


def _own_findings(spec: RoutingPolicySpec) -> Iterator[tuple[PathParts, str]]:
    """What is wrong with the policy's text, whatever else exists."""
    if spec.workload_selector.match_labels:
        yield ("spec", "workloadSelector", "matchLabels"), "a laptop has no pods to select; leave it out"
    if spec.default:
        yield from _treatment_findings(spec.default, ("spec", "default"))
        if not spec.default.route and not spec.default.deny:
            yield ("spec", "default"), "write route or deny, or leave `default` out"
    seen: dict[str, int] = {}
    for index, rule in enumerate(spec.rules):
        here: PathParts = ("spec", "rules", index)
        if rule.name in (DEFAULT_RULE, NO_RULE):
            yield (*here, "name"), f"`{rule.name}` has a meaning of its own in metrics; choose another name"
        if rule.name in seen:
            yield (*here, "name"), f"spec.rules[{seen[rule.name]}] has this name already; choose another"
        seen.setdefault(rule.name, index)
        yield from match_findings(rule.match, (*here, "match"))
        yield from _treatment_findings(rule.then, (*here, "then"))
        if not (rule.then.route or rule.then.deny or spec.default):
            yield (*here, "then"), _NO_TREATMENT


def _treatment_findings(treatment: Treatment, here: PathParts) -> Iterator[tuple[PathParts, str]]:
    if treatment.route and treatment.deny:
        yield here, "has both route and deny; keep one of them"
    if treatment.route:
        yield from _route_findings(treatment.route, (*here, "route"))


def _route_findings(route: Route, here: PathParts) -> Iterator[tuple[PathParts, str]]:
    weights = [target.weight for target in route.targets]
    if route.strategy == "Weighted":
        if not any(weight is None or weight > 0 for weight in weights):
            yield (*here, "targets"), "all weights are 0, nothing can be chosen; write at least one above 0"
    else:
        for index, weight in enumerate(weights):
            if weight is not None:
                yield (*here, "targets", index, "weight"), "works with strategy: Weighted alone; leave it out"
    seen: set[tuple[str, str | None]] = set()
    for index, target in enumerate(route.targets):
        if (target.backend, target.model) in seen:
            yield (*here, "targets", index), "this target stands twice in the route; keep one of them"
        seen.add((target.backend, target.model))


@dataclass(frozen=True, slots=True)
class _Draft:
    """One rule in the making: its own treatment, else the policy's default, against the backends there are."""

    name: str
    policy: Written[RoutingPolicy]
    match: Match | None
    then: Treatment
    path: PathParts
    """Where `then` stands in the document."""
    inherited: bool
    backends: Backends

    def rule(self) -> run.Rule:
        spec = self.policy.object.spec
        return run.Rule(
            name=self.name,
            policy=self.policy.name,
            mode=spec.mode,
            match=match_from(self.match or Match()),
            then=self._treatment(),
            broken=self._broken(),
        )

    def problems(self) -> Iterator[Problem]:
        """What is wrong between this rule and the backends; a default's own problems are reported once."""
        if not self.inherited:
            for index, name in self._missing():
                parts = (*self.path, "route", "targets", index, "backend")
                yield self.policy.document.problem(parts, _no_backend(name, self.backends))
        if finding := self._route_finding():
            parts = self.path if self.inherited else (*self.path, "route")
            yield self.policy.document.problem(parts, finding)

    def _missing(self) -> Iterator[tuple[int, str]]:
        for index, target in enumerate(self._targets()):
            if target.backend not in self.backends.usable and target.backend not in self.backends.refused:
                yield index, target.backend

    def _targets(self) -> tuple[run.Target, ...]:
        route = self.then.route
        return tuple(
            run.Target(backend=target.backend, model=target.model, weight=1 if target.weight is None else target.weight)
            for target in (route.targets if route else ())
        )

    def _usable(self) -> list[run.Backend]:
        usable = self.backends.usable
        return [usable[target.backend] for target in self._targets() if target.backend in usable]

    def _treatment(self) -> run.Treatment:
        """Targets that exist; all of them when none does, so that the broken rule still says what was meant."""
        if self.then.deny:
            return run.Treatment(deny=run.Deny(status=self.then.deny.status, message=self.then.deny.message))
        if not self.then.route:
            return run.Treatment()
        targets = self._targets()
        there = tuple(target for target in targets if target.backend in self.backends.usable)
        return run.Treatment(route=run.Route(targets=there or targets, strategy=self.then.route.strategy))

    def _broken(self) -> str:
        names = sorted({target.backend for target in self._targets()})
        if names and not self._usable():
            return f"no usable backend: {', '.join(names)}"
        return self._route_finding()

    def _route_finding(self) -> str:
        return route_finding(self.match, self._usable(), of_default=self.inherited or self.match is None)


def _drafts(policy: Written[RoutingPolicy], backends: Backends) -> Iterator[_Draft]:
    spec = policy.object.spec
    for index, rule in enumerate(spec.rules):
        inherited = not (rule.then.route or rule.then.deny)
        then = spec.default if inherited and spec.default else rule.then
        path: PathParts = ("spec", "rules", index) if inherited else ("spec", "rules", index, "then")
        yield _Draft(rule.name, policy, rule.match, then, path, inherited, backends)
    if spec.default:
        yield _Draft(DEFAULT_RULE, policy, None, spec.default, ("spec", "default"), False, backends)


def _no_backend(name: str, backends: Backends) -> str:
    if "/" in name:
        return "a laptop has no namespaces; write the backend's name alone"
    there = sorted(backends.usable)
    if near := nearest(name, there):
        return f"there is no ModelBackend `{name}`; did you mean `{near}`?"
    return f"there is no ModelBackend `{name}`; " + (f"write one of {', '.join(there)}" if there else "write one")
