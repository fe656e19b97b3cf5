"""What `explain` found, as data and as text. Must not hold prompt text, keys or header values.

Next: `explain.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

Verdict = Literal["decides", "shadow", "no match", "not reached"]


class FieldReport(msgspec.Struct, frozen=True):
    """One field of a rule's match. `holds` is absent where it was not needed any more."""

    field: str
    holds: bool
    why: str


class RuleReport(msgspec.Struct, frozen=True):
    rule: str
    policy: str
    mode: str
    verdict: Verdict
    fields: tuple[FieldReport, ...] = ()


class TargetReport(msgspec.Struct, frozen=True, kw_only=True):
    """One target in the order of trying. `cost_usd` is an estimate; `None`: the price book has no price."""

    backend: str
    model: str
    cost_usd: str | None
    skipped: str = ""
    """Why the target cannot serve this call; empty: it can."""


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the call is. `guessed_path`: the input was a bare body, its shape chose the path."""

    dialect: str
    operation: str
    path: str
    guessed_path: bool
    model: str
    session: str | None
    agent: str
    task: str
    task_sign: str | None


class OutcomeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the call. `refused`: status and message that the client would get; empty: it is served."""

    rule: str
    policy: str
    strategy: str
    targets: tuple[TargetReport, ...]
    refused: str
    denied: bool
    """The refusal is a rule's own `deny`."""
    shadow: str
    """What a Shadow policy would have decided."""


class CostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the estimates stand on. `at_model_asked_for_usd` is `None` when the price book has no price."""

    prompt_tokens: int
    assumed_output_tokens: int
    output_from_request: bool
    """The assumed output is the call's own `max_tokens`, else a round guess."""
    at_model_asked_for_usd: str | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that `explain` says about one call. Token counts; money as decimal dollars."""

    call: CallReport
    rules: tuple[RuleReport, ...]
    outcome: OutcomeReport
    cost: CostReport
    snapshot: str

    @property
    def refused(self) -> bool:
        return bool(self.outcome.refused)

    @property
    def denied(self) -> bool:
        return self.outcome.denied


def text_of(report: Report) -> str:
    """The report for people."""
    lines = (
        *_call_lines(report.call),
        f"prompt    about {report.cost.prompt_tokens:,} tokens",
        "",
        *_rule_lines(report.rules),
        "",
        *_outcome_lines(report.outcome),
        *_cost_lines(report.cost),
    )
    return "\n".join(lines) + "\n"


def _call_lines(call: CallReport) -> Iterator[str]:
    guess = " (guessed from the body; --path says another)" if call.guessed_path else ""
    yield f"call      {call.operation} in {call.dialect}, path {call.path}{guess}"
    yield f"model     {call.model or 'none'}"
    yield f"session   {call.session or 'its own: nothing in the call names one'} (no memory of earlier calls is used)"
    yield f"agent     {call.agent}"
    yield f"task      {call.task}" + (f" (sign: {call.task_sign})" if call.task_sign else "")


def _rule_lines(rules: tuple[RuleReport, ...]) -> Iterator[str]:
    for number, rule in enumerate(rules, 1):
        mode = f" [{rule.mode}]" if rule.mode != "Enforce" else ""
        yield f"{number:3}. {rule.rule} ({rule.policy}){mode}: {rule.verdict}"
        for field in rule.fields:
            yield f"       {'holds' if field.holds else 'fails'}  {field.field}: {field.why}"
    if not rules:
        yield "There are no rules."


def _outcome_lines(outcome: OutcomeReport) -> Iterator[str]:
    if outcome.shadow:
        yield f"a Shadow policy would have decided: {outcome.shadow}"
    yield f"decided by rule {outcome.rule}" + (f" of {outcome.policy}" if outcome.policy else "")
    if outcome.refused:
        yield f"refused with {outcome.refused}"
    for number, target in enumerate(outcome.targets, 1):
        place = f"{target.backend} {target.model}".rstrip()
        if target.skipped:
            yield f"  -  {place}: skipped, {target.skipped}"
        else:
            yield f"  {number}. {place}: {_money(target.cost_usd)}"
    if outcome.strategy in ("RoundRobin", "Weighted"):
        yield f"  ({outcome.strategy}: a new conversation may begin at another of these and then keeps it)"


def _cost_lines(cost: CostReport) -> Iterator[str]:
    yield f"at the model asked for: {_money(cost.at_model_asked_for_usd)}"
    source = "the call's own limit" if cost.output_from_request else "a guess, the call sets no limit"
    yield f"(with {cost.assumed_output_tokens:,} output tokens, {source}; nothing read from a cache)"


def _money(usd: str | None) -> str:
    return "unknown price" if usd is None else f"about ${usd}"
