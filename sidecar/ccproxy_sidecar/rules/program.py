"""A snapshot, made ready to run: every pattern compiled, every matcher built, cheap ones first.

Everything that can be wrong with a rule shows here, once; deciding never raises. Must not look at calls.
Next: `engine.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ccproxy_contract.snapshot import Backend, CustomRule, Match, Rule, Snapshot
from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.agents import Agents
from ccproxy_sidecar.rules.cached_tokens import CachedTokens
from ccproxy_sidecar.rules.clients import Clients
from ccproxy_sidecar.rules.contains import Contains
from ccproxy_sidecar.rules.custom import Custom
from ccproxy_sidecar.rules.headers import Headers
from ccproxy_sidecar.rules.matcher import AskingMatcher, Matcher
from ccproxy_sidecar.rules.metadata import Metadata
from ccproxy_sidecar.rules.models import Models
from ccproxy_sidecar.rules.paths import Paths
from ccproxy_sidecar.rules.prompt_tokens import PromptTokens
from ccproxy_sidecar.rules.session_turns import SessionTurns
from ccproxy_sidecar.rules.stream import Stream
from ccproxy_sidecar.rules.task import TaskIs
from ccproxy_sidecar.rules.thinking import Thinking
from ccproxy_sidecar.rules.tools import Tools
from ccproxy_sidecar.tokens.exact import TokenCounter

OnFailure = Callable[[str, str], None]
"""Told the name of a rule and a reason."""


class CompiledRule(NamedTuple):
    """A rule and its matchers in the order in which they are tried."""

    rule: Rule
    matchers: tuple[Matcher, ...]
    tests: tuple[Callable[[Call], bool | None], ...]
    """`holds` of each matcher, bound: an attribute look-up less per test."""
    asking: tuple[AskingMatcher, ...]
    """The matchers that may answer `None` at first."""
    bodiless: bool
    """Whether no matcher looks at the body, so that calls without one can be decided too."""


class Program:
    """What a sidecar runs. Rules of policies that are `Off` are left out."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        custom_rules: bool = False,
        counter: TokenCounter | None = None,
        on_failure: OnFailure = lambda _rule, _reason: None,
        earlier: Program | None = None,
    ) -> None:
        """Raises `ValueError`, naming rule and field, when something in the snapshot cannot run.

        `custom_rules`: whether `class` may load code. `counter`: the process's own; each has a thread and a cache.
        `on_failure` is told rule and reason each time a `class` rule fails. `earlier`, with the same counter: its rules
        that are still the same are not compiled again.
        """
        self.snapshot = snapshot
        self.counter = counter if counter is not None else TokenCounter()
        self.backends: dict[str, Backend] = {backend.name: backend for backend in snapshot.backends}
        self.default: Rule | None = snapshot.default
        known = {compiled.rule.name: compiled for compiled in earlier.rules} if earlier is not None else {}
        self.rules: tuple[CompiledRule, ...] = tuple(
            _again(rule, known.get(rule.name))
            or _compiled(rule, self.counter, _Loading(custom_rules, partial(on_failure, rule.name)))
            for rule in snapshot.rules
            if rule.mode != "Off"
        )

    @property
    def switched_off(self) -> tuple[str, ...]:
        """Rules whose `class` failed so often in a row that it is not asked any more."""
        return tuple(
            compiled.rule.name
            for compiled in self.rules
            for matcher in compiled.asking
            if isinstance(matcher, Custom) and matcher.switched_off
        )


class _Loading(NamedTuple):
    """Whether `class` may load code, and whom its failures are told."""

    allowed: bool
    on_failure: Callable[[str], None]


def _again(rule: Rule, known: CompiledRule | None) -> CompiledRule | None:
    """What the rule was compiled to before, if it is the same; a `class` starts anew: it keeps a state of its own."""
    same = known is not None and known.rule == rule and rule.match.custom is None
    return known if same else None


def _compiled(rule: Rule, counter: TokenCounter, loading: _Loading) -> CompiledRule:
    makers: tuple[tuple[str, Maker], ...] = (
        *_QUICK_MAKERS,
        ("promptTokens", lambda match: PromptTokens(match.prompt_tokens, counter) if match.prompt_tokens else None),
        ("contains", lambda match: Contains(match.contains) if match.contains else None),
        ("class", lambda match: _custom(match.custom, loading) if match.custom else None),
    )
    matchers = tuple(
        matcher for field, make in makers if (matcher := _made(make, rule.match, f"rule {rule.name}: {field}"))
    )
    asking = tuple(matcher for matcher in matchers if isinstance(matcher, PromptTokens | Custom))
    bodiless = all(isinstance(matcher, Paths | Headers | Clients) for matcher in matchers)
    return CompiledRule(rule, matchers, tuple(matcher.holds for matcher in matchers), asking, bodiless)


def _made(make: Maker, match: Match, place: str) -> Matcher | None:
    try:
        return make(match)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _custom(custom: CustomRule, loading: _Loading) -> Custom:
    if not loading.allowed:
        raise ValueError("this process loads no code of its own user; remove `class` or allow custom rules")
    return Custom(custom, on_failure=loading.on_failure)


Maker = Callable[[Match], Matcher | None]

_QUICK_MAKERS: tuple[tuple[str, Maker], ...] = (
    ("stream", lambda match: Stream(match.stream) if match.stream is not None else None),
    ("thinking", lambda match: Thinking(match.thinking) if match.thinking is not None else None),
    ("task", lambda match: TaskIs(match.task) if match.task else None),
    ("agents", lambda match: Agents(match.agents) if match.agents else None),
    ("models", lambda match: Models(match.models) if match.models else None),
    ("paths", lambda match: Paths(match.paths) if match.paths else None),
    ("clients", lambda match: Clients(match.clients) if match.clients else None),
    ("headers", lambda match: Headers(match.headers) if match.headers else None),
    ("session.minTurns", lambda match: SessionTurns(match.session_min_turns) if match.session_min_turns else None),
    ("cachedTokens", lambda match: CachedTokens(match.cached_tokens) if match.cached_tokens else None),
    ("tools", lambda match: Tools(match.tools) if match.tools else None),
    ("metadata", lambda match: Metadata(match.metadata) if match.metadata else None),
)
"""By cost: what lies ready first, then look-ups in headers, then what walks over the body."""
