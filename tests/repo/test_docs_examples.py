"""The examples of the pages compile, run, and decide as the pages say. Next: `test_docs_figures.py`."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ccproxy_contract.snapshot import Snapshot
from ccproxy_contract.usage import Usage
from ccproxy_policy.compile import LAPTOP_NAMESPACE, Compiled, compile
from ccproxy_policy.documents import documents_from_text
from ccproxy_policy.kinds.routing_policy import Match
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.dialects.dialect import Problem
from ccproxy_sidecar.rules.engine import decide
from ccproxy_sidecar.rules.facts import Facts
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.sessions.agents import agent_of
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.sessions.tasks import task_of
from ccproxy_sidecar.stages.classify import classify
from ccproxy_sidecar.upstream.balance import Balance
from tests.repo.pages import DOCS, PAGES, READ, Block, blocks
from tests.sidecar.rules.made_calls import made_call

RULES_HEAD = """\
apiVersion: ccproxy.ai/v1alpha1
kind: RoutingPolicy
metadata: {name: example}
spec:
  rules:
"""
POLICIES = DOCS / "policies.md"
YAML = [block for page in READ for block in blocks(page) if block.mark == "yaml"]
WRONG = [block for page in PAGES for block in blocks(page) if block.mark == "yaml wrong"]
BACKENDS = next(block.text for block in YAML if block.page == POLICIES).split("---\n")[:3]
"""The three backends of the first example, which the others name."""


def whole(text: str) -> str:
    """An example as a folder would hold it: rules get a policy around them, policies the page's backends."""
    if text.startswith("- name:"):
        text = RULES_HEAD + "".join(f"    {line}" for line in text.splitlines(keepends=True))
    if "kind: RoutingPolicy" not in text:
        return text
    return "---\n".join([text, *(backend for backend in BACKENDS if _name(backend) not in text)])


def _name(document: str) -> str:
    return next(line for line in document.splitlines() if line.startswith("metadata: "))


def compiled(text: str) -> Compiled:
    documents, problems = documents_from_text("example.yaml", whole(text))
    assert not problems
    return compile(documents, environment={name: "a-key" for name in re.findall(r"[A-Z_]+_KEY", text + str(BACKENDS))})


def snapshot(text: str) -> Snapshot:
    return compiled(text).snapshots[LAPTOP_NAMESPACE]


@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_example_compiles_without_a_problem(block: Block) -> None:
    found = compiled(block.text)
    assert [problem.text for problem in found.problems] == []
    assert all(rule.broken == "" for rule in found.snapshots[LAPTOP_NAMESPACE].rules)


@pytest.mark.parametrize("block", WRONG, ids=str)
def test_every_wrong_example_gives_the_problem_that_is_quoted(block: Block) -> None:
    quoted = next(other for other in blocks(block.page) if other.line > block.line)
    assert quoted.mark == "text"
    found = [f"{problem.path}: {problem.message}" for problem in compiled(block.text).problems]
    assert found == quoted.text.splitlines()


def test_there_are_examples() -> None:
    assert len(YAML) > 20
    assert len(WRONG) > 3


def python_files(folder: Path) -> Mapping[str, Path]:
    """The Python examples of the policies page, written where their first line says."""
    written = {}
    for block in blocks(POLICIES):
        if block.mark == "python":
            name = block.text.splitlines()[0].removeprefix("# ")
            written[name] = folder / name
            written[name].write_text(block.text)
    return written


