"""Which dialects the calls of a rule speak, and whether its targets can answer them without translation.

Translation between dialects is a later issue. A compile cannot know every client, so it refuses what cannot be meant:
targets of a rule's own route that share no dialect (some client could never fail over), targets that speak none of the
dialects that `paths` name, and targets that speak none of the native dialects of the model family that `models`
names (`claude-*`, `gpt-*`, `gemini-*`). A policy's `default` is for clients of every dialect: its targets may differ,
each call goes to those that speak its own. Any other call that meets a target without its dialect is refused by the
sidecar in the client's own error shape, never sent. Next: `policies.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ccproxy_contract.snapshot import DialectName
from ccproxy_policy.kinds.routing_policy import Match
from ccproxy_policy.matching import compiled

Dialects = frozenset[DialectName]

_LATER: Final = "translation between dialects is a later issue"

_PATHS: Final[dict[DialectName, tuple[str, ...]]] = {
    "anthropic-messages": ("/v1/messages", "/v1/messages/count_tokens"),
    "openai-chat": ("/v1/chat/completions",),
    "openai-responses": ("/v1/responses", "/v1/responses/resp_1", "/v1/responses/compact"),
    "openai-embeddings": ("/v1/embeddings",),
    "gemini-generate": (
        "/v1beta/models/gemini-3-pro:generateContent",
        "/v1beta/models/gemini-3-pro:streamGenerateContent",
        "/v1beta/models/gemini-3-pro:countTokens",
        "/v1beta/models/gemini-3-pro:embedContent",
    ),
}
"""Example paths of each dialect: a path pattern means the dialects whose examples it matches."""

_OPENAI: Final[Dialects] = frozenset({"openai-chat", "openai-responses", "openai-embeddings"})
_FAMILIES: Final[tuple[tuple[re.Pattern[str], Dialects], ...]] = (
    (re.compile(r"claude-[\w.*?-]*"), frozenset({"anthropic-messages"})),
    (re.compile(r"(gpt-|text-embedding-|o[1-9](-|$))[\w.*?-]*"), _OPENAI),
    (re.compile(r"gemini-[\w.*?-]*"), frozenset({"gemini-generate"})),
)
"""Model name patterns of one family, and the dialects of that family's own SDK."""


def route_finding(match: Match | None, targets: Sequence[Sequence[DialectName]], *, of_default: bool) -> str:
    """Why calls of the match can not all be answered by targets of these dialects; empty when they can."""
    if not targets:
        return ""
    spoken: list[Dialects] = [frozenset(dialects) for dialects in targets]
    asked = _asked(match) if match else frozenset()
    if asked and not any(asked & dialects for dialects in spoken):
        names = " or ".join(sorted(asked))
        return f"its calls speak {names}, which no target speaks; {_LATER}: write targets whose backends speak it"
    shared = frozenset.intersection(*spoken)
    if not of_default and not (shared & asked if asked else shared):
        return f"its targets share no dialect; {_LATER}: write one rule per dialect, told apart by `paths`"
    return ""


def _asked(match: Match) -> Dialects:
    """Dialects that the calls of a match speak as far as paths, else model names, tell; empty: any."""
    return _of_paths(match.paths) or _of_models(match.models)


def _of_paths(patterns: list[str]) -> Dialects:
    tests = [test for pattern in patterns if (test := compiled(pattern)) is not None]
    return frozenset(
        dialect for dialect, examples in _PATHS.items() if any(test(path) for test in tests for path in examples)
    )


def _of_models(patterns: list[str]) -> Dialects:
    """The native dialects of the models, when every pattern is of a known family."""
    found: set[DialectName] = set()
    for pattern in patterns:
        family = next((dialects for names, dialects in _FAMILIES if names.fullmatch(pattern)), None)
        if family is None:
            return frozenset()
        found |= family
    return frozenset(found)
