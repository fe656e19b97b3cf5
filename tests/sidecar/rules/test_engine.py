"""The first rule that matches decides, whatever the rules are, and with or without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_contract.snapshot import CustomRule, Match, Mode, Rule, Snapshot, TokenRange
from ccproxy_contract.usage import Usage
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.engine import Decision, decide, decide_now
from ccproxy_sidecar.rules.program import Program
from ccproxy_sidecar.sessions.memory import Sessions
from ccproxy_sidecar.tokens.exact import TokenCounter
from tests.sidecar.rules.made_calls import made_call, made_rule

COUNTER = TokenCounter()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    COUNTER.close()


def _program(*rules: Rule, default: Rule | None = None) -> Program:
    return Program(Snapshot(rules=rules, default=default), counter=COUNTER)


MODELS = ("claude-opus-5-5", "claude-haiku-5-5", "gpt-5.1")
TOOLS = ("Bash", "Read", "web_search")
AGENTS = ("main", "Explore", "Plan")
TASKS = ("Utility", "Main", "Subagent", "Compaction")
WORDS = ("parser", "lexer", "tokens and more tokens")

patterns = st.lists(
    st.sampled_from(["claude-*", "*haiku*", "gpt-?.1", "Bash", "re:^R", "*", "Ex*", "main"]), max_size=2
)
token_counts = st.none() | st.integers(0, 60)
matches = st.builds(
    Match,
    models=patterns.map(tuple),
    prompt_tokens=st.none() | st.builds(TokenRange, min=token_counts, max=token_counts),
    cached_tokens=st.none() | st.builds(TokenRange, min=st.sampled_from([0, 50, 500])),
    thinking=st.none() | st.booleans(),
    tools=patterns.map(tuple),
    agents=patterns.map(tuple),
    task=st.lists(st.sampled_from(TASKS), max_size=2).map(tuple),
    stream=st.none() | st.booleans(),
    headers=st.dictionaries(st.just("x-team"), st.sampled_from(["a*", "b"]), max_size=1),
    paths=st.sampled_from([(), ("/v1/messages",), ("/v1/chat/*",)]),
    metadata=st.dictionaries(st.just("team"), st.sampled_from(["a*", "b"]), max_size=1),
    session_min_turns=st.none() | st.integers(1, 3),
    contains=st.lists(st.sampled_from(["parser", "l?xer", "tok*more", "re:(?i)PARSER"]), max_size=2).map(tuple),
    clients=st.sampled_from([(), ("claude-cli/*",), ("re:codex",)]),
)  # fmt: skip
modes = st.sampled_from(["Enforce", "Enforce", "Shadow", "Off"])


@st.composite
def calls(draw: st.DrawFn) -> Call:
    says = [{"role": "user", "content": draw(st.sampled_from(WORDS))} for _ in range(draw(st.integers(1, 3)))]
    body: dict[str, Any] = {"model": draw(st.sampled_from(MODELS)), "messages": says, "stream": draw(st.booleans())}
    body["tools"] = [{"name": name} for name in draw(st.lists(st.sampled_from(TOOLS), max_size=2, unique=True))]
    if draw(st.booleans()):
        body["thinking"] = {"type": "adaptive"}
    if draw(st.booleans()):
        body["metadata"] = {"team": draw(st.sampled_from(["alpha", "b"]))}
    headers = {
        "x-team": draw(st.sampled_from(["a1", "b", "c"])),
        "user-agent": draw(st.sampled_from(["claude-cli/2", "codex"])),
    }
    call = made_call(headers=headers, **body)
    call.agent, call.task = draw(st.sampled_from(AGENTS)), draw(st.sampled_from(TASKS))
    if draw(st.booleans()):
        sessions = Sessions()
        call.session = sessions.get("s")
        usage = Usage(uncached=10, cache_read=draw(st.sampled_from([0, 100])))
        for thread in (call.agent, "utility"):
            sessions.settle(
                call.session, usage=usage, body_bytes=9_999_999, spawns=(), model="m", now_s=0, thread=thread
            )
    return call


def _fits(pattern: str, text: str) -> bool:
    known = {"re:^R": text.startswith("R"), "re:codex": "codex" in text, "re:(?i)PARSER": "parser" in text.lower()}
    return known[pattern] if pattern in known else fnmatchcase(text, pattern)


def _any(wanted: tuple[str, ...], texts: tuple[str, ...]) -> bool:
    return not wanted or any(_fits(pattern, text) for pattern in wanted for text in texts)


def _in(wanted: TokenRange | None, tokens: int) -> bool:
    return wanted is None or ((wanted.min or 0) <= tokens and (wanted.max is None or tokens <= wanted.max))


def _plainly(match: Match, call: Call, tokens: int) -> bool:
    """What a match means, written down without any thought of speed."""
    request, headers = call.request, call.headers
    assert request is not None
    cached = 0
    if call.session is not None:
        last = call.session.last("utility" if call.task == "Utility" else call.agent)
        cached = last.cached_tokens if last else 0
    searched = tuple(p if p.startswith("re:") else f"*{p}*" for p in match.contains)
    return all(
        (
            _any(match.models, (request.model,)),
            _in(match.prompt_tokens, tokens),
            _in(match.cached_tokens, cached),
            match.thinking is None or match.thinking == request.thinking,
            _any(match.tools, request.tool_names),
            _any(match.agents, (call.agent,)),
            not match.task or call.task in match.task,
            match.stream is None or match.stream == request.stream,
            all(_fits(pattern, headers.get(name, "")) for name, pattern in match.headers.items()),
            _any(match.paths, (call.path,)),
            all(key in request.metadata and _fits(p, request.metadata[key]) for key, p in match.metadata.items()),
            match.session_min_turns is None or request.user_turns >= match.session_min_turns,
            _any(searched, tuple(request.texts())),
            _any(match.clients, (headers.get("user-agent", ""),)),
        )
    )


@given(made=st.lists(st.tuples(matches, modes), max_size=6), call=calls(), has_default=st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_first_enforced_rule_that_matches_decides(
    made: list[tuple[Match, Mode]], call: Call, has_default: bool
) -> None:
    rules = [made_rule(f"r{number}", match, mode) for number, (match, mode) in enumerate(made)]
    default = made_rule("default", Match()) if has_default else None
    request = call.request
    assert request is not None
    tokens = asyncio.run(COUNTER.count(tuple(request.texts())))

    expected, shadows = default, []
    for rule in rules:
        if rule.mode == "Off" or not _plainly(rule.match, call, tokens):
            continue
        if rule.mode == "Enforce":
            expected = rule
            break
        shadows.append(rule)

    program = _program(*rules, default=default)
    decision = asyncio.run(decide(program, call))
    assert decision == Decision(expected, tuple(shadows))
    assert decide_now(program, call) in (None, decision)


def test_without_a_rule_the_default_takes_the_call_or_nothing_does() -> None:
    miss = made_rule("miss", Match(models=("gpt-*",)))
    default = made_rule("default", Match())
    assert decide_now(_program(miss, default=default), made_call()) == Decision(default)
    assert decide_now(_program(miss), made_call()) == Decision(None)


def test_a_shadow_rule_is_noted_and_the_next_rule_decides() -> None:
    shadow, enforced = made_rule("s", Match(), "Shadow"), made_rule("e", Match())
    later = made_rule("later", Match(), "Shadow")
    assert decide_now(_program(shadow, enforced, later), made_call()) == Decision(enforced, (shadow,))


async def test_a_rule_that_fails_otherwise_is_never_asked() -> None:
    class Unasked:
        field = "asked"

        def holds(self, _: Call) -> bool | None:
            return None

        def why(self, _: Call) -> str:
            return ""

        async def ask(self, _: Call) -> bool:
            raise AssertionError("asked for nothing")

    program = _program(made_rule("r", Match(models=("gpt-*",))))
    asking = Unasked()
    compiled = program.rules[0]
    program.rules = (
        compiled._replace(
            matchers=(asking, *compiled.matchers), tests=(asking.holds, *compiled.tests), asking=(asking,)
        ),
    )
    assert decide_now(program, made_call()) == Decision(None)
    assert await decide(program, made_call()) == Decision(None)


async def test_a_threshold_between_the_bounds_is_decided_by_counting() -> None:
    call = made_call(messages=[{"role": "user", "content": "word " * 1_000}])
    long, longer = (made_rule(f"over {n}", Match(prompt_tokens=TokenRange(min=n))) for n in (900, 1_300))
    program = _program(longer, long)
    assert decide_now(program, call) is None
    assert await decide(program, call) == Decision(long)


@pytest.mark.parametrize(
    ("match", "says"),
    [
        (Match(models=("re:(",)), "rule broken-one: models: "),
        (Match(headers={"x-team": "re:["}), "rule broken-one: headers: "),
        (Match(contains=("ok", "re:(?<=a)b")), "rule broken-one: contains: "),
        (Match(custom=CustomRule(target="json:JSONDecoder")), "rule broken-one: class: this process loads no code"),
    ],
)
def test_what_cannot_run_is_refused_by_rule_and_field(match: Match, says: str) -> None:
    with pytest.raises(ValueError, match="broken-one") as refused:
        _program(made_rule("fine", Match()), made_rule("broken-one", match))
    assert str(refused.value).startswith(says)


def test_a_rule_of_a_policy_that_is_off_is_not_even_compiled() -> None:
    assert _program(made_rule("off", Match(models=("re:(",)), "Off")).rules == ()


async def test_a_users_own_rule_decides_when_it_is_allowed() -> None:
    rule = made_rule(
        "own", Match(custom=CustomRule(target="tests.sidecar.rules.own_rule:LongModelName", params={"chars": 15}))
    )
    told: list[tuple[str, str]] = []
    program = Program(
        Snapshot(rules=(rule,)), custom_rules=True, counter=COUNTER, on_failure=lambda *failure: told.append(failure)
    )
    assert decide_now(program, made_call()) is None
    assert await decide(program, made_call(model="claude-opus-5-5")) == Decision(rule)
    assert await decide(program, made_call(model="gpt-5.1")) == Decision(None)
    assert told == []
    for _ in range(3):
        assert program.switched_off == ()
        assert await decide(program, made_call(model="breaks")) == Decision(None)
    assert told == [("own", "RuntimeError")] * 3
    assert program.switched_off == ("own",)


def test_a_header_that_is_missing_fits_no_pattern() -> None:
    rule = made_rule("r", Match(headers={"x-team": "*", "X-Area": "re:"}))
    there = made_call(headers={"X-Team": "", "x-area": "eu"})
    assert decide_now(_program(rule), there) == Decision(rule)
    assert decide_now(_program(rule), made_call(headers={"x-team": "a"})) == Decision(None)
    assert decide_now(_program(rule), made_call()) == Decision(None)


def test_cached_tokens_are_those_of_the_calls_own_thread() -> None:
    rule = made_rule("r", Match(cached_tokens=TokenRange(min=1_000)))
    sessions = Sessions()
    main, child = made_call(), made_call(headers={"x-claude-code-agent-id": "a-1"})
    main.session = child.session = sessions.get("s")
    usage = Usage(cache_read=600, cache_write_5m=400, uncached=3)
    sessions.settle(child.session, usage=usage, body_bytes=9, spawns=(), model="m", now_s=0, thread="a-1")
    assert decide_now(_program(rule), child) == Decision(rule)
    assert decide_now(_program(rule), main) == Decision(None)


def test_a_reason_names_the_tool_that_fits() -> None:
    (compiled,) = _program(made_rule("r", Match(tools=("web_*",)))).rules
    (matcher,) = compiled.matchers
    tools = [{"name": "Bash"}, {"type": "web_search_20250305", "name": "web_search"}]
    assert matcher.why(made_call(tools=tools)) == "it offers the tool web_search"
    assert matcher.why(made_call(tools=tools[:1])) == "none of its 1 tools fits"
    assert matcher.why(made_call()) == "it offers no tools"


def test_no_reason_shows_a_header_or_a_prompt() -> None:
    secret = "sk-very-secret"
    match = Match(
        models=("gpt-*",), headers={"authorization": "*", "x-no": "*"}, metadata={"team": "x", "no": "*"},
        agents=("E*",), contains=("secret*",), tools=("Bash",), task=("Main",), stream=True, thinking=True,
        paths=("/v2",), clients=("c*",),
        prompt_tokens=TokenRange(min=5), cached_tokens=TokenRange(min=5), session_min_turns=3,
    )  # fmt: skip
    said = [{"role": "user", "content": secret}]
    call = made_call(headers={"Authorization": secret}, metadata={"team": secret}, messages=said)
    bare = made_call(method="GET", path="/v1/models")
    (compiled,) = _program(made_rule("r", match)).rules
    assert len(compiled.matchers) == 14
    for matcher in compiled.matchers:
        assert secret not in matcher.why(call)
        assert matcher.why(call)
        assert matcher.why(bare)
        if matcher.field not in ("task", "agents", "models", "paths", "clients", "headers", "cachedTokens"):
            assert matcher.holds(bare) is False


def test_a_reason_says_when_the_prompt_must_be_counted() -> None:
    (compiled,) = _program(made_rule("r", Match(prompt_tokens=TokenRange(min=10)))).rules
    (matcher,) = compiled.matchers
    asked = made_call(messages=[{"role": "user", "content": "word " * 100}])
    assert matcher.why(asked).endswith("leaves it open: a tokenizer counts it")
    (compiled,) = _program(made_rule("r", Match(prompt_tokens=TokenRange(min=100_000)))).rules
    assert compiled.matchers[0].why(asked).endswith("judged by its bytes")
