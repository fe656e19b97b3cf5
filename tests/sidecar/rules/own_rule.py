"""A user's own rule, as a user would write it."""

from __future__ import annotations

from ccproxy_sidecar.rules.facts import Facts


class LongModelName:
    def __init__(self, chars: int) -> None:
        self._chars = chars

    def matches(self, facts: Facts) -> bool:
        if facts.model == "breaks":
            raise RuntimeError("the rule is wrong")
        return len(facts.model) >= self._chars
