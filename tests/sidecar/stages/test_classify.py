"""Calls without a body that ccproxy reads go where the rules that ask for none send them."""

from __future__ import annotations

import random

import msgspec
import pytest

from ccproxy_contract.snapshot import Deny, Match, Rule, Snapshot, Target, Treatment
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.dialects.table import locate
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.stages.classify import classify
from ccproxy_sidecar.upstream.balance import Balance
from tests.fakes.sidecar import routing_rule, scripted_backends

STORED = "/v1/responses/resp_1"


def _snapshot(*rules: Rule) -> Snapshot:
    backends = scripted_backends("http://127.0.0.1:1")
    second = msgspec.structs.replace(next(b for b in backends if b.name == "openai"), name="second", provider="VLLM")
    return Snapshot(rules=rules, backends=(*backends, second))


async def _decided(*rules: Rule, method: str = "GET", path: str = STORED) -> tuple[str, tuple[str, ...] | int]:
    """The deciding rule, and the backends in order or the status of the refusal."""
    snapshot = _snapshot(*rules)
    located = locate(method, path, {})
    assert located is not None
    call = Call(
        id="c", method=method, path=path, query="", headers={"x-team": "blue"}, dialect=located.dialect,
        operation=located.operation, path_model=None, snapshot=snapshot, received_ms=0, started_s=0.0,
    )  # fmt: skip
    balance = Balance(random.Random(0))
    plan = await classify(call, Program(snapshot), sessions=Sessions(), balance=balance, now_s=0.0)
    if isinstance(plan, Problem):
        return call.rule, plan.status
    assert all(choice.model is None for choice in plan.choices)
    return call.rule, tuple(choice.backend.name for choice in plan.choices)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "match",
    [Match(paths=("/v1/responses*",)), Match(headers={"x-team": "blue"}), Match()],
    ids=["path", "header", "all"],
)
async def test_a_rule_that_asks_for_no_body_takes_a_stored_response(method: str, match: Match) -> None:
    rule = routing_rule("r", match, Target("second", "gpt-5.1-mini"), Target("anthropic"))
    assert await _decided(rule, method=method) == ("r", ("second",))


async def test_a_rule_about_the_body_does_not() -> None:
    rule = routing_rule("r", Match(models=("*",), paths=("/v1/responses*",)), Target("second"))
    assert await _decided(rule) == ("none", ("openai",))


async def test_a_rule_whose_targets_do_not_speak_it_is_passed_over() -> None:
    rules = routing_rule("first", Match(), Target("anthropic")), routing_rule("next", Match(), Target("second"))
    assert await _decided(*rules) == ("next", ("second",))


async def test_a_denial_holds() -> None:
    deny = Rule("no", "p", "Enforce", Match(paths=("/v1/responses/*",)), Treatment(deny=Deny(403, "no")))
    assert await _decided(deny) == ("no", 403)


async def test_a_shadow_rule_changes_nothing() -> None:
    deny = Rule("no", "p", "Shadow", Match(), Treatment(deny=Deny(403, "no")))
    assert await _decided(deny) == ("none", ("openai",))
