"""`contains`: patterns searched in every text of the call; the dearest of the matchers that need no time off the loop.

Must never show what was found. Next: `facts.py`.
"""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import search_test


class Contains:
    __slots__ = ("_tests",)
    field = "contains"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._tests = tuple(search_test(pattern) for pattern in patterns)

    def holds(self, call: Call) -> bool:
        return self._found(call) is not None

    def why(self, call: Call) -> str:
        found = self._found(call)
        if found is None:
            return f"none of its {len(self._tests)} patterns occurs"
        return f"pattern {found + 1} of {len(self._tests)} occurs"

    def _found(self, call: Call) -> int | None:
        """Which pattern occurs in the earliest text that has one."""
        if call.request is None:
            return None
        for text in call.request.texts():
            for position, test in enumerate(self._tests):
                if test(text):
                    return position
        return None