@pytest.fixture
def rules_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the Python examples lie, as the sidecar has it on its path."""
    written = python_files(tmp_path)
    assert written
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in written:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.usefixtures("rules_folder")
@pytest.mark.parametrize("block", YAML, ids=str)
def test_every_example_runs_in_the_sidecar(block: Block) -> None:
    Program(snapshot(block.text), custom_rules=True)


SAID = [{"role": "user", "content": "Please read the parser and say what it does."}]
TURNS = [{"role": "user", "content": "Go on, please."}, {"role": "assistant", "content": "Yes."}]
TRACE = '\n  File "a.py", line 1, in f'
KEY = "-----BEGIN EC PRIVATE KEY-----"
BASH = {"name": "Bash", "input_schema": {"type": "object"}}
EXPLORE = {"x-ccproxy-agent": "Explore"}
DECIDED: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "opus-and-dated-sonnet": ({"model": "claude-sonnet-5-20260301"}, {"model": "claude-sonnet-5"}),
    "long-context": ({"system": "many words " * 4000}, {}),
    "thinking-on-opus": ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {}),
    "browser-tools": ({"tools": [BASH | {"name": "mcp__browser__click"}]}, {"tools": [BASH]}),
    "explorers-on-haiku": ({"headers": EXPLORE}, {}),
    "background-on-haiku": ({"max_tokens": 10}, {"max_tokens": 1000}),
    "whole-answers": ({}, {"stream": True}),
    "nightly-jobs": ({"headers": {"X-Job": "nightly-7"}}, {}),
    "chat-on-the-own-machine": ({"path": "/v1/chat/completions", "model": "gpt-x", "messages": SAID}, {}),
    "one-user": ({"metadata": {"user_id": "team-a-7"}}, {"metadata": {"user_id": "team-b-7"}}),
    "long-conversations": ({"messages": [*TURNS, *TURNS, *SAID]}, {"messages": [*TURNS, *SAID]}),
    "no-private-keys": ({"system": KEY}, {"system": "PRIVATE KEY BEGIN"}),
    "coding-agent": ({"headers": {"user-agent": "claude-cli/2.1"}}, {"headers": {"user-agent": "curl/8"}}),
    "no-opus-in-the-background": ({"max_tokens": 1}, {"max_tokens": 1, "model": "claude-haiku-5-5"}),
    "tracebacks-on-opus": ({"system": TRACE * 2}, {"system": TRACE}),
}
"""Per example rule a call that it takes and one that it does not."""


def by_rule(name: str) -> Block:
    return next(block for block in YAML if block.text.startswith(f"- name: {name}\n"))


@pytest.mark.usefixtures("rules_folder")
@pytest.mark.parametrize("name", DECIDED)
async def test_an_example_rule_takes_the_calls_that_the_page_says(name: str) -> None:
    program = Program(snapshot(by_rule(name).text), custom_rules=True)
    taken, left = [await decide(program, as_classified(call)) for call in DECIDED[name]]
    program.counter.close()
    assert taken.rule is not None
    assert taken.rule.name == name
    assert left.rule is None


def as_classified(fields: dict[str, Any]) -> Call:
    """A call with its agent and task found, as the stage before the rules does it."""
    call = made_call(**fields)
    call.agent = agent_of(call, None, 0.0)
    call.task = task_of(call, call.agent)
    return call


async def test_warm_sessions_are_taken_from_their_second_call_on() -> None:
    program = Program(snapshot(by_rule("warm-sessions-stay").text))
    sessions, call = Sessions(), made_call()
    call.session = sessions.get("one")
    assert (await decide(program, call)).rule is None
    usage = Usage(uncached=10, cache_read=12_000)
    sessions.settle(call.session, usage=usage, body_bytes=50_000, spawns=(), model="claude-opus-5-5", now_s=0.0)
    taken = (await decide(program, call)).rule
    assert taken is not None
    assert taken.name == "warm-sessions-stay"


async def test_a_shadow_example_is_told_and_changes_nothing() -> None:
    shadow = next(block for block in YAML if "mode: Shadow" in block.text)
    decision = await decide(Program(snapshot(shadow.text)), as_classified({"headers": EXPLORE}))
    assert decision.rule is None
    assert [rule.name for rule in decision.shadows] == ["explorers-on-haiku"]


async def test_the_default_example_takes_what_no_rule_takes_and_fills_in_its_rules() -> None:
    program = Program(snapshot(next(block for block in YAML if "  default: " in block.text).text))
    for fields, name in (({}, "default"), ({"headers": EXPLORE}, "only-a-label")):
        rule = (await decide(program, as_classified(fields))).rule
        assert rule is not None
        assert (rule.name, len(rule.then.route.targets if rule.then.route else ())) == (name, 2)


CHAT = {"path": "/v1/chat/completions", "model": "gpt-x", "messages": SAID}
GEMINI = {"path": "/v1beta/models/gemini-x:generateContent", "contents": [{"parts": [{"text": "Hello."}]}]}
NO_MODELS = """\
- name: any-explorer
  match: {agents: [Explore]}
  then: {route: {targets: [{backend: anthropic}]}}
"""


@pytest.mark.parametrize(
    ("example", "fields", "outcome"),
    [
        ("kind: Tenant", {}, ("none", "anthropic")),
        ("kind: Tenant", CHAT, ("none", "openai")),
        ("kind: Tenant", GEMINI, ("none", 404)),
        ("  default: ", {}, ("default", "anthropic")),
        ("  default: ", CHAT, ("default", "ollama")),
        ("  default: ", GEMINI, ("default", 501)),
        (NO_MODELS, CHAT | {"headers": EXPLORE}, ("any-explorer", 501)),
        ("no-opus-in-the-background", {"max_tokens": 1}, ("no-opus-in-the-background", 403)),
    ],
)
async def test_a_call_finds_its_rule_and_target_as_the_page_says(
    example: str, fields: dict[str, Any], outcome: tuple[str, str | int]
) -> None:
    text = next((block.text for block in YAML if block.page == POLICIES and example in block.text), example)
    call, sessions = made_call(**fields), Sessions()
    program = Program(snapshot(text))
    plan = await classify(call, program, sessions=sessions, balance=Balance(random.Random(1)), now_s=0.0)
    assert (call.rule, plan.status if isinstance(plan, Problem) else plan.choices[0].backend.name) == outcome


async def test_a_rule_without_usable_backends_answers_503() -> None:
    call = made_call()
    text = (
        "- name: gone\n  then: {route: {targets: [{backend: nowhere}]}}\n- name: next\n  then: {deny: {message: No}}\n"
    )
    plan = await classify(
        call, Program(snapshot(text)), sessions=Sessions(), balance=Balance(random.Random(1)), now_s=0.0
    )
    assert isinstance(plan, Problem)
    assert (call.rule, plan.status) == ("gone", 503)


def test_the_page_names_every_fact_and_matcher() -> None:
    page = POLICIES.read_text()
    section = page.partition("## Own rules")[2].partition("### Fields")[0]
    facts = [name for name in dir(Facts) if not name.startswith("_")]
    assert [name for name in facts if f"`{name}`" not in section and f"`{name}()`" not in section] == []
    fields = {field.alias or name for name, field in Match.model_fields.items()} - {"params"}
    assert {heading for heading in fields if f"### {heading}\n" not in page} == set()
