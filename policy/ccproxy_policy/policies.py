"""A RoutingPolicy to the contract's rules, with missing parts of `then` filled from its `default`.

A policy with something wrong in its own text is left out as a whole. A rule whose backends are missing stays, marked
`broken`: its calls are answered 503 and never slip to the next rule. Next: `compile.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ccproxy_contract import snapshot as run
from ccproxy_contract.names import DEFAULT_RULE, NO_RULE
from ccproxy_policy.admit import Written
from ccproxy_policy.kinds.routing_policy import Match, Route, RoutingPolicy, RoutingPolicySpec, Target, Treatment
from ccproxy_policy.matching import match_findings, match_from
from ccproxy_policy.problems import PathParts, Problem
from ccproxy_policy.sentences import nearest
from ccproxy_policy.spoken import route_finding

MAX_NAMES_SHOWN: Final = 10
_NO_TREATMENT: Final = "write route or deny, or give the policy a `default`"


@dataclass(frozen=True, slots=True)
class Named:
    """What a target's `backend` leads to. Usable without a reason; without a message that is reported elsewhere."""

    name: str
    """As the snapshot calls the backend."""
    dialects: tuple[run.DialectName, ...] = ()
    reason: str = ""
    message: str = ""


Resolve = Callable[[str], Named]
"""From what is written to what it leads to."""


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """One policy's rules in order, its default as a rule, and what is wrong."""

    rules: tuple[run.Rule, ...] = ()
    default: run.Rule | None = None
    problems: tuple[Problem, ...] = ()


def policy_rules(written: Written[RoutingPolicy], resolve: Resolve) -> PolicyRules:
    """The rules of one policy; none when the policy itself is wrong or Off."""
    own = own_problems(written)
    if own or written.object.spec.mode == "Off":
        return PolicyRules(problems=own)
    named = {ref: resolve(ref) for ref in written.document.kept("refs", None, partial(_refs, written.object.spec))}
    return written.document.kept("rules", named, partial(_ruled, written, named))


def own_problems(written: Written[RoutingPolicy]) -> tuple[Problem, ...]:
    """What is wrong with the policy's text, whatever else exists: it is left out as a whole."""

    def found() -> tuple[Problem, ...]:
        return tuple(written.document.problem(*finding) for finding in _own_findings(written.object))

    return written.document.kept("own", None, found)


def _refs(spec: RoutingPolicySpec) -> tuple[str, ...]:
    """Every backend that the policy names, once, in the order of the text."""
    treatments = (*(rule.then for rule in spec.rules), spec.default)
    routes = (treatment.route for treatment in treatments if treatment and treatment.route)
    return tuple(dict.fromkeys(target.backend for route in routes for target in route.targets))


def _ruled(written: Written[RoutingPolicy], named: Mapping[str, Named]) -> PolicyRules:
    rules: list[run.Rule] = []
    problems: list[Problem] = []
    for draft in _drafts(written, named):
        rules.append(draft.rule())
        problems += draft.problems()
    default = next((rule for rule in rules if rule.name == DEFAULT_RULE), None)
    return PolicyRules(tuple(rule for rule in rules if rule is not default), default, tuple(problems))


def _own_findings(policy: RoutingPolicy) -> Iterator[tuple[PathParts, str]]:
    spec, own = policy.spec, f"{policy.metadata.namespace}/"
    if spec.default:
        yield from _treatment_findings(spec.default, ("spec", "default"), own)
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
        yield from _treatment_findings(rule.then, (*here, "then"), own)
        if not (rule.then.route or rule.then.deny or spec.default):
            yield (*here, "then"), _NO_TREATMENT


def _treatment_findings(treatment: Treatment, here: PathParts, own: str) -> Iterator[tuple[PathParts, str]]:
    if treatment.route and treatment.deny:
        yield here, "has both route and deny; keep one of them"
    if treatment.route:
        yield from _route_findings(treatment.route, (*here, "route"), own)


def _route_findings(route: Route, here: PathParts, own: str) -> Iterator[tuple[PathParts, str]]:
    """`own`: the policy's namespace and a slash, which a name may have or not."""
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
        meant = (target.backend.removeprefix(own), target.model)
        if meant in seen:
            yield (*here, "targets", index), "this target stands twice in the route; keep one of them"
        seen.add(meant)


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
    named: Mapping[str, Named]

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
            for index, found in enumerate(self._found()):
                if found.message:
                    parts = (*self.path, "route", "targets", index, "backend")
                    yield self.policy.document.problem(parts, found.message, found.reason)
        if finding := self._route_finding():
            parts = self.path if self.inherited else (*self.path, "route")
            yield self.policy.document.problem(parts, finding, "DialectNotSpoken")

    def _found(self) -> list[Named]:
        """What each target leads to, in order."""
        return [self.named[target.backend] for target in self._written()]

    def _written(self) -> list[Target]:
        return self.then.route.targets if self.then.route else []

    def _treatment(self) -> run.Treatment:
        """Targets that exist; all of them when none does, so that the broken rule still says what was meant."""
        if self.then.deny:
            return run.Treatment(deny=run.Deny(status=self.then.deny.status, message=self.then.deny.message))
        if not self.then.route:
            return run.Treatment()
        targets = [
            (found, _target(written, found)) for written, found in zip(self._written(), self._found(), strict=True)
        ]
        there = tuple(target for found, target in targets if not found.reason)
        meant = there or tuple(target for _, target in targets)
        return run.Treatment(route=run.Route(targets=meant, strategy=self.then.route.strategy))

    def _broken(self) -> str:
        names = sorted({found.name for found in self._found()})
        if names and all(found.reason for found in self._found()):
            return f"no usable backend: {', '.join(names)}"
        return self._route_finding()

    def _route_finding(self) -> str:
        spoken = [found.dialects for found in self._found() if not found.reason]
        return route_finding(self.match, spoken, of_default=self.inherited or self.match is None)


def _target(written: Target, found: Named) -> run.Target:
    weight = 1 if written.weight is None else written.weight
    return run.Target(backend=found.name, model=written.model, weight=weight)


def _drafts(policy: Written[RoutingPolicy], named: Mapping[str, Named]) -> Iterator[_Draft]:
    spec = policy.object.spec
    for index, rule in enumerate(spec.rules):
        inherited = not (rule.then.route or rule.then.deny)
        then = spec.default if inherited and spec.default else rule.then
        path: PathParts = ("spec", "rules", index) if inherited else ("spec", "rules", index, "then")
        yield _Draft(rule.name, policy, rule.match, then, path, inherited, named)
    if spec.default:
        yield _Draft(DEFAULT_RULE, policy, None, spec.default, ("spec", "default"), False, named)


def no_backend(name: str, there: list[str]) -> str:
    """What to write instead of the name of a backend that is not there; `there` are those that are."""
    if near := nearest(name, there):
        return f"there is no ModelBackend `{name}`; did you mean `{near}`?"
    shown = ", ".join(there[:MAX_NAMES_SHOWN]) + (" or another" if len(there) > MAX_NAMES_SHOWN else "")
    return f"there is no ModelBackend `{name}`; " + (f"write one of {shown}" if there else "write one")
