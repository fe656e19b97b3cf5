"""A written match to the contract's Match: patterns proved with RE2, ranges in order.

RE2 runs a pattern in time linear to the text, so what somebody writes can be slow to nobody. Next: `spoken.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import re2

from ccproxy_contract.patterns import REGEX_PREFIX, re2_source
from ccproxy_contract.snapshot import CustomRule, TokenRange
from ccproxy_contract.snapshot import Match as RunMatch
from ccproxy_policy.kinds.routing_policy import Match
from ccproxy_policy.problems import PathParts

MAX_PATTERN_MEMORY_BYTES: Final = 1 << 18
"""A pattern may not compile to more; RE2's own bound is 8 MiB, and a snapshot may hold thousands."""


def pattern_cost(match: Match) -> int:
    """What proving the patterns may take: one per pattern and per letter of an expression, each 0.1 ms at the worst
    (`(?i)` and Unicode classes, RE2 2025, 2026-11-21)."""
    patterns = (pattern for _, pattern in _patterns(match, ()))
    return sum(1 + len(pattern) * pattern.startswith(REGEX_PREFIX) for pattern in patterns)


def compiled(pattern: str) -> Callable[[str], bool] | None:
    """A test of a glob or `re:` pattern against a text; `None` when RE2 cannot express the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY_BYTES
    try:
        program = re2.compile(re2_source(pattern), options)
    except re2.error:
        return None
    return lambda text: program.search(text) is not None


def match_from(match: Match) -> RunMatch:
    """The match as the sidecar runs it; call only when `match_findings` found nothing."""
    tokens = match.prompt_tokens
    return RunMatch(
        models=tuple(match.models),
        prompt_tokens=TokenRange(min=tokens.min, max=tokens.max) if tokens else None,
        cached_tokens=TokenRange(min=match.cached_tokens.min) if match.cached_tokens else None,
        thinking=match.thinking,
        tools=tuple(match.tools),
        agents=tuple(match.agents),
        task=tuple(match.task),
        stream=match.stream,
        headers={name.lower(): pattern for name, pattern in match.headers.items()},
        paths=tuple(match.paths),
        metadata=dict(match.metadata),
        session_min_turns=match.session.min_turns if match.session else None,
        contains=tuple(match.contains),
        clients=tuple(match.clients),
        custom=CustomRule(target=match.class_, params=dict(match.params)) if match.class_ else None,
    )


def match_findings(match: Match, here: PathParts) -> Iterator[tuple[PathParts, str]]:
    """What is wrong with a match that stands at path `here`."""
    for parts, pattern in _patterns(match, here):
        if compiled(pattern) is None:
            yield parts, _REFUSED
    tokens = match.prompt_tokens
    if tokens and tokens.min is None and tokens.max is None:
        yield (*here, "promptTokens"), "write min, max or both"
    if tokens and tokens.min is not None and tokens.max is not None and tokens.min > tokens.max:
        yield (*here, "promptTokens"), f"min {tokens.min} is above max {tokens.max}, nothing can match; swap them"
    if match.params and not match.class_:
        yield (*here, "params"), "goes with `class`; write class: module:Class, or leave params out"
    if len({name.lower() for name in match.headers}) != len(match.headers):
        yield (*here, "headers"), "a header stands twice (header names ignore case); keep one of them"


_REFUSED: Final = (
    "RE2 cannot run this pattern; write a glob like `claude-*`, or `re:` and an expression without look-ahead, "
    "look-behind and back-references"
)


def _patterns(match: Match, here: PathParts) -> Iterator[tuple[PathParts, str]]:
    lists = {
        "models": match.models,
        "tools": match.tools,
        "agents": match.agents,
        "paths": match.paths,
        "contains": match.contains,
        "clients": match.clients,
    }
    for name, patterns in lists.items():
        yield from (((*here, name, index), pattern) for index, pattern in enumerate(patterns))
    for name, by_key in (("headers", match.headers), ("metadata", match.metadata)):
        yield from (((*here, name, key), pattern) for key, pattern in by_key.items())
