"""Stage 2: what the call is, which rule takes it, and which targets it may go to. Closed on failure.

Reads the body's head once, finds session, agent and task, asks the rules. A rule whose targets are all broken is
answered 503, never the next rule; a target that does not speak the call's dialect is left out and, when none is
left, the call is refused, because translation is not built yet. Must not send anything. Next: `forward.py`.
"""

from __future__ import annotations

import msgspec

from ccproxy_contract.names import DEFAULT_RULE, NO_RULE
from ccproxy_contract.snapshot import Backend, Deny, DialectName, Provider, Route, Rule, Target
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Malformed, Problem, ProblemKind
from ccproxy_sidecar.rules.engine import Decision, decide, decide_now, holds_now
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.sessions.agents import agent_of
from ccproxy_sidecar.sessions.identity import session_id
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.sessions.tasks import task_of
from ccproxy_sidecar.upstream.balance import Balance

_WITH_REQUEST = frozenset({"generate", "count", "embed"})
_DENIAL_KINDS: dict[int, ProblemKind] = {
    401: "authentication", 402: "billing", 403: "permission", 404: "not_found", 413: "too_large", 429: "billing",
}  # fmt: skip


HOME: dict[DialectName, Provider] = {
    "anthropic-messages": "Anthropic",
    "openai-chat": "OpenAI",
    "openai-responses": "OpenAI",
    "openai-embeddings": "OpenAI",
    "gemini-generate": "Gemini",
}
"""Whose dialect it is."""


class Choice(msgspec.Struct, frozen=True):
    """One place to send the call to; without `model` the client's own model name stays."""

    backend: Backend
    model: str | None


class Plan(msgspec.Struct, frozen=True):
    """Where a call goes, in the order of trying, and what a Shadow policy would have done instead."""

    choices: tuple[Choice, ...]
    shadow: str = ""


async def classify(
    call: Call, program: Program, *, sessions: Sessions, balance: Balance, now_s: float
) -> Plan | Problem:
    """The plan for a call, or why there is none. `now_s`: a monotonic clock."""
    call.rule = NO_RULE
    if call.operation not in _WITH_REQUEST:
        return _passed_through(call, program)
    request = call.dialect.read(call.body, operation=call.operation, path_model=call.path_model)
    if isinstance(request, Malformed):
        return _malformed(call, request)
    call.request = request
    known = session_id(call, program.snapshot.workload)
    if known is not None:
        call.session_id = known
        call.session = sessions.get(known)
    call.agent = agent_of(call, call.session, now_s)
    call.task = task_of(call, call.agent)
    decision = decide_now(program, call)
    if decision is None:
        decision = await decide(program, call)
    return _carried_out(call, program, decision, balance=balance)


def _malformed(call: Call, found: Malformed) -> Problem:
    encoding = call.headers.get("content-encoding", "identity")
    message = found.message
    if encoding.lower() != "identity":
        message = (
            f"the body is compressed (content-encoding: {encoding[:20]}), which ccproxy does not read: send it plain"
        )
    return Problem(status=400, kind="invalid_request", message=message, retryable=False)


def _carried_out(call: Call, program: Program, decision: Decision, *, balance: Balance) -> Plan | Problem:
    rule = decision.rule
    shadow = _shadow_words(decision) if decision.shadows else ""
    if rule is None:
        plan = _native(call, program)
        return plan if isinstance(plan, Problem) else Plan(plan.choices, shadow)
    call.rule, call.policy = rule.name, rule.policy
    if rule.then.deny is not None:
        return _denial(rule.then.deny)
    if rule.broken:
        return Problem(status=503, kind="unavailable", message=f"rule {rule.name}: {rule.broken}")
    if rule.then.route is None:
        return _native(call, program)
    choices = _choices(call, program, rule, balance=balance, route=rule.then.route)
    return choices if isinstance(choices, Problem) else Plan(choices, shadow)


def _choices(
    call: Call, program: Program, rule: Rule, *, route: Route, balance: Balance
) -> tuple[Choice, ...] | Problem:
    targets = route.targets
    if route.strategy != "Priority":
        conversation = f"{call.session_id}/{call.agent}"
        targets = balance.order(route, rule=f"{rule.policy}/{rule.name}", conversation=conversation)
    choices = tuple(_speaking(call, program, targets))
    if choices and call.operation == "embed" and not (rule.match.models or rule.match.paths):
        # A rule that does not name what it is about means models that talk: an embedding keeps its own.
        return tuple(Choice(choice.backend, None) for choice in choices)
    if choices:
        return choices
    names = ", ".join(sorted({target.backend for target in route.targets}))
    return Problem(
        status=501,
        kind="unavailable",
        retryable=False,
        message=f"rule {rule.name} routes to {names}, which does not speak {call.dialect.name}; translation between "
        "dialects is planned, not built: add a target that speaks it",
    )


def _speaking(call: Call, program: Program, targets: tuple[Target, ...]) -> list[Choice]:
    found: list[Choice] = []
    for target in targets:
        backend = program.backends.get(target.backend)
        if backend is not None and call.dialect.name in backend.dialects:
            found.append(Choice(backend, target.model))
    return found


def _passed_through(call: Call, program: Program) -> Plan | Problem:
    """A path without a body that ccproxy reads (a stored response, one model): the rules that ask for none decide.

    The first of them that refuses it or has a target that speaks its dialect; models of targets name nothing here.
    """
    for compiled in program.rules:
        rule = compiled.rule
        if rule.mode != "Enforce" or not compiled.bodiless or not holds_now(compiled, call):
            continue
        choices = _speaking(call, program, rule.then.route.targets) if rule.then.route is not None else []
        if rule.then.deny is not None or choices:
            call.rule, call.policy = rule.name, rule.policy
        if rule.then.deny is not None:
            return _denial(rule.then.deny)
        if choices:
            return Plan(tuple(Choice(choice.backend, None) for choice in choices))
    return _native(call, program)


def _native(call: Call, program: Program) -> Plan | Problem:
    """No rule took the call: the default's targets that speak its dialect, else the only backend that does."""
    default = program.default
    if default is not None and default.then.route is not None:
        speaking = _speaking(call, program, default.then.route.targets)
        if speaking:
            call.rule, call.policy = DEFAULT_RULE, default.policy
            return Plan(tuple(speaking))
    native = [backend for backend in program.backends.values() if call.dialect.name in backend.dialects]
    if len(native) > 1:  # several speak it: its own provider's goes first (Gemini's also speaks Chat)
        native = [backend for backend in native if backend.provider == HOME[call.dialect.name]] or native
    if len(native) == 1:
        return Plan((Choice(native[0], None),))
    why = "no backend speaks" if not native else "more than one backend speaks"
    return Problem(
        status=404,
        kind="not_found",
        retryable=False,
        message=f"no rule took this call, no default has a target for it, and {why} {call.dialect.name}; "
        "add a rule or a default to a RoutingPolicy (`ccproxy explain` shows why each rule did not match)",
    )


def _denial(deny: Deny) -> Problem:
    kind = _DENIAL_KINDS.get(deny.status, "permission" if deny.status < 500 else "unavailable")
    return Problem(status=deny.status, kind=kind, message=deny.message, retryable=False)


def _shadow_words(decision: Decision) -> str:
    rule = decision.shadows[0]
    if rule.then.deny is not None:
        return f"{rule.name} -> deny {rule.then.deny.status}"
    if rule.then.route is None:
        return rule.name
    target = rule.then.route.targets[0]
    return f"{rule.name} -> {target.backend}" + (f"/{target.model}" if target.model else "")
