"""`docs/one-request.md`, executed: a test for each of its numbered steps, in their order."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ccproxy_cli.state import running_state
from ccproxy_contract.events import Batch, decode_ack, encode_batch
from ccproxy_contract.money import usd_string
from ccproxy_contract.names import PATH_EVENTS, PATH_STATE
from ccproxy_contract.pricing import cost_pusd
from ccproxy_policy.compile import compile
from ccproxy_policy.load import load_folder
from tests.cli.conftest import wait_for
from tests.sidecar.dialects.grammar import check_messages
from tests.walk.walked import (
    BACKEND_KEY,
    BODY,
    CLIENT_KEY,
    HEADERS,
    RULE,
    SESSION,
    Walked,
    called,
    ccproxy,
    got,
    walked,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "one-request.md"


@pytest.fixture(scope="module")
def walk() -> Iterator[Walked]:
    with walked() as made:
        yield made


def test_the_page_links_to_files_that_exist_and_has_a_test_for_each_step() -> None:
    text = PAGE.read_text()
    links = re.findall(r"\]\((\.\./[^)]+)\)", text)
    assert len(links) > 30
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
    steps = re.findall(r"^(\d+)\. ", text, re.MULTILINE)
    tests = re.findall(r"def test_step_(\d+)_", Path(__file__).read_text())
    assert tests == steps == [str(number) for number in range(1, 14)]


def test_step_1_a_problem_of_a_policy_names_its_file_and_line(walk: Walked, tmp_path: Path) -> None:
    text = (walk.home.policies / "all.yaml").read_text()
    wrong = text.replace("agents: [Explore]", "agnets: [Explore]")
    (tmp_path / "wrong.yaml").write_text(wrong)
    problems = compile(load_folder(tmp_path).documents, environment={"BACKEND_KEY": "k"}).problems
    line = next(number for number, shown in enumerate(wrong.splitlines(), 1) if "agnets" in shown)
    assert [(Path(problem.file).name, problem.line) for problem in problems] == [("wrong.yaml", line)]


def test_step_2_compiling_is_pure_and_names_an_immutable_price_book(walk: Walked) -> None:
    documents = load_folder(walk.home.policies).documents
    once, again = (compile(documents, environment={"BACKEND_KEY": BACKEND_KEY}) for _ in range(2))
    assert once.snapshots[""] == again.snapshots[""] == walk.compiled.snapshot
    assert [rule.name for rule in once.snapshots[""].rules] == [RULE]
    assert once.snapshots[""].book.version == once.accounts.book.version != ""


async def test_step_3_the_sidecar_runs_what_was_compiled_and_a_bad_edit_changes_nothing(walk: Walked) -> None:
    assert (await got(walk.state.address + PATH_STATE))["snapshot"] == walk.compiled.snapshot.hash
    policy = walk.home.policies / "all.yaml"
    good = policy.read_text()
    policy.write_text(good.replace("agents: [Explore]", "agnets: [Explore]"))
    assert "agnets" in str(wait_for(lambda: _problems(walk)))
    assert (await got(walk.state.address + PATH_STATE))["snapshot"] == walk.compiled.snapshot.hash
    policy.write_text(good)
    assert wait_for(lambda: not _problems(walk))


def _problems(walk: Walked) -> tuple[object, ...]:
    state = running_state(walk.home.state)
    assert state is not None
    return state.reload.report.problems


async def test_step_4_a_foreign_host_is_refused_before_anything_is_read(walk: Walked) -> None:
    foreign = await called(walk.state.address, {**HEADERS, "host": "attacker.example"}, BODY)
    assert foreign.status == 403
    assert json.loads(foreign.body)["error"]
    assert len(walk.provider.calls()) == 1


async def test_step_5_a_call_that_a_stage_refuses_goes_no_further(walk: Walked) -> None:
    refused = await called(walk.state.address, HEADERS, b'{"model": 7, "messages": []}')
    assert refused.status == 400
    assert json.loads(refused.body)["type"] == "error"
    assert len(walk.provider.calls()) == 1


def test_step_6_the_clients_key_stays_here(walk: Walked) -> None:
    assert walk.seen.key == BACKEND_KEY
    assert CLIENT_KEY not in str(walk.seen.headers)
    assert CLIENT_KEY not in str(walk.events)


def test_step_7_session_agent_and_task_are_found_and_the_first_matching_rule_decides(walk: Walked) -> None:
    settled = walk.settled
    assert (settled.session, settled.agent, settled.task) == (SESSION, "Explore", "Subagent")
    assert (settled.rule, settled.policy) == (RULE, "agents")
    assert walk.answer.headers["x-ccproxy-rule"] == RULE
    assert walk.answer.headers["x-ccproxy-target"] == "anthropic/claude-haiku-5-5"


def test_step_8_the_provider_gets_the_same_bytes_with_the_models_name_replaced(walk: Walked) -> None:
    assert walk.seen.body == BODY.replace(b'"claude-opus-5-5"', b'"claude-haiku-5-5"')
    assert walk.seen.header("user-agent") == HEADERS["user-agent"]
    assert not [name for name, _ in walk.seen.headers if name.lower().startswith("x-ccproxy-")]
    opened = walk.events[0]
    assert (opened.kind, opened.model_requested, opened.model) == ("open", "claude-opus-5-5", "claude-haiku-5-5")


def test_step_9_the_stream_is_what_the_provider_sent(walk: Walked) -> None:
    assert walk.answer.status == 200
    assert walk.answer.headers["content-type"] == "text/event-stream"
    assert len(walk.answer.body) == walk.seen.sent_bytes
    assert check_messages(walk.answer.body) == []
    assert walk.answer.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


def test_step_10_the_providers_own_usage_is_priced_and_settled(walk: Walked) -> None:
    settled = walk.settled
    assert (settled.status, settled.quality, settled.usage) == ("ok", "exact", walk.seen.charged)
    assert settled.usage.output > 0
    assert settled.cost_pusd == _priced(walk, "claude-haiku-5-5")
    assert settled.base_cost_pusd == _priced(walk, "claude-opus-5-5")


def _priced(walk: Walked, model: str) -> int | None:
    used = walk.settled
    book = walk.compiled.snapshot.book
    return cost_pusd(book, keys=("anthropic",), model=model, usage=used.usage, at_ms=used.opened_ms)


def test_step_11_the_spool_holds_open_and_settle_with_dense_numbers(walk: Walked) -> None:
    assert [(event.seq, event.kind) for event in walk.events] == [(1, "open"), (2, "settle")]
    assert len({event.src for event in walk.events}) == 1


async def test_step_12_what_is_sent_to_the_ledger_again_changes_nothing(walk: Walked) -> None:
    before = await _usage(walk, calls=1)
    url = f"http://127.0.0.1:{walk.state.ledger_port}{PATH_EVENTS}"
    token = {"authorization": f"Bearer {walk.home.ledger_token.read_text()}"}
    batch = encode_batch(Batch(src=walk.events[0].src, events=tuple(walk.events)))
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=batch) as refused:
            assert refused.status == 401
        async with session.post(url, data=batch, headers=token) as answer:
            assert decode_ack(await answer.read()).seq == 2
    again = await called(walk.state.address, {**HEADERS, "x-claude-code-session-id": "another"}, BODY)
    assert again.status == 200
    after = await _usage(walk, calls=2)
    mine = [group for group in after["groups"] if group["session"] == SESSION]
    assert mine == before["groups"]


async def test_step_13_usage_tells_what_it_cost_and_what_it_saved(walk: Walked) -> None:
    settled = walk.settled
    answer = await _usage(walk, calls=1)
    group = next(group for group in answer["groups"] if group["session"] == SESSION)
    assert (group["rule"], group["agent"], group["calls"]) == (RULE, "Explore", 1)
    assert group["tokens"]["output"] == settled.usage.output
    assert settled.cost_pusd is not None
    assert settled.base_cost_pusd is not None
    assert Decimal(group["cost"]) == Decimal(usd_string(settled.cost_pusd))
    assert Decimal(group["savings"]) == Decimal(usd_string(settled.base_cost_pusd - settled.cost_pusd)) > 0
    assert "claude-haiku-5-5" in ccproxy(walk.home, "usage")
    assert "saved" in ccproxy(walk.home, "status")


async def _usage(walk: Walked, *, calls: int) -> dict[str, Any]:
    """The ledger's answer, once it holds so many calls."""
    asked = {"from": "2026-01-01", "group_by": "session,agent,rule"}
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{walk.state.address}/usage", params=asked) as answer:
                told: dict[str, Any] = await answer.json()
            if answer.status == 200 and told["total"]["calls"] >= calls:
                return told
            await asyncio.sleep(0.05)
