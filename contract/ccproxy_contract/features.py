"""What a build of the sidecar can do, by name: so that an old sidecar under a new operator gets only rules it knows.

A name is added with each field or strategy of a later release, and never changes. Must not hold versions: there is no
version gate. This is the last file of the contract; the walk goes on in `runtime`.
"""

from __future__ import annotations

from typing import Final

from ccproxy_contract.snapshot import Match, Rule, Treatment

_MATCHES: Final = tuple(f"match.{field}" for field in Match.__struct_fields__)
_TREATMENTS: Final = tuple(f"then.{field}" for field in Treatment.__struct_fields__)
_STRATEGIES: Final = ("route.Priority", "route.RoundRobin", "route.Weighted")

KNOWN_BOOK: Final = "stream.KnownBook"
"""A slice need not hold the prices of a book that the sidecar runs already (`snapshot.lean_bytes`)."""

FEATURES: Final[frozenset[str]] = frozenset((*_MATCHES, *_TREATMENTS, *_STRATEGIES, KNOWN_BOOK))
"""What this build can do."""


def needs(rule: Rule) -> frozenset[str]:
    """The features that a sidecar must have to run `rule` as written."""
    unasked = Match()
    asked = {f"match.{name}" for name in Match.__struct_fields__ if getattr(rule.match, name) != getattr(unasked, name)}
    does = {f"then.{name}" for name in Treatment.__struct_fields__ if getattr(rule.then, name) is not None}
    if rule.then.route is not None:
        does.add(f"route.{rule.then.route.strategy}")
    return frozenset(asked | does)
