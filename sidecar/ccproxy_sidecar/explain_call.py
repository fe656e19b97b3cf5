"""One call through the data plane's own stage (`stages/classify.py`) with an empty memory, put into a report.

Must not send the call. Next: `explain_report.py`.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import NamedTuple

from ccproxy_contract.money import usd_string
from ccproxy_contract.prices import PriceBook
from ccproxy_contract.pricing import cost_pusd
from ccproxy_contract.snapshot import Backend, Rule
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.table import locate
from ccproxy_sidecar.explain_input import Recorded
from ccproxy_sidecar.explain_report import (
    CallReport,
    CostReport,
    FieldReport,
    OutcomeReport,
    Report,
    RuleReport,
    TargetReport,
    Verdict,
)  # fmt: skip
from ccproxy_sidecar.rules.engine import decide, holds
from ccproxy_sidecar.rules.program import CompiledRule, Program
from ccproxy_sidecar.sessions.identity import session_id
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.sessions.tasks import background_sign
from ccproxy_sidecar.stages.classify import Choice, Plan, classify
from ccproxy_sidecar.tokens.estimate import counted_tokens
from ccproxy_sidecar.upstream.balance import Balance

ASSUMED_OUTPUT_TOKENS = 1_000
"""For calls that set no limit: a middling answer, and the report says so."""


class _Pricing(NamedTuple):
    """What a price needs beside the model: the same for every target of the call."""

    book: PriceBook
    usage: Usage
    at_ms: int

    def usd(self, backend: Backend, model: str) -> str | None:
        cost = cost_pusd(self.book, keys=backend.price_keys, model=model, usage=self.usage, at_ms=self.at_ms)
        return None if cost is None else usd_string(cost, decimals=6)


async def report_on(program: Program, request: Recorded, *, at_ms: int) -> Report:
    """What the program does with the request, at the prices of Unix time `at_ms`.

    Raises `ValueError` when the request is of no known dialect or cannot be read as one.
    """
    call = _call(program, request, at_ms)
    balance = Balance(random.Random(0))  # no secret: any order of equal targets will do
    plan = await classify(call, program, sessions=Sessions(), balance=balance, now_s=0.0)
    if not isinstance(plan, Plan) and plan.kind == "invalid_request" and call.request is None:
        raise ValueError(f"this is no {call.dialect.name} request: {plan.message}")
    texts = tuple(call.request.texts()) if call.request is not None else ()
    tokens = await counted_tokens(call, texts, program.counter)
    limit = call.request.max_tokens if call.request is not None else None
    usage = Usage(uncached=tokens, output=ASSUMED_OUTPUT_TOKENS if limit is None else limit)
    pricing = _Pricing(program.snapshot.book, usage, at_ms)
    rule = (await decide(program, call)).rule if call.request is not None else None
    choices = plan.choices if isinstance(plan, Plan) else ()
    return Report(
        call=_call_report(call, program, request.guessed_path),
        rules=tuple([report async for report in _rule_reports(program, call)]),
        outcome=OutcomeReport(
            rule=call.rule,
            policy=call.policy,
            strategy=rule.then.route.strategy if rule is not None and rule.then.route is not None else "",
            targets=_target_reports(program, call, rule=rule, choices=choices, pricing=pricing),
            refused="" if isinstance(plan, Plan) else f"{plan.status}: {plan.message}",
            denied=rule is not None and rule.then.deny is not None,
            shadow=plan.shadow if isinstance(plan, Plan) else "",
        ),
        cost=CostReport(
            prompt_tokens=tokens,
            assumed_output_tokens=usage.output,
            output_from_request=limit is not None,
            at_model_asked_for_usd=_asked_for_usd(program, call, choices=choices, pricing=pricing),
        ),
        snapshot=program.snapshot.hash,
    )


def _call(program: Program, request: Recorded, at_ms: int) -> Call:
    located = locate(request.method, request.path, request.headers)
    if located is None:
        raise ValueError(f"{request.method} {request.path} belongs to no dialect; --path names another path")
    call = Call(
        id="explain",
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        dialect=located.dialect,
        operation=located.operation,
        path_model=located.path_model,
        snapshot=program.snapshot,
        received_ms=at_ms,
        started_s=0.0,
    )
    call.body = request.body
    return call


def _call_report(call: Call, program: Program, guessed_path: bool) -> CallReport:
    return CallReport(
        dialect=call.dialect.name,
        operation=call.operation,
        path=call.path,
        guessed_path=guessed_path,
        model=_model(call),
        session=session_id(call, program.snapshot.workload),
        agent=call.agent,
        task=call.task,
        task_sign=background_sign(call),
    )


async def _rule_reports(program: Program, call: Call) -> AsyncIterator[RuleReport]:
    """Every rule in its order; from the deciding one on, the others are not looked at, as in the data plane."""
    decided = call.request is None
    for compiled in program.rules:
        verdict: Verdict = "not reached"
        if not decided:
            matched = await holds(compiled, call)
            decided = matched and compiled.rule.mode == "Enforce"
            verdict = "no match" if not matched else "decides" if decided else "shadow"
        fields = () if verdict == "not reached" else tuple([field async for field in _field_reports(compiled, call)])
        yield RuleReport(compiled.rule.name, compiled.rule.policy, compiled.rule.mode, verdict, fields)


async def _field_reports(compiled: CompiledRule, call: Call) -> AsyncIterator[FieldReport]:
    for matcher in compiled.matchers:
        held = matcher.holds(call)
        for asking in compiled.asking:
            if held is None and asking is matcher:
                held = await asking.ask(call)
        yield FieldReport(matcher.field, held is True, matcher.why(call))


def _target_reports(
    program: Program, call: Call, *, rule: Rule | None, choices: tuple[Choice, ...], pricing: _Pricing
) -> tuple[TargetReport, ...]:
    asked = _model(call)
    tried = [
        TargetReport(backend=c.backend.name, model=c.model or asked, cost_usd=pricing.usd(c.backend, c.model or asked))
        for c in choices
    ]
    if rule is None or rule.then.route is None:
        return tuple(tried)
    known = {(choice.backend.name, choice.model) for choice in choices}
    skipped = [
        TargetReport(backend=target.backend, model=target.model or asked, cost_usd=None, skipped=reason)
        for target in rule.then.route.targets
        if (target.backend, target.model) not in known and (reason := _why_not(program, call, target.backend))
    ]
    return (*tried, *skipped)


def _why_not(program: Program, call: Call, backend: str) -> str:
    if backend not in program.backends:
        return "there is no such backend"
    if call.dialect.name not in program.backends[backend].dialects:
        return f"it does not speak {call.dialect.name}"
    return "its weight is 0"


def _asked_for_usd(program: Program, call: Call, *, choices: tuple[Choice, ...], pricing: _Pricing) -> str | None:
    """The price of the model asked for where the call goes first, else at the first backend that has one."""
    backends = [choice.backend for choice in choices] + list(program.backends.values())
    prices = (pricing.usd(backend, _model(call)) for backend in backends)
    return next((price for price in prices if price is not None), None)


def _model(call: Call) -> str:
    return call.request.model if call.request is not None else call.path_model or ""
