"""`paths`: patterns over the raw path of the call, without its query. Next: `clients.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Paths:
    __slots__ = ("_fits",)
    field = "paths"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._fits = AnyPattern(patterns).holds

    def holds(self, call: Call) -> bool:
        return self._fits(call.path)

    def why(self, call: Call) -> str:
        return f"the path is {call.path}"
