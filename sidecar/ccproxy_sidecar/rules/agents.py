"""`agents`: patterns over the agent's type (found by `sessions/agents.py`). Next: `models.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Agents:
    __slots__ = ("_fits",)
    field = "agents"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._fits = AnyPattern(patterns).holds

    def holds(self, call: Call) -> bool:
        return self._fits(call.agent)

    def why(self, call: Call) -> str:
        return f"the agent is {call.agent}"
