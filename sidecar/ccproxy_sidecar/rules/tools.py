"""`tools`: patterns over the names (or types) of the tools that the call offers. Next: `metadata.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Tools:
    __slots__ = ("_wanted",)
    field = "tools"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._wanted = AnyPattern(patterns)

    def holds(self, call: Call) -> bool:
        if call.request is None:
            return False
        wanted = self._wanted.holds
        return any(wanted(name) for name in call.request.tool_names)

    def why(self, call: Call) -> str:
        names = call.request.tool_names if call.request is not None else ()
        fitting = next((name for name in names if self._wanted.holds(name)), None)
        if fitting is not None:
            return f"it offers the tool {fitting}"
        return f"none of its {len(names)} tools fits" if names else "it offers no tools"
