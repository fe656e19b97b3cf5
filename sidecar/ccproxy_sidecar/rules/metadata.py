"""`metadata`: key of the client's metadata to pattern, all must hold. Next: `prompt_tokens.py`."""

from __future__ import annotations

from collections.abc import Mapping

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Metadata:
    __slots__ = ("_wanted",)
    field = "metadata"

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._wanted = tuple((key, AnyPattern((pattern,))) for key, pattern in patterns.items())

    def holds(self, call: Call) -> bool:
        if call.request is None:
            return False
        given = call.request.metadata
        return all(key in given and pattern.holds(given[key]) for key, pattern in self._wanted)

    def why(self, call: Call) -> str:
        given = call.request.metadata if call.request is not None else {}
        states = []
        for key, pattern in self._wanted:
            if key not in given:
                states.append(f"{key} is missing")
            else:
                states.append(f"{key} {'fits' if pattern.holds(given[key]) else 'does not fit'}")
        return ", ".join(states)
