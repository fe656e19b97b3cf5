"""A user's own rule: what it is asked, and that it cannot hurt anybody when it is wrong."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccproxy_contract.snapshot import CustomRule
from ccproxy_sidecar.rules.custom import MAX_FAILURES_IN_A_ROW, Custom
from tests.sidecar.rules.made_calls import made_call

SOURCE = """
import asyncio, sys, threading, time

class ModelIs:
    def __init__(self, model):
        self.model = model
    def matches(self, facts):
        return facts.model == self.model

class AsyncModelIs(ModelIs):
    async def matches(self, facts):
        await asyncio.sleep(0)
        return facts.model == self.model

class Raises:
    def matches(self, facts):
        raise KeyError("secret words of the prompt")

class Leaves:
    def matches(self, facts):
        sys.exit(3)

class AsyncLeaves:
    async def matches(self, facts):
        sys.exit(3)

class Wordy:
    def matches(self, facts):
        return "yes"

class Sleeps:
    async def matches(self, facts):
        await asyncio.sleep(60)

class Stuck:
    gate = threading.Event()
    def matches(self, facts):
        self.gate.wait(30)
        return True

class StuckOnce:
    gate = threading.Event()
    def __init__(self):
        self.calls = 0
    def matches(self, facts):
        self.calls += 1
        if self.calls == 1:
            self.gate.wait(30)
        return True

class Flaky:
    def __init__(self):
        self.calls = 0
    def matches(self, facts):
        self.calls += 1
        if self.calls % 3:
            raise RuntimeError
        return True

class Sees:
    def matches(self, facts):
        assert facts.path == "/v1/messages" and facts.client == "agent/1" and facts.dialect == "anthropic-messages"
        assert facts.agent == "main" and facts.task == "Main" and facts.user_turns == 1 and facts.prompt_bytes > 0
        assert facts.tools == ("Bash",) and not facts.thinking and facts.stream and facts.max_tokens == 100
        assert dict(facts.headers) == {"user-agent": "agent/1"} and dict(facts.metadata) == {}
        assert "hello there you" in list(facts.texts())
        return True

class NoMatches:
    pass
"""


@pytest.fixture(scope="module", autouse=True)
def _written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "made_rules.py").write_text(SOURCE)
    (folder / "made_broken.py").write_text("import sys\nsys.exit(1)\n")
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


def _custom(name: str, *, time_limit_s: float = 5.0, **params: str) -> Custom:
    return Custom(CustomRule(target=f"made_rules:{name}", params=dict(params)), time_limit_s=time_limit_s)


@pytest.mark.parametrize("name", ["ModelIs", "AsyncModelIs"])
async def test_a_rule_is_made_with_its_params_and_asked(name: str) -> None:
    rule = _custom(name, model="claude-opus-5-5")
    assert rule.holds(made_call()) is None
    assert await rule.ask(made_call(model="claude-opus-5-5")) is True
    assert await rule.ask(made_call(model="claude-haiku-5-5")) is False
    assert rule.failures == {}


async def test_a_rule_sees_the_facts_and_no_key() -> None:
    rule = _custom("Sees")
    headers = {"User-Agent": "agent/1", "X-Api-Key": "sk-secret", "Authorization": "Bearer secret"}
    call = made_call(
        model="m", stream=True, max_tokens=100, tools=[{"name": "Bash"}], headers=headers,
        messages=[{"role": "user", "content": "hello there you"}],
    )  # fmt: skip
    assert await rule.ask(call) is True, rule.failures


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Raises", "KeyError"), ("Leaves", "SystemExit"), ("AsyncLeaves", "SystemExit"), ("Wordy", "answer")],
)
async def test_a_failing_rule_is_counted_does_not_match_and_is_switched_off(name: str, reason: str) -> None:
    rule = _custom(name)
    for _ in range(MAX_FAILURES_IN_A_ROW):
        assert rule.holds(made_call()) is None
        assert await rule.ask(made_call()) is False
    assert rule.failures == {reason: MAX_FAILURES_IN_A_ROW}
    assert rule.holds(made_call()) is False
    assert await rule.ask(made_call()) is False
    assert rule.failures == {reason: MAX_FAILURES_IN_A_ROW}
    assert "switched off" in rule.why(made_call())
    assert "secret" not in rule.why(made_call())


async def test_an_answer_in_between_keeps_the_rule_on() -> None:
    rule = _custom("Flaky")
    for _ in range(4):
        assert [await rule.ask(made_call()) for _ in range(3)] == [False, False, True]
    assert rule.failures == {"RuntimeError": 8}
    assert not rule.switched_off


async def test_an_async_rule_that_takes_too_long_does_not_match() -> None:
    rule = _custom("Sleeps", time_limit_s=0.01)
    assert await rule.ask(made_call()) is False
    assert rule.failures == {"timeout": 1}


async def test_a_stuck_rule_is_left_behind_and_the_loop_goes_on() -> None:
    rule = _custom("Stuck", time_limit_s=0.02)
    before = threading.active_count()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert [await rule.ask(made_call()) for _ in range(MAX_FAILURES_IN_A_ROW)] == [False] * MAX_FAILURES_IN_A_ROW
    ticking.cancel()
    assert ticks > 10
    assert rule.switched_off
    assert threading.active_count() <= before + MAX_FAILURES_IN_A_ROW
    sys.modules["made_rules"].Stuck.gate.set()


async def test_after_a_stuck_call_the_next_one_gets_a_thread_of_its_own() -> None:
    rule = _custom("StuckOnce", time_limit_s=0.05)
    assert await rule.ask(made_call()) is False
    assert await rule.ask(made_call()) is True
    assert rule.failures == {"timeout": 1}
    sys.modules["made_rules"].StuckOnce.gate.set()


async def test_a_client_that_leaves_is_no_failure_of_the_rule() -> None:
    rule = _custom("Stuck")
    sys.modules["made_rules"].Stuck.gate.clear()
    asking = asyncio.create_task(rule.ask(made_call()))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    sys.modules["made_rules"].Stuck.gate.set()
    assert await rule.ask(made_call()) is True
    assert rule.failures == {}


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("made_nowhere:Rule", "ModuleNotFoundError"),
        ("made_rules:Nobody", "AttributeError"),
        ("made_rules:ModelIs", "TypeError"),
        ("made_rules:NoMatches", "no method `matches"),
        ("made_broken:Rule", "SystemExit"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_its_name(target: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        Custom(CustomRule(target=target))
    assert target in str(refused.value)
