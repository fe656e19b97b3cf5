"""`clients`: patterns over the User-Agent. A hint like every header: any client can send any. Next: `headers.py`."""

from __future__ import annotations

from ccproxy_sidecar.call import Call
from ccproxy_sidecar.rules.pattern import AnyPattern


class Clients:
    __slots__ = ("_fits",)
    field = "clients"

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._fits = AnyPattern(patterns).holds

    def holds(self, call: Call) -> bool:
        return self._fits(call.headers.get("user-agent", ""))

    def why(self, call: Call) -> str:
        return f"the client is {call.headers.get('user-agent') or 'not named'}"
