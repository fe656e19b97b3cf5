"""`headers`: header name to pattern, all must hold; a missing header holds for no pattern. Next: `session_turns.py`."""

from __future__ import annotations

from collections.abc import Mapping

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Headers:
    __slots__ = ("_wanted",)
    field = "headers"

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._wanted = tuple((name, AnyPattern((pattern,))) for name, pattern in patterns.items())

    def holds(self, call: Call) -> bool:
        for name, pattern in self._wanted:
            value = call.headers.get(name)
            if value is None or not pattern.holds(value):
                return False
        return True

    def why(self, call: Call) -> str:
        states = []
        for name, pattern in self._wanted:
            value = call.headers.get(name)
            if value is None:
                states.append(f"{name} is missing")
            else:
                states.append(f"{name} {'fits' if pattern.holds(value) else 'does not fit'}")
        return ", ".join(states)
